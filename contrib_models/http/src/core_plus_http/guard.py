"""Stopping a call from another thread."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any


def shut_down(sock: socket.socket) -> None:
    """Wake whoever reads from a socket or writes to it; closing it wouldn't.

    Args:
        sock: Any socket, closed by the other side perhaps.
    """
    with contextlib.suppress(OSError):  # it isn't connected, or no more
        socket.socket.shutdown(sock, socket.SHUT_RDWR)  # not SSLSocket's own, which forgets its state under the reader


class Guard:
    """Knows how to stop what one call waits for at this moment, so that any thread can.

    After `release` the socket may already serve another call, and is left alone.
    """

    __slots__ = ("_held", "_lock", "_stop", "cancelled")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: Any = None
        self._stop: Callable[[Any], object] = shut_down
        self.cancelled = False

    def hold(self, held: Any, stop: Callable[[Any], object] = shut_down) -> None:
        """Say what to stop; it is stopped at once if the call was cancelled.

        Args:
            held: A socket, or whatever `stop` takes.
            stop: Stops it; called in any thread, must be short and must not raise.
        """
        with self._lock:
            self._held, self._stop = held, stop
            if self.cancelled:
                stop(held)

    def release(self) -> None:
        """What was held is no longer this call's."""
        with self._lock:
            self._held = None

    def cancel(self) -> None:
        """Stop what is held, and whatever will be."""
        with self._lock:
            self.cancelled = True
            if self._held is not None:
                self._stop(self._held)

    def interrupt(self) -> None:
        """Stop what is held, and nothing else."""
        with self._lock:
            if self._held is not None:
                self._stop(self._held)
