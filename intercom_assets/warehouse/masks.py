"""What nobody may read in a message: the secrets in settings, however DuckDB spells them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit

# What hides secrets in messages.
MASK = "***"
# Shorter texts are no secrets, and would tear holes into every message.
SHORTEST_SECRET = 4
# What settings and statements are about that hold secrets.
_SIGNS = ("key", "passwd", "password", "secret", "token")
# One that is not closed reaches to the end.
_TEXT = re.compile(r"'((?:[^']|'')*)(?:'|$)|\"((?:[^\"]|\"\")*)(?:\"|$)|\$(\w*)\$(.*?)\$\3\$", re.S)
# Options of a secret that are none, and are good to read.
_OPEN = re.compile(
    r"\b(?:type|provider|chain|scope|region|endpoint|url_style|use_ssl)\s*=?\s*'[^']*'", re.I
)
_BARE = re.compile(rf"(?:{'|'.join(_SIGNS)})\w*(?:\s+|\s*=\s*)([^\s,;()'\"$]+)\s*[,);]", re.I)
# Of a Postgres or MySQL connection string, and of MotherDuck's.
_PASSWORD = re.compile(
    r"(?:password|passwd|token)\s*=\s*('(?:[^'\\]|\\.)*'|[^\s&;]+)", re.IGNORECASE
)


def masked(text: str, secrets: Iterable[str]) -> str:
    """A text without secrets."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def spellings(secret: str) -> Iterator[str]:
    """A secret as it is, in SQL, in a connection string and in a URI; nothing if it is short."""
    escaped = secret.replace("\\", "\\\\").replace("'", "\\'")
    for text in (secret, escaped, quote(secret, safe="")):
        yield from _long(text, text.replace("'", "''"))


def in_address(address: str) -> Iterator[str]:
    """The passwords in an address."""
    for found in _PASSWORD.findall(address):
        bare = found[1:-1] if found.startswith("'") else found
        for text in (found, bare, re.sub(r"\\(.)", r"\1", bare)):
            yield from spellings(text)
    # A connection string may be a URI, behind what DuckDB reads of it.
    if "://" in address:
        scheme, rest = address.split("://", 1)
        try:
            password = urlsplit(f"{scheme.rsplit(':', 1)[-1]}://{rest}").password
        except ValueError:
            password = None
        if password:
            yield from (*spellings(password), *spellings(unquote(password)))


def in_sql(statement: str) -> Iterator[str]:
    """The secrets that are written in SQL."""
    texts = [single or double or rest for single, double, _, rest in _TEXT.findall(statement)]
    for text in texts:
        yield from in_address(text.replace("''", "'"))
    if any(sign in statement.casefold() for sign in _SIGNS):
        hidden = _OPEN.sub("", statement)
        texts = [single or double or rest for single, double, _, rest in _TEXT.findall(hidden)]
        # Where a quotation mark is missing, a secret is between two texts.
        texts += [part for part in hidden.split("'") if not re.search(r"\s", part)]
        for text in (*texts, *_BARE.findall(hidden)):
            yield from (*_long(text), *spellings(text.replace("''", "'")))


def in_options(options: Mapping[str, Any]) -> Iterator[str]:
    """The secrets in options, by their names or as connection strings."""
    for name, value in options.items():
        if any(sign in name.casefold() for sign in _SIGNS):
            yield from spellings(str(value))
        elif isinstance(value, str):
            yield from in_address(value)


def _long(*texts: str) -> Iterable[str]:
    return (text for text in texts if len(text) >= SHORTEST_SECRET)
