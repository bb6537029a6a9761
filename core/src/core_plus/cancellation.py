"""Telling work in progress to stop, from any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Interrupted(BaseException):
    """Raised inside a run that was told to stop; no `except Exception` swallows it."""


class Cancellation:
    """One run's stop signal: set once, seen by everything that registered.

    Model transports shut down their socket, executors kill their code, and tools that ask for the run's
    context see `context.cancelled`. Callbacks run in the thread that cancels, so they must be short.

    Args:
        parent: A signal that sets this one too, such as the run that a managed agent works for.
    """

    __slots__ = ("__weakref__", "_callbacks", "_lock", "_unlink", "reason")

    def __init__(self, parent: Cancellation | None = None) -> None:
        self.reason: str | None = None
        self._lock = threading.Lock()
        self._callbacks: dict[object, Callable[[], object]] = {}
        self._unlink = parent.on_cancel(lambda: self.cancel(parent.reason or "interrupted")) if parent else None

    @property
    def cancelled(self) -> bool:
        """Whether the work should stop."""
        return self.reason is not None

    def check(self) -> None:
        """Go no further where the work should stop.

        Raises:
            Interrupted: It should.
        """
        if self.reason is not None:
            raise Interrupted(self.reason)

    def cancel(self, reason: str = "interrupted") -> None:
        """Tell everything to stop; the second call does nothing.

        Args:
            reason: Why, in a few words; it stands in the run's result.
        """
        with self._lock:
            if self.reason is not None:
                return
            self.reason = reason
            callbacks = list(self._callbacks.values())
            self._callbacks.clear()
        for callback in callbacks:
            callback()

    def on_cancel(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call `callback` once when cancelled, at once if that has happened.

        Args:
            callback: Takes nothing, must be short and must not raise.

        Returns:
            A function that takes the registration back.
        """
        key = object()
        with self._lock:
            if self.reason is None:
                self._callbacks[key] = callback
                return lambda: self._forget(key)
        callback()
        return lambda: None

    def pause(self, seconds: float) -> None:
        """Hold this thread, no longer than until the work should stop.

        Args:
            seconds: How long.

        Raises:
            Interrupted: The work should stop.
        """
        woken = threading.Event()
        forget = self.on_cancel(woken.set)
        try:
            woken.wait(seconds)
        finally:
            forget()
        self.check()

    async def apause(self, seconds: float) -> None:
        """As `pause`, for a task of the running event loop; the driver of a run cancels it.

        Args:
            seconds: How long.
        """
        import asyncio

        await asyncio.sleep(seconds)
        self.check()

    def release(self) -> None:
        """Forget the parent, when the work is done."""
        if self._unlink:
            self._unlink()

    def _forget(self, key: object) -> None:
        with self._lock:
            self._callbacks.pop(key, None)
