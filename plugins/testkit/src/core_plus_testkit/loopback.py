"""A real HTTP/1.1 server on loopback, in a thread of its own, that can misbehave on purpose."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Literal, Self

import attrs

Fault = Literal["hang", "hang_midway", "cut", "reset"]


@attrs.frozen
class Seen:
    """A request that the server received.

    Args:
        method: The HTTP method.
        path: The path with its query.
        headers: By lower-case name.
        body: The bytes.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body decoded, None where there is none."""
        return json.loads(self.body) if self.body else None


@attrs.frozen
class Answer:
    """What the server sends back.

    Args:
        body: The bytes of the body.
        status: The HTTP status.
        headers: More headers.
        content_type: The body's.
        stream: Send it in HTTP chunks, one to each of `pieces`; else with its length.
        pieces: The body as it is cut for sending; None cuts nothing.
        chunk: Bytes to each write, for breaking apart what belongs together.
        delay: Seconds before the head and before each piece.
        fault: "hang" never answers; "hang_midway" falls silent in the middle of the body; "cut" closes
            there; "reset" closes without any answer.
        raw: Bytes that are written instead of all this, before the connection is closed: anything but HTTP.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict)
    content_type: str | None = "application/json"
    stream: bool = False
    pieces: tuple[bytes, ...] | None = None
    chunk: int | None = None
    delay: float = 0.0
    fault: Fault | None = None
    raw: bytes | None = None

    def writes(self) -> list[bytes]:
        """The body, cut as it is written."""
        whole = b"".join(self.pieces) if self.pieces is not None else self.body
        if self.chunk:
            return [whole[at : at + self.chunk] for at in range(0, len(whole), self.chunk)]
        return [*self.pieces] if self.pieces is not None else [whole]

    def head(self) -> bytes:
        """Status line and headers."""
        length = (
            ("transfer-encoding", "chunked") if self.stream else ("content-length", str(sum(map(len, self.writes()))))
        )
        kind = [("content-type", self.content_type)] if self.content_type else []
        lines = [f"{name}: {value}" for name, value in [*kind, length, *self.headers.items()]]
        return "\r\n".join([f"HTTP/1.1 {self.status} Scripted", *lines, "", ""]).encode("latin-1")


class LoopbackServer:
    """Answers every request with what `answer` gives.

    Args:
        answer: Called in the server's thread with each request.
        tls: A server's context, for https at "localhost".
    """

    def __init__(self, answer: Callable[[Seen], Answer], tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Seen] = []
        self.connections = 0
        """Connections that are open now."""
        self.opened = 0
        """Connections that were ever opened."""
        self._answer, self._tls = answer, tls
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._main, name="loopback server", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def origin(self) -> str:
        """The server's address."""
        return f"https://localhost:{self._port}" if self._tls else f"http://127.0.0.1:{self._port}"

    def close(self) -> None:
        """Stop, whatever is in progress, and wait for the thread."""
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def _main(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        busy: set[asyncio.Task[None]] = set()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            busy.add(task)
            try:
                await self._connection(reader, writer)
            finally:
                busy.discard(task)

        server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=4096, limit=1 << 26, ssl=self._tls)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.opened += 1
        try:
            while (seen := await _read(reader)) is not None:
                self.requests.append(seen)
                if not await self._write(reader, writer, self._answer(seen)):
                    return
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return  # the client left, or the server stops
        finally:
            self.connections -= 1
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _write(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer) -> bool:
        """Send an answer; whether the connection lives on."""
        if answer.fault == "reset":
            return False
        await asyncio.sleep(answer.delay)
        if answer.fault == "hang":
            return await _left(reader)
        if answer.raw is not None:
            writer.write(answer.raw)
            await writer.drain()
            return False
        writer.write(answer.head())
        writes = answer.writes()
        middle = len(writes) // 2 if answer.fault else None
        for number, piece in enumerate(writes):
            if number == middle:
                half = piece[: len(piece) // 2] if len(writes) == 1 else b""
                writer.write(half)
                await writer.drain()
                return await _left(reader) if answer.fault == "hang_midway" else False
            if answer.delay and number:
                await asyncio.sleep(answer.delay)
            if piece:
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if answer.stream else piece)
            if answer.chunk or answer.delay:
                await writer.drain()
        writer.write(b"0\r\n\r\n" if answer.stream else b"")
        await writer.drain()
        return True


async def _read(reader: asyncio.StreamReader) -> Seen | None:
    line = (await reader.readline()).decode("latin-1")
    if not line:
        return None
    method, path, *_ = [*line.split(), "", ""]
    headers = {}
    while name := (await reader.readline()).decode("latin-1").strip():
        key, _, value = name.partition(":")
        headers[key.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Seen(method, path, headers, body)


async def _left(reader: asyncio.StreamReader) -> bool:
    """Say nothing until the client leaves."""
    await reader.read()
    return False
