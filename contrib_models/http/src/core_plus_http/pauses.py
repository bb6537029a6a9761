"""How a driver waits where an exchange wishes it."""

from __future__ import annotations

import contextlib
from concurrent.futures import CancelledError, Future
from typing import Any

from core_plus_http.exchange import Pause
from core_plus_http.failures import Cancelled
from core_plus_http.guard import Guard


def paused(pause: Pause, guard: Guard) -> None:
    """Wait in this thread.

    Args:
        pause: For how long.
        guard: Ends the wait when the call is cancelled.

    Raises:
        Cancelled: The call was.
    """
    woken: Future[Any] = pause.until or Future()
    guard.hold(woken, Future.cancel)
    try:
        with contextlib.suppress(TimeoutError, CancelledError):
            woken.result(pause.seconds)
    finally:
        guard.release()
    _check(guard)


async def apaused(pause: Pause, guard: Guard) -> None:
    """Wait on the running event loop.

    Args:
        pause: For how long.
        guard: Ends the wait when the call is cancelled.

    Raises:
        Cancelled: The call was.
    """
    import asyncio

    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def wake(_: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nothing waits any more
            loop.call_soon_threadsafe(done.set)

    woken: Future[Any] = pause.until or Future()
    woken.add_done_callback(wake)
    guard.hold(woken, Future.cancel)
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause.seconds):
                await done.wait()
    finally:
        guard.release()
    _check(guard)


def _check(guard: Guard) -> None:
    if guard.cancelled:
        raise Cancelled("the call was stopped while it waited for its turn")
