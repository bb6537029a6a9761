"""The driver of a direct call's steps on blocking sockets."""

from __future__ import annotations

import socket
import time
from typing import Any, Final, TypeVar

from core_plus_http.direct import DirectCall, Open, Read, Steps, Write
from core_plus_http.exchange import Reply, Send
from core_plus_http.guard import Guard

T = TypeVar("T")
PIECE: Final = 1 << 16
"""The most bytes to read at once."""


class SyncCall:
    """A direct call that blocks.

    Args:
        steps: The call.
        guard: Where the socket in use is held.
    """

    __slots__ = ("_call", "_guard")

    def __init__(self, steps: DirectCall, guard: Guard) -> None:
        self._call, self._guard = steps, guard

    def send(self, request: Send) -> Reply:
        return self._performed(self._call.send(request))

    def receive(self, patience: float | None = None) -> bytes:
        return self._performed(self._call.receive(patience))

    def close(self) -> None:
        self._call.close()

    def _performed(self, steps: Steps[T]) -> T:
        try:
            step = next(steps)
            while True:
                try:
                    answer = self._done(step)
                except OSError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            value: T = end.value
            return value
        finally:
            steps.close()

    def _done(self, step: Open | Write | Read) -> Any:
        if isinstance(step, Read):
            step.sock.settimeout(step.timeout)
            return step.sock.recv(PIECE)
        if isinstance(step, Write):
            step.sock.settimeout(step.timeout)
            return step.sock.sendall(step.data)
        return _connected(step, self._guard)


def _connected(step: Open, guard: Guard) -> socket.socket:
    until = None if step.timeout is None else time.monotonic() + step.timeout
    failure = OSError(f"{step.host} has no address")
    addresses = socket.getaddrinfo(step.host, step.port, type=socket.SOCK_STREAM)
    for number, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = socket.socket(family, kind, protocol)
        guard.hold(sock)
        try:
            left = None if until is None else until - time.monotonic()
            sock.settimeout(share(left, len(addresses) - number))
            sock.connect(address)
            return made_ready(sock)
        except OSError as error:
            failure = error
            drop(sock, guard)
        except BaseException:
            drop(sock, guard)
            raise
    raise failure


def share(left: float | None, addresses: int) -> float | None:
    """Seconds for one of the addresses left: one that swallows everything must leave time for the next."""
    return None if left is None else max(0.001, left / addresses)


def made_ready(sock: socket.socket) -> socket.socket:
    """The socket, set up for short messages."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a silent peer that is gone is noticed in the end
    return sock


def drop(sock: socket.socket, guard: Guard) -> None:
    """Close a socket that came to nothing."""
    guard.release()
    sock.close()
