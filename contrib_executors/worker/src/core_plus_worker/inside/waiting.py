"""Those who wait for an answer, and how to see that a thread does."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from typing import Any


class Waiter:
    """Somebody who waits for a message."""

    __slots__ = ("done", "error", "value")

    def __init__(self) -> None:
        self.done, self.value = False, None
        self.error: BaseException | None = None

    def settle(self, value: Any, error: BaseException | None = None) -> None:
        """Hand over what was waited for.

        Args:
            value: The answer.
            error: What to raise instead.
        """
        self.value, self.error, self.done = value, error, True


class LoopWaiter(Waiter):
    """A task that waits in an event loop.

    Args:
        loop: The running loop.
    """

    __slots__ = ("future", "loop", "thread")

    def __init__(self, loop: Any) -> None:
        super().__init__()
        self.loop, self.future, self.thread = loop, loop.create_future(), threading.get_ident()

    def settle(self, value: Any, error: BaseException | None = None) -> None:
        """Hand over in the loop's own thread.

        Args:
            value: The answer.
            error: What to raise instead.
        """
        super().settle(value, error)
        if self.thread == threading.get_ident():
            self._resolve()
        elif not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._resolve)

    def _resolve(self) -> None:
        if not self.future.done():
            if self.error is None:
                self.future.set_result(self.value)
            else:
                self.future.set_exception(self.error)


WAITS = frozenset(
    [
        ("core_plus_worker.inside.channel", "_wait"),
        ("core_plus_worker.inside.channel", "pump"),
        ("core_plus_worker.inside.frames", "read"),
        ("core_plus_worker.inside.eager", "wait"),
    ]
)
"""Module and function where a thread stands that waits for an answer."""

PATIENT = frozenset(["wait", "join", "_wait_for_tstate_lock"])
"""Functions of threading that wait for another thread, for ever if their `timeout` is None (or -1)."""


def passive(frame: Any) -> bool:
    """Whether a thread stands where only another thread, or an answer, makes it go on.

    Args:
        frame: Its innermost frame.
    """
    module, name = frame.f_globals.get("__name__"), frame.f_code.co_name
    if module == "threading" and name in PATIENT:
        return frame.f_locals.get("timeout", -1) in (None, -1)
    if (module, name) == ("concurrent.futures.thread", "_worker"):  # what it was given stays queued until it runs
        queue = frame.f_locals.get("work_queue")
        return queue is None or bool(queue.empty())
    return (module, name) in WAITS


@functools.lru_cache(maxsize=None)
def sees_threads() -> bool:
    """Whether the system tells what the threads of this process do."""
    try:
        return bool(os.listdir("/proc/self/task"))  # noqa: PTH208  # to ask for the right isn't to have it (Landlock)
    except OSError:
        return False


def others_on_cpu() -> bool:
    """Whether another thread of this process runs or is about to, where the system tells (Linux).

    One that has just been given something to do still stands where it waited, until it gets a core.
    """
    own = str(threading.get_native_id())
    with contextlib.suppress(OSError):  # there is no /proc, or a thread has just ended
        for task in os.listdir("/proc/self/task"):  # noqa: PTH208  # in a loop that costs time while code waits
            if task != own:
                with open(f"/proc/self/task/{task}/stat", "rb") as file:  # noqa: PTH123  # as above
                    if file.read().rpartition(b") ")[2][:1] == b"R":
                        return True
    return False
