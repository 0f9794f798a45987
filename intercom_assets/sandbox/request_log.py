"""The log of the requests that a sandbox received."""

from __future__ import annotations

import re
import threading
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

# A path segment with a digit in it is taken for an id.
ID = re.compile(r"/[^/]*\d[^/]*")


@dataclass(slots=True)
class RequestLog:
    """One request; its status is 0 until it was answered, or when it never was."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    status: int
    at: float


class RequestLogs:
    """The newest requests, and counts of all."""

    def __init__(self, keep: int) -> None:
        self.keep = keep
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._entries: deque[RequestLog] = deque(maxlen=self.keep)
            self._paths: Counter[str] = Counter()
            self._statuses: Counter[int] = Counter()
            self._first_at: float | None = None
            self._last_at: float | None = None
            self._in_flight = self.max_in_flight = 0

    def begin(self, entry: RequestLog) -> None:
        """Notes that a request arrived."""
        with self._lock:
            self._entries.append(entry)
            self._paths[entry.path] += 1
            self._first_at = self._first_at or entry.at
            self._last_at = entry.at
            self._in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self._in_flight)

    def end(self, entry: RequestLog) -> None:
        """Notes that a request was answered, or given up."""
        with self._lock:
            self._statuses[entry.status] += 1
            self._in_flight = max(0, self._in_flight - 1)

    def entries(self) -> list[RequestLog]:
        """The newest requests, oldest first."""
        with self._lock:
            return list(self._entries)

    def count(self, prefix: str = "") -> int:
        """How many requests had a path that begins so, kept or not."""
        with self._lock:
            return sum(n for path, n in self._paths.items() if path.startswith(prefix))

    def summary(self) -> dict[str, Any]:
        """Counts by path, ids left out, and by status."""
        with self._lock:
            paths: Counter[str] = Counter()
            for path, n in self._paths.items():
                paths[ID.sub("/{id}", path)] += n
            return {
                "total": sum(paths.values()),
                "paths": dict(sorted(paths.items())),
                "statuses": {str(status): n for status, n in sorted(self._statuses.items())},
                "first_at": self._first_at,
                "last_at": self._last_at,
                "max_in_flight": self.max_in_flight,
            }
