"""Waiting for a peer that mostly answers at once."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import select

LOOK = 20e-6
"""Seconds of looking before sleeping: waking a core that has gone idle takes longer than most answers do."""

QUICK = 100e-6
"""A wait shorter than this, in seconds, makes it worth while to look before the next one."""


class Eager:
    """A poll that looks a few times, letting others run in between, before it sleeps; as long as that pays.

    Args:
        poll: The poll object.
    """

    def __init__(self, poll: select.poll) -> None:
        self._poll, self._pays = poll, True

    def wait(self, milliseconds: float | None = None) -> list[Any]:
        """As `poll.poll`.

        Args:
            milliseconds: How long at most; None: until something comes.
        """
        began = time.perf_counter()
        if self._pays:
            while True:
                events = self._poll.poll(0)
                if events or time.perf_counter() - began > LOOK:
                    break
                os.sched_yield()
            if events:
                return events
        events = self._poll.poll(milliseconds)
        self._pays = time.perf_counter() - began < QUICK
        return events
