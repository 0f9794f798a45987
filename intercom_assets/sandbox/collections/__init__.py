"""Collections that are served by a declaration: each in a module of this package is.

A collection with rules of its own (contacts, companies, conversations, tickets) is not among them.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import TypeVar

from intercom_assets.sandbox.collections.declaration import Collection, Nested, Paging

T = TypeVar("T", Collection, Nested)


def _declared(kind: type[T]) -> Iterator[tuple[str, T]]:
    for module in iter_modules(__path__, f"{__name__}."):
        for value in vars(import_module(module.name)).values():
            if isinstance(value, kind):
                yield value.name, value


PLAIN: dict[str, Collection] = dict(_declared(Collection))
SEARCHED = {name: each for name, each in PLAIN.items() if each.paging is Paging.SEARCH}
NESTED: dict[str, Nested] = dict(_declared(Nested))
