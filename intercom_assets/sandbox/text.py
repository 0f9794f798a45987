"""Turns the HTML of messages into the plain text that `display_as=plaintext` answers."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_BLOCKS = frozenset({
    "address", "article", "blockquote", "div", "dl", "dt", "dd", "figure", "footer", "h1", "h2",
    "h3", "h4", "h5", "h6", "header", "hr", "li", "ol", "p", "pre", "section", "table", "tr",
    "ul",
})  # fmt: skip
_SILENT = frozenset({"script", "style", "head", "title"})


def plaintext(html: str) -> str:
    """Strips tags, decodes entities, and writes links as ``label (url)``."""
    if "<" not in html and "&" not in html:
        return html
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.text()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._pieces: list[str] = []
        self._links: list[tuple[str, int]] = []  # the url, and where its label begins
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag == "a":
            self._links.append((dict(attrs).get("href") or "", len(self._pieces)))
        elif tag == "br" or tag in _BLOCKS:
            self._pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(self._silent - 1, 0)
        elif tag == "a":
            self._end_link()
        elif tag in _BLOCKS:
            self._pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._pieces.append(data)

    def _end_link(self) -> None:
        if not self._links:
            return
        url, begin = self._links.pop()
        label = "".join(self._pieces[begin:]).strip()
        # A bare address is its own label; writing it twice tells nothing.
        if url and url != label:
            self._pieces.append(f" ({url})" if label else url)

    def text(self) -> str:
        while self._links:
            self._end_link()
        lines = (line.strip() for line in "".join(self._pieces).split("\n"))
        return re.sub(r"\n{2,}", "\n", "\n".join(lines)).strip("\n")
