"""How long Intercom's answers take."""

from __future__ import annotations

from collections import deque

# Answers that tell it: the middle one of them does.
LATENCIES = 9


class Latency:
    """The time that an answer usually takes, by the newest ones.

    Attributes:
        usual: Seconds; 0 as long as nothing is known.
        least: The same of the fastest of them, which waited for nothing of ours: beside other
            threads an answer that is there waits for its turn at Python's lock, and would look far.
    """

    def __init__(self) -> None:
        self.usual = self.least = 0.0
        # None until the first answer, which takes the time of opening a connection besides.
        self._took: deque[float] | None = None

    def learn(self, seconds: float) -> None:
        """Learns from an answer that took so long."""
        if self._took is None:
            self._took = deque(maxlen=LATENCIES)
            return
        self._took.append(seconds)
        in_order = sorted(self._took)
        self.usual, self.least = in_order[len(in_order) // 2], in_order[0]
