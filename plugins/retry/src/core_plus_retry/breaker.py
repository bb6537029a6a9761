"""Leaving a model alone that fails again and again."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable


class Breaker:
    """Knows whether a model is worth a try; any number of threads and tasks may ask.

    Closed, it lets every call pass. After `failures` within `window` it opens and lets none pass. When it has
    rested, one call may try (half-open): if that succeeds it closes, if it fails it rests again. A try that nobody
    hears of again doesn't block the next for longer than a rest.

    Args:
        failures: How many open it.
        window: Seconds within which they count.
        rest: Seconds until one call may try again.
        clock: Gives seconds that never go back.
    """

    def __init__(
        self, failures: int = 3, window: float = 60.0, rest: float = 30.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._window, self._rest, self._clock = failures, window, rest, clock
        self._lock = threading.Lock()
        self._failed: deque[float] = deque(maxlen=failures)
        self._until: float | None = None

    def enter(self) -> float:
        """Ask to pass: 0.0 lets the call pass, anything else is the seconds until one may try."""
        with self._lock:
            now = self._clock()
            if self._until is None:
                return 0.0
            if now < self._until:
                return self._until - now
            self._until = now + self._rest  # the others wait for what this one finds
            return 0.0

    def succeeded(self) -> None:
        """A call went well."""
        with self._lock:
            self._failed.clear()
            self._until = None

    def failed(self) -> None:
        """A call failed in a way that says something about the model."""
        with self._lock:
            now = self._clock()
            self._failed.append(now)
            if self._until is not None or (len(self._failed) == self._most and now - self._failed[0] <= self._window):
                self._until = now + self._rest

    def abandoned(self) -> None:
        """A call ended without saying anything about the model: the next one may try."""
        with self._lock:
            if self._until is not None:
                self._until = self._clock()
