"""HTTP answers that may not be longer than a server's `max_bytes`."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2


class TooLongError(httpx2.StreamError):
    """An answer was longer than it may be."""


class BoundedTransport(httpx2.AsyncBaseTransport):
    """A transport that stops reading an answer of too many bytes; in a stream, an event of too many.

    Args:
        inner: The transport that does the work.
        most: Bytes.
    """

    def __init__(self, inner: httpx2.AsyncBaseTransport, most: int) -> None:
        self._inner, self._most = inner, most

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; its answer's bytes are counted as they come.

        Args:
            request: What to send.
        """
        response = await self._inner.handle_async_request(request)
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _Bounded(response.stream, self._most)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream, most: int) -> None:
        self._inner, self._most = inner, most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        length = 0
        async for chunk in self._inner:
            end = max(chunk.rfind(b"\n\n"), chunk.rfind(b"\r\n\r\n"))  # an event ends with an empty line
            length = len(chunk) - end if end >= 0 else length + len(chunk)
            if length > self._most:
                raise TooLongError(f"its answer has more than the {self._most:,} bytes that max_bytes allows")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
