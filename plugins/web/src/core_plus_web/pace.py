"""No more than so many requests a second, whoever makes them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from core_plus import Cancellation, ConfigurationError


class Pace:
    """Gives each caller a moment of its own. For threads and event loops of a process alike.

    Args:
        per_second: Requests a second; None sets no limit.
        clock: Tells the seconds.

    Raises:
        ConfigurationError: The rate isn't above 0.
    """

    def __init__(self, per_second: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        if per_second is not None and not per_second > 0:
            raise ConfigurationError(f"a rate must be above 0 requests a second, or None: {per_second!r}")
        self._gap = 1 / per_second if per_second else 0.0
        self._clock, self._lock, self._next = clock, threading.Lock(), 0.0

    def turn(self) -> float:
        """Take the next free moment: the seconds until it comes."""
        with self._lock:
            now = self._clock()
            mine = max(now, self._next)
            self._next = mine + self._gap
        return mine - now

    def wait(self, cancellation: Cancellation | None = None) -> None:
        """Take the next free moment, and wait for it.

        Args:
            cancellation: Ends the waiting.
        """
        seconds = self.turn()
        if seconds > 0:
            (cancellation or Cancellation()).pause(seconds)
