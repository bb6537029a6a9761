"""One thread at a time: how several threads share a session."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

from core_plus.errors import ExecutorError
from core_plus_worker.ending import nothing


class Door:
    """Lets one thread in, and has it come back from a wait when another one wants in.

    Args:
        wake: Ends the wait of the thread that is in.

    `visitors` counts those who wait outside: whoever is in and waits comes back with an empty pause then.
    `inside` is the lock of who is in; `mutex` guards what those outside may change.
    """

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake, self.inside = wake, threading.Lock()
        self.mutex = threading.Lock()
        self.visitors = 0
        self.is_closed = False

    def __enter__(self) -> None:
        """Be the one who is in.

        Raises:
            ExecutorError: The session is closed.
        """
        if not self.inside.acquire(blocking=False):
            with self.mutex:
                self.visitors += 1
            self._wake()
            self.inside.acquire()
            with self.mutex:
                self.visitors -= 1
        if self.is_closed:
            self.inside.release()
            raise ExecutorError("the session is closed: open another one")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.inside.release()

    def shut(self, first: Callable[[], object] = nothing) -> bool:
        """Let nobody in any more, and wake whoever is in; `inside` is free once they have left.

        Args:
            first: Done while nobody outside changes anything, if it wasn't shut before.

        Returns:
            Whether it wasn't.
        """
        with self.mutex:
            if self.is_closed:
                return False
            self.is_closed = True
            first()
        self._wake()
        return True
