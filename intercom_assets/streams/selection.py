"""Which streams are read: by name, by group, the default ones, or all."""

from __future__ import annotations

import os
from collections.abc import Iterable

from intercom_assets.client.errors import ConfigError
from intercom_assets.streams import GROUPS, STREAMS, BaseStream, ChildStream, NestedStream

DEFAULT, ALL = "default", "all"
# What may stand for several streams.
SHORT_FORMS = (DEFAULT, ALL, *GROUPS)
VARIABLE = "INTERCOM_STREAMS"
HISTORY_VARIABLE = "INTERCOM_HISTORY"


def choose(wanted: str | Iterable[str] | None = None) -> list[str]:
    """Names of streams, in the order of `STREAMS`.

    A stream that stands inside another's records comes with it, and brings it along: one read
    serves both.

    Args:
        wanted: Streams' names, groups (people, support, workspace, content: those of their streams
            that are default ones), ``default`` or ``all``; as a list, or as a text with commas.
            None is what ``INTERCOM_STREAMS`` says, else ``default``.

    Raises:
        ConfigError: For a name that neither a stream nor a group has.
    """
    if wanted is None:
        wanted = os.environ.get(VARIABLE, "").strip() or DEFAULT
    names = wanted.split(",") if isinstance(wanted, str) else list(wanted)
    chosen: set[str] = set()
    for name in map(str.strip, names):
        chosen.update(_meant_by(name))
    for name, stream in STREAMS.items():
        if issubclass(stream, NestedStream) and stream.parent:
            both = {name, stream.parent.tap_stream_id}
            chosen |= both if both & chosen else set()
    return [name for name in STREAMS if name in chosen]


def with_history(wanted: str | Iterable[str] | None = None) -> list[str]:
    """Names of the streams of whose rows each version is kept, in the order of `STREAMS`.

    Args:
        wanted: Their names, as a list, or as a text with commas. None is what ``INTERCOM_HISTORY``
            says, else none.

    Raises:
        ConfigError: For a name that no stream has whose records tell when they changed.
    """
    if wanted is None:
        wanted = os.environ.get(HISTORY_VARIABLE, "")
    names = wanted.split(",") if isinstance(wanted, str) else wanted
    chosen = {name.strip() for name in names} - {""}
    known = [name for name, stream in STREAMS.items() if _tells_changes(stream)]
    if unknown := sorted(chosen - set(known)):
        raise ConfigError(
            f"history has {', '.join(unknown)}: it is kept of streams whose records tell when they "
            f"changed, {', '.join(known)}"
        )
    return [name for name in known if name in chosen]


def _tells_changes(stream: type[BaseStream]) -> bool:
    of_parent = issubclass(stream, (ChildStream, NestedStream))
    return stream.replication_key == "updated_at" and not of_parent


def _meant_by(name: str) -> list[str]:
    if name == ALL:
        return list(STREAMS)
    if name == DEFAULT or name in GROUPS:
        return [
            stream.tap_stream_id
            for stream in STREAMS.values()
            if stream.default and name in (DEFAULT, stream.group)
        ]
    if name in STREAMS:
        return [name]
    raise ConfigError(
        f"no such stream: {name!r}; there are {', '.join(STREAMS)}, and for several of them "
        f"{', '.join(SHORT_FORMS)}"
    )
