"""Keeps within Intercom's rate limit by what its answers say, without a number to tune.

Every answer tells the limit of the current window (X-RateLimit-Limit), how many calls are left in
it (-Remaining) and when the next one begins (-Reset, in whole epoch seconds). All apps of a
workspace, and all processes with one token, take from the same window, so a request may start as
long as what is left is more than

- the requests under way, which may not have been counted yet, ours and as many of the others' as
  their part of this window lets expect, and
- what the others used in the window before and have not used in this one yet; what they use while
  an answer travels, it does not tell.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from intercom_assets.client.clock import ServerClock
from intercom_assets.client.latency import Latency
from intercom_assets.client.quota import told_wait, told_window

# Intercom's windows last ten seconds; the wait after a 429 that does not say how long.
WINDOW_SECONDS = 10.0
# Whatever headers say: no call waits longer than so many windows for one of them.
MOST_WINDOWS = 2
# The first wait after a 429 whose headers say that there is nothing to wait for; they double.
SHORTEST_WAIT_SECONDS = 0.05
USUAL_IN_FLIGHT = 64
# Answers of one window from which our part of it can be told.
ENOUGH_TO_TELL = 20
# Seconds of a window from which the habits of others can be told.
TELLING_SECONDS = 0.5
# How soon what lacks room looks again.
LOOK_AGAIN_SECONDS = 0.2
# A run that is cancelled interrupts a thread between two waits only.
INTERRUPTIBLE_SECONDS = 1.0
# How old the newest news may be before a single request asks for more.
PROBE_SECONDS = 0.5
# Others are left a little more than they had: how much the refused ones wanted is not known.
OTHERS_MAY_GROW = 1.1
# About what an answer gives a thread to do.
WORK_SECONDS = 0.005
# An answer that takes longer was not on its way all the time.
LONGEST_TRAVEL_SECONDS = 1.0


class Pacer:
    """Admits requests; shared by all threads that use one token.

    Args:
        max_in_flight: How many requests may be under way at once, at the most.
        clock: The server's clock.
    """

    def __init__(self, max_in_flight: int, clock: ServerClock) -> None:
        self._max_in_flight = max_in_flight
        self._clock = clock
        self._changed = threading.Condition()
        self._in_flight = 0
        self._admitted_at = 0.0
        self._took = Latency()
        self._blocked_until = 0.0
        # The window: what it allows, how much of that is left, and how much of the rest was ours.
        self._limit: int | None = None
        self._remaining = 0
        self._answered = 0
        self._reset = 0.0
        # By our own clock: the server's may be told wrong, and then nobody would ask it again.
        self._latest_end = 0.0
        self._observed_at = 0.0
        # Whether its time is over, and no answer has told of the next one yet.
        self._is_over = False
        # Of the window before: what others used of it, and which part of all calls was ours.
        self._others_before: int | None = None
        self._share_before = 1.0
        self._came_at = 0.0

    def __enter__(self) -> None:
        with self._changed:
            while wait := self._wait():
                self._changed.wait(min(wait, INTERRUPTIBLE_SECONDS))
            self._in_flight += 1
            self._admitted_at = time.monotonic()

    def __exit__(self, *exc_info: object) -> None:
        with self._changed:
            self._in_flight -= 1
            self._changed.notify()

    def level(self) -> int:
        """How many requests may be under way at once: what it takes to use up the window in time.

        At least `USUAL_IN_FLIGHT`, with which a short job is done before the limit is felt.
        """
        left = max(self._left(), 0.1)
        needed = 1.2 * self._remaining / left * self._took.usual
        return int(min(self._max_in_flight, max(USUAL_IN_FLIGHT, needed)))

    def worthwhile(self, most: int) -> int:
        """How many threads of their own are worth having for calls, 0 to ``most``.

        As many as find something to do while an answer is waited for: where Intercom is near, they
        would only wait for each other. 0 as long as nothing is known.
        """
        return min(most, int(self._took.least / WORK_SECONDS))

    def observe(self, headers: Mapping[str, str], seconds: float | None = None) -> None:
        """Learns from an answer.

        Args:
            headers: The window's state; without it nothing is limited.
            seconds: How long the answer took; None for one that was refused, which is faster.
        """
        if seconds is not None:
            with self._changed:
                self._took.learn(seconds)
        told = told_window(headers, self._clock.time(), MOST_WINDOWS * WINDOW_SECONDS)
        if told is None:
            return
        limit, remaining, reset = told
        with self._changed:
            if reset < self._reset or (reset == self._reset and self._is_over):
                return  # an answer of a window that is over
            if self._limit is None:
                # What was used before we came is nobody's habit.
                self._answered = limit - remaining - 1
                self._came_at = time.monotonic()
            elif reset > self._reset:
                self._roll()
            if reset > self._reset:
                self._reset, self._is_over = reset, False
                self._latest_end = time.monotonic() + MOST_WINDOWS * WINDOW_SECONDS
                self._remaining = remaining
                self._changed.notify_all()
            self._limit, self._observed_at = limit, time.monotonic()
            self._answered += 1
            # Within one window the smallest count is the newest, whatever order answers arrive in.
            self._remaining = min(self._remaining, remaining)

    def back_off(self, headers: Mapping[str, str], refused: int = 1) -> float:
        """Holds every request back after a 429.

        Args:
            headers: Of the answer.
            refused: How often in a row; waits of almost nothing get longer with it.

        Returns:
            For how many seconds.
        """
        longest = MOST_WINDOWS * WINDOW_SECONDS
        wait = told_wait(headers, self._clock.time(), longest)
        least = min(SHORTEST_WAIT_SECONDS * 2 ** (refused - 1), WINDOW_SECONDS)
        wait = WINDOW_SECONDS if wait is None else max(wait, least)
        with self._changed:
            self._blocked_until = max(self._blocked_until, time.monotonic() + wait)
        return wait

    def _left(self) -> float:
        """Seconds until the next window begins; negative if it has."""
        return min(self._reset - self._clock.time(), self._latest_end - time.monotonic())

    def _wait(self) -> float:
        """Seconds until it is worth asking again; 0 if a request may start now."""
        blocked = self._blocked_until - time.monotonic()
        if blocked > 0:
            return blocked
        if self._in_flight >= self.level():
            return LOOK_AGAIN_SECONDS
        if self._limit is None:
            return 0.0
        left = self._left()
        if left <= 0:
            self._roll()
            if not self._is_over:
                self._remaining, self._is_over = self._limit, True
                self._observed_at = time.monotonic()
            left += WINDOW_SECONDS
        if self._has_room(left):
            return 0.0
        if self._remaining < 1:
            return max(left, 0.05)
        # Only an answer tells that the others use less than expected, and it may be long in coming.
        silence = time.monotonic() - max(self._observed_at, self._admitted_at)
        if silence > max(PROBE_SECONDS, 2 * self._took.usual):
            return 0.0
        return min(max(left, 0.05), LOOK_AGAIN_SECONDS)

    def _roll(self) -> None:
        """Begins a window, unless it has begun already because its time had come."""
        if self._is_over or self._limit is None:
            return
        # Of what others did since the newest answer nothing is known.
        seen, used = self._observed_at - self._came_at, self._limit - self._remaining
        if seen > TELLING_SECONDS:
            others = max(0, used - self._answered)
            self._others_before = round(OTHERS_MAY_GROW * others * max(1.0, WINDOW_SECONDS / seen))
        self._came_at = time.monotonic()
        self._share_before = self._answered / used if self._answered and used else 1.0
        self._answered = 0

    def _has_room(self, left: float) -> bool:
        """Whether the window has a call to spare that neither we nor the others need."""
        # What others use while an answer travels is in both: as calls under way, and as time.
        travel = min(self._took.usual, LONGEST_TRAVEL_SECONDS)
        is_left = self._in_flight + 1 <= self._to_spare(left, travel)
        return is_left and self._counted() <= self._to_spare(left)

    def _counted(self) -> float:
        """Calls that the window must still have for one more of ours: those under way, too."""
        if not self._in_flight:
            return 1.0
        share = self._share()
        under_way = (self._in_flight + 1) / share
        # What others have under way is an estimate.
        return under_way if share > 0.9 else 1.5 * under_way

    def _share(self) -> float:
        """Which part of all calls is ours, by those of this window once there are enough."""
        used = (self._limit or 0) - self._remaining
        if self._answered < ENOUGH_TO_TELL or not used:
            return self._share_before
        return min(1.0, self._answered / used)

    def _to_spare(self, left: float, travel: float = 0.0) -> float:
        """Calls left in the window, without those that the others are going to make.

        Args:
            left: Seconds that are left of the window.
            travel: Seconds before its arrival in which the newest answer was on its way.
        """
        now = time.monotonic()
        used = max(0, (self._limit or 0) - self._remaining - self._answered - self._in_flight)
        # They have gone on since what is left was counted.
        age = now - self._observed_at + travel
        if self._others_before is None:
            # No window before: they go on as they do in this one.
            since = now - self._came_at
            rate = used / since if since > TELLING_SECONDS else 0.0
            outstanding = rate * (left + age)
        else:
            rate = self._others_before / WINDOW_SECONDS
            outstanding = max(0.0, min(self._others_before - used, rate * (left + age)))
        return self._remaining - max(rate * age, outstanding)
