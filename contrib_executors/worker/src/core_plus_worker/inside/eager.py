"""Waiting for a peer that mostly answers at once."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import select

LOOK = 50e-6
"""Seconds of looking before sleeping: waking a core that has gone idle takes longer than most answers do."""

CAP = 500e-6
"""Seconds that a wait counts at most in the comparison."""

LONG = 20e-3
"""A wait of so many seconds was for the code or the host itself, and says nothing."""

PERIOD, LONGEST_PERIOD = 64, 4096
"""Waits between two trials of the other way; twice as many each time that the trial changes nothing."""

TRIAL = 16
"""Waits of a trial."""


class Eager:
    """A poll that may look a few times, letting others run in between, before it sleeps, if that is the quicker way.

    On two idle cores it is, by half. On busy ones it isn't: who lets others run waits for all of them, while one who
    sleeps is let in first when he wakes. Both are tried now and then, and the quicker one is kept.

    Args:
        poll: The poll object.
    """

    def __init__(self, poll: select.poll) -> None:
        self._poll = poll
        self._looks = self._best = True
        self._costs = [LOOK, LOOK]
        self._left = self._period = PERIOD

    def wait(self, milliseconds: float | None = None) -> list[Any]:
        """As `poll.poll`.

        Args:
            milliseconds: How long at most; None: until something comes.
        """
        began = time.perf_counter()
        events: list[Any] = []
        if self._looks:
            while True:
                events = self._poll.poll(0)
                if events or time.perf_counter() - began > LOOK:
                    break
                os.sched_yield()
        if not events:
            events = self._poll.poll(milliseconds)
        took = time.perf_counter() - began
        if took < LONG:
            cost = self._costs[self._looks]
            self._costs[self._looks] = cost + (min(took, CAP) - cost) / 4
            self._left -= 1
            if not self._left:
                self._turn()
        return events

    def _turn(self) -> None:
        """Begin a trial of the other way, or end it and keep the quicker one."""
        if self._looks is self._best:
            self._looks, self._left = not self._best, TRIAL
            return
        best = self._costs[True] < self._costs[False]
        self._period = min(2 * self._period, LONGEST_PERIOD) if best is self._best else PERIOD
        self._looks = self._best = best
        self._left = self._period
