"""Every stream there is: each class in a module of this package that names its table is one.

A stream is known by being declared here, in whichever module; nothing else has to be told.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from intercom_assets.streams.base import GROUPS, BaseStream


def declared() -> dict[str, type[BaseStream]]:
    """The streams by name: group by group, and in a group as the modules have them."""
    found = sorted(_classes(), key=lambda stream: GROUPS.index(stream.group))
    return {stream.tap_stream_id: stream for stream in found}


def _classes() -> Iterator[type[BaseStream]]:
    for module in iter_modules(__path__, f"{__name__}."):
        for value in vars(import_module(module.name)).values():
            if (
                isinstance(value, type)
                and issubclass(value, BaseStream)
                # Neither what a module imports, nor a family.
                and value.__module__ == module.name
                and "tap_stream_id" in vars(value)
            ):
                yield value
