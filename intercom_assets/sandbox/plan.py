"""What a workspace is made from: its seed, its sizes and its place in time."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from random import Random
from typing import Any

Record = dict[str, Any]

DAY = 86_400
_GOLDEN = 0x9E3779B97F4A7C15
_MASK = 0xFFFFFFFFFFFFFFFF


@dataclass(frozen=True)
class Plan:
    """The whole input of the generator; equal plans make equal workspaces."""

    seed: int
    contacts: int
    companies: int
    conversations: int
    admins: int
    teams: int
    tags: int
    segments: int
    timezone: str
    id_code: str
    region: str
    history_days: int
    parts_per_conversation: int
    long_conversations: int
    hidden: int
    tickets: int
    parts_per_ticket: int
    long_tickets: int
    anchor: int

    @property
    def span(self) -> int:
        """Seconds of history."""
        return max(self.history_days * DAY, 1)

    @property
    def start(self) -> int:
        """The first second of history."""
        return self.anchor - self.span

    def rng(self, noun: str) -> Random:
        """A stream of chance of its own, so that one kind's size does not shift another's data."""
        return Random(f"{self.seed}:{noun}")

    def hex_id(self, noun: str, n: int) -> str:
        """A 24-digit id: unique for every n, in no order of time."""
        prefix = 0x60000000 | zlib.crc32(f"{self.seed}:{noun}".encode()) & 0x07FFFFFF
        # Multiplying by an odd number is a bijection on 64 bits: no two n meet.
        return f"{prefix:08x}{((n + 1) * _GOLDEN + self.seed) & _MASK:016x}"
