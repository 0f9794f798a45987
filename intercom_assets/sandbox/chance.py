"""Chance without a memory: what an id draws is the same each time it is asked."""

from __future__ import annotations

from zlib import crc32


def draw(id: str, salt: str, sides: int) -> int:
    """A number from 0 to below `sides`; each salt is another die."""
    return crc32(f"{id}{salt}".encode()) % sides
