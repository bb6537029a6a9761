"""The driver of a direct call's steps on asyncio; imported when first needed, as asyncio is slow to import."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, TypeVar

from core_plus_http.direct import DirectCall, Open, Read, Steps, Write
from core_plus_http.exchange import Reply, Send
from core_plus_http.guard import Guard
from core_plus_http.sync_driver import PIECE, drop, made_ready, share

T = TypeVar("T")


class AsyncCall:
    """A direct call on the running event loop. Cancelling its task closes the connection.

    Args:
        steps: The call.
        guard: Where the socket in use is held.
    """

    __slots__ = ("_call", "_guard", "_late", "_loop")

    def __init__(self, steps: DirectCall, guard: Guard) -> None:
        self._call, self._guard, self._loop = steps, guard, asyncio.get_running_loop()
        self._late = False

    async def send(self, request: Send) -> Reply:
        return await self._performed(self._call.send(request))

    async def receive(self, patience: float | None = None) -> bytes:
        return await self._performed(self._call.receive(patience))

    async def aclose(self) -> None:
        self._call.close()

    async def _performed(self, steps: Steps[T]) -> T:
        try:
            step = next(steps)
            while True:
                try:
                    answer = await self._done(step)
                except OSError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            value: T = end.value
            return value
        finally:
            steps.close()

    async def _done(self, step: Open | Write | Read) -> Any:
        if isinstance(step, Open):
            return await _aconnected(self._loop, step, self._guard)
        step.sock.setblocking(False)
        if isinstance(step, Read) and (data := _already_there(step.sock)) is not None:
            await asyncio.sleep(0)  # other tasks get their turn, however fast the server is
            return data
        # A timer that shuts the socket down ends the wait, and needs no exception thrown into this task.
        self._late = False
        timer = None if step.timeout is None else self._loop.call_later(step.timeout, self._expire)
        try:
            if isinstance(step, Write):
                await self._loop.sock_sendall(step.sock, step.data)
                return None
            data = await self._loop.sock_recv(step.sock, PIECE)
        except OSError as error:
            if self._late:
                raise TimeoutError(str(error)) from error
            raise
        finally:
            if timer is not None:
                timer.cancel()
        if self._late and not data:
            raise TimeoutError("nothing came")
        return data

    def _expire(self) -> None:
        self._late = True
        self._guard.interrupt()


async def _aconnected(loop: asyncio.AbstractEventLoop, step: Open, guard: Guard) -> socket.socket:
    failure = OSError(f"{step.host} has no address")
    async with asyncio.timeout(step.timeout) as whole:
        addresses = await _addresses(loop, step)
        for number, (family, kind, protocol, _, address) in enumerate(addresses):
            left = None if (until := whole.when()) is None else until - loop.time()
            sock = socket.socket(family, kind, protocol)
            guard.hold(sock)
            try:
                sock.setblocking(False)
                async with asyncio.timeout(share(left, len(addresses) - number)):
                    await loop.sock_connect(sock, address)
                return made_ready(sock)
            except OSError as error:
                failure = error
                drop(sock, guard)
            except BaseException:
                drop(sock, guard)
                raise
    raise failure


async def _addresses(loop: asyncio.AbstractEventLoop, step: Open) -> Any:
    """Addresses of a host; a number needs no look-up, and so none of the loop's threads."""
    try:
        return socket.getaddrinfo(step.host, step.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        return await loop.getaddrinfo(step.host, step.port, type=socket.SOCK_STREAM)


def _already_there(sock: socket.socket) -> bytes | None:
    try:
        return sock.recv(PIECE)
    except BlockingIOError:
        return None
