"""Calls through an async client that the caller made; imported when first needed, as asyncio is slow to import."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections.abc import AsyncIterator

from core_plus_http.clients import BaseCall
from core_plus_http.exchange import Reply, Send


class AsyncClientCall(BaseCall):
    """A call through an `httpx.AsyncClient`, on the running event loop."""

    async def send(self, request: Send) -> Reply:
        await self.aclose()
        with self._translated():
            async with self._stoppable():
                response = await self._client.send(self._built(request), stream=True, follow_redirects=False)
                reply = self._begun(response, request)
                self._pieces: AsyncIterator[bytes] = response.aiter_bytes()
                if request.stream and reply.ok:
                    return reply
                return Reply(reply.status, reply.headers, await self._whole(), reply.url)

    async def receive(self, patience: float | None = None) -> bytes:
        with self._translated():
            self._check()
            try:
                async with self._stoppable(patience):
                    return await anext(self._pieces, b"")
            except TimeoutError:
                if patience is None or self._guard.cancelled:
                    raise
        return b""

    async def aclose(self) -> None:
        response, self._response = self._response, None
        if response is not None:
            await response.aclose()

    async def _whole(self) -> bytes:
        parts, size = [], 0
        async for part in self._pieces:
            parts.append(part)
            size += len(part)
            self._check(size)
        return b"".join(parts)

    @contextlib.asynccontextmanager
    async def _stoppable(self, seconds: float | None = None) -> AsyncIterator[None]:
        """Raise TimeoutError after `seconds`, when the whole call's time is over, or when the call is cancelled."""
        left = None if self._deadline is None else self._deadline - time.monotonic()
        times = [each for each in (seconds, left) if each is not None]
        stop = functools.partial(_stop, asyncio.get_running_loop())
        try:
            async with asyncio.timeout(min(times, default=None)) as scope:
                self._guard.hold(scope, stop)
                yield
        finally:
            self._guard.release()


def _stop(loop: asyncio.AbstractEventLoop, scope: asyncio.Timeout) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: nothing waits any more
        loop.call_soon_threadsafe(_expire, loop, scope)


def _expire(loop: asyncio.AbstractEventLoop, scope: asyncio.Timeout) -> None:
    with contextlib.suppress(RuntimeError):  # the wait ended a moment ago
        scope.reschedule(loop.time())
