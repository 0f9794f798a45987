"""What one kind of warehouse has otherwise than the others; everything else is one SQL for all."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """What one kind of warehouse has otherwise than the others.

    Attributes:
        layout: The version of what our own tables mean in it, see `layout`.
        shares_books: Whether the streams share our own tables, a row or some each. Where commits
            conflict by the table, each stream has its own.
    """

    layout: int
    shares_books: bool

    def book(self, name: str, stream: str) -> str:
        """The table of ours in which something of a stream stands.

        Args:
            name: What stands in it, one of `layout.BOOKS`.
            stream: The stream.
        """
        return name if self.shares_books else f"{name}_{stream}"
