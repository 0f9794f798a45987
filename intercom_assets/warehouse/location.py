"""Where a database is, in one spelling: DuckDB, our locks beside it and all messages use this one.

DuckDB takes ``~`` for the home folder, a lock's path does not; a symbolic link puts DuckDB's log
beside the link (seen with 1.4.4), so that who opens the file itself misses it.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit


def located(database: str) -> str:
    """A database's one spelling: a file's absolute path without links, anything else as it is.

    Args:
        database: A path, relative to the working directory if it is not absolute, ``~/…``,
            ``file:///…``; or what is no file, such as ``md:…`` or ``:memory:``. A DuckLake's
            catalogue may be a file, ``ducklake:…`` or ``ducklake:sqlite:…``.
    """
    text = database.strip()
    for scheme in ("ducklake:sqlite:", "ducklake:"):
        rest = text[len(scheme) :]
        # What has neither a folder nor an ending is the name of a secret.
        if text.casefold().startswith(scheme) and ("/" in rest or "." in rest):
            return scheme + (rest if local_file(rest) is None else str(local_file(rest)))
    file = local_file(database)
    return text if file is None else str(file)


def local_file(database: str) -> Path | None:
    """The file that a database is; None if it is no file of this machine."""
    text = database.strip()
    if text.casefold().startswith("file:///"):
        text = unquote(urlsplit(text).path)
    # What is before the colon of a Windows path is one letter.
    if not text or text.startswith(":") or ":" in text.split("/", 1)[0][2:]:
        return None
    return Path(text).expanduser().resolve()
