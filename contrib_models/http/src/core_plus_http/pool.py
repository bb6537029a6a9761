"""Idle connections, kept for the next call from whatever thread or event loop."""

from __future__ import annotations

import os
import time
from collections import deque

from core_plus_http.wire import Connection


class Pool:
    """Keeps connections to one origin open between calls.

    It sets no limit to calls at once: each that finds no idle connection opens one. An idle connection
    is a bare socket, bound to no event loop, so one pool serves all loops and threads. A deque's own
    operations are atomic; there is no lock that a fork could leave locked.

    Args:
        size: The most idle connections to keep.
        idle: Seconds after which an idle one isn't used again.
    """

    def __init__(self, size: int = 100, idle: float = 60.0) -> None:
        self._connections: deque[Connection] = deque()
        self._size, self._idle_seconds = size, idle
        self._open, self._process = True, os.getpid()

    def __len__(self) -> int:
        return len(self._connections)

    def take(self) -> Connection | None:
        """The connection used last, if one is alive; the caller owns it then."""
        if self._process != os.getpid():  # after a fork the sockets are the parent's
            self._process = os.getpid()
            self._clear()
        while True:
            try:
                connection = self._connections.pop()
            except IndexError:
                return None
            if self._fresh(connection) and connection.silent():
                return connection
            connection.close()

    def give(self, connection: Connection) -> None:
        """Keep a connection that is ready for the next request, or close it.

        Args:
            connection: The caller must not touch it afterwards.
        """
        if not self._open or len(self._connections) >= self._size or self._process != os.getpid():
            connection.close()
            return
        connection.idle_since = time.monotonic()
        self._connections.append(connection)
        self._tidy()

    def close(self) -> None:
        """Close all idle connections, and from now on each at the end of its call."""
        self._open = False
        self._clear()

    def _fresh(self, connection: Connection) -> bool:
        return time.monotonic() - connection.idle_since < self._idle_seconds

    def _tidy(self) -> None:
        if not self._open:  # closed a moment ago, by another thread
            self._clear()
        try:
            oldest = self._connections.popleft()
        except IndexError:
            return
        if self._fresh(oldest):
            self._connections.appendleft(oldest)
        else:
            oldest.close()

    def _clear(self) -> None:
        while True:
            try:
                self._connections.pop().close()
            except IndexError:
                return
