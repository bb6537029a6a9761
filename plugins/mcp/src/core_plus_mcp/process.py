"""A server on this machine: a child process, one JSON message a line on its standard input and output.

The SDK has such a transport too. Ours bounds what a server may send, keeps the end of what it prints to standard
error for the message that says why it ended, and tells when it is gone. How it is ended is the protocol's own:
https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#shutdown
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core_plus_mcp.errors import ServerError

if TYPE_CHECKING:
    from core_plus_mcp.settings import Server

PATIENCE: Final = 2.0
"""Seconds that a server gets to end after its input was closed, and once more after it was told to."""
TAIL: Final = 4096
"""Bytes of standard error that are kept."""
CHUNK: Final = 1 << 18

# The id of a reply that is too long to be read: Python's SDK writes it at the beginning, the others at the end.
_ID: Final = rb'"id"\s*:\s*(\d{1,18}|"[^"\\]{1,100}")'
_HEAD: Final = re.compile(rb'\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?' + _ID + rb"\s*,")
_FOOT: Final = re.compile(
    rb'(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?,\s*' + _ID + rb'(?:\s*,\s*"jsonrpc"\s*:\s*"2\.0")?\s*\}\s*\Z'
)


class Lines:
    """Bytes cut into lines of a length that has a bound.

    Args:
        most: Bytes that a line may have.
    """

    def __init__(self, most: int) -> None:
        self._most, self._parts, self._length = most, list[bytes](), 0
        self._head, self._foot = b"", b""

    def feed(self, chunk: bytes) -> list[bytes | TooLong]:
        """The lines that end in a piece.

        Args:
            chunk: What came.
        """
        *ended, rest = chunk.split(b"\n")
        found: list[bytes | TooLong] = []
        for piece in ended:
            self._add(piece)
            found.append(self._take())
        self._add(rest)
        return found

    def _add(self, piece: bytes) -> None:
        self._length += len(piece)
        if self._length <= self._most:
            self._parts.append(piece)
            return
        if self._parts:
            whole = b"".join(self._parts)
            self._parts.clear()
            self._head, self._foot = whole[:200], whole[-200:]
        self._head = (self._head + piece[:200])[:200]
        self._foot = (self._foot + piece[-200:])[-200:]

    def _take(self) -> bytes | TooLong:
        length, self._length = self._length, 0
        if length > self._most:
            head, foot = self._head, self._foot
            self._head = self._foot = b""
            return TooLong(length, head, foot)
        whole = b"".join(self._parts)
        self._parts.clear()
        return whole


class TooLong:
    """A line that wasn't kept.

    Args:
        length: Its bytes.
        head: How it begins.
        foot: How it ends.
    """

    def __init__(self, length: int, head: bytes, foot: bytes) -> None:
        self.length = length
        found = _HEAD.match(head) or _FOOT.search(foot)
        text = found[1].decode("utf-8", "replace") if found else ""
        self.id: int | str | None = None if not text else text[1:-1] if text.startswith('"') else int(text)


class Ending:
    """What is known of a server's process.

    Args:
        server: Which.

    Attributes:
        over: Set when it ended by itself.
        pid: Its number, where it is a process.
        by_us: Whether it was told to end.
        garbage: What it wrote last that is no message.
    """

    def __init__(self, server: Server) -> None:
        self.server, self.over = server, asyncio.Event()
        self.pid: int | None = None
        self.by_us = False
        self.status: int | None = None
        self.garbage = ""
        self._errors = deque[bytes](maxlen=64)

    def printed(self, data: bytes) -> None:
        """Keep what it said on standard error.

        Args:
            data: A piece of it.
        """
        self._errors.append(data[-TAIL:])

    def why(self) -> str:
        """How it ended, with the last lines that it printed."""
        words = b"".join(self._errors)[-TAIL:].decode("utf-8", "replace").strip()
        last = " / ".join(line.strip() for line in words.splitlines()[-3:])
        how = "closed its output" if self.status is None else f"ended with exit status {self.status}"
        said = f"; it wrote what is no MCP message: {self.garbage!r}" if self.garbage else ""
        return self.server.redacted(how + said + (f"; its last words: {last}" if last else ""), 1000)


def launch(server: Server) -> tuple[list[str], dict[str, Any]]:
    """The command line of a server, and how its process is started.

    It gets harmless variables of ours and its own, its folder, and a group of its own.

    Args:
        server: Which.
    """
    from mcp.client.stdio import get_default_environment

    assert server.command is not None
    env = {**get_default_environment(), **server.env}
    cwd = None if server.cwd is None else str(Path(server.cwd).expanduser())
    # A name without a slash is looked up in PATH, so it must not become a path.
    command = str(Path(server.command).expanduser()) if server.command.startswith("~") else server.command
    return [command, *server.args], {"env": env, "cwd": cwd, "start_new_session": True}


@contextlib.asynccontextmanager
async def spawned(server: Server, ending: Ending) -> AsyncIterator[tuple[Any, Any]]:
    """Run a server as long as the context lasts.

    Args:
        server: Which.
        ending: Learns how it ends.

    Yields:
        What the SDK's session reads from and writes to.

    Raises:
        ServerError: It can't be started.
    """
    import anyio

    pipe = asyncio.subprocess.PIPE
    (command, *args), settings = launch(server)
    pipes = {"stdin": pipe, "stdout": pipe, "stderr": pipe, **settings}
    try:
        process = await asyncio.create_subprocess_exec(command, *args, **pipes)
    except (OSError, ValueError) as error:
        raise ServerError(
            f"MCP server {server.name!r} can't be started: {server.redacted(_because(error, server))}"
        ) from None
    ending.pid = process.pid
    to_session, from_server = anyio.create_memory_object_stream[Any](0)
    to_server, from_session = anyio.create_memory_object_stream[Any](0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_read, process, to_session, ending)
        tasks.start_soon(_listen, process, ending)
        tasks.start_soon(_write, process, from_session)
        try:
            yield from_server, to_server
        finally:
            with anyio.CancelScope(shield=True):
                ending.by_us = True
                from_server.close()
                to_server.close()
                await _end(process)
            tasks.cancel_scope.cancel()
    for stream in (to_session, from_session):
        stream.close()


def _because(error: Exception, server: Server) -> str:
    if isinstance(error, FileNotFoundError) and server.cwd is None:
        return f"there is no program {server.command!r}: install it, or give its path"
    return getattr(error, "strerror", None) or str(error)


async def _read(process: asyncio.subprocess.Process, to_session: Any, ending: Ending) -> None:
    """Pass on what the server says, line by line; what is no message goes along as an error."""
    import anyio
    from mcp.shared.message import SessionMessage
    from mcp_types import jsonrpc_message_adapter

    assert process.stdout is not None
    lines, server, open_ = Lines(ending.server.max_bytes), ending.server, True
    async with to_session:
        while chunk := await process.stdout.read(CHUNK):
            for line in lines.feed(chunk) if open_ else ():
                try:
                    if isinstance(line, TooLong):
                        message: Any = _refusal(line, server)
                    else:
                        message = SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
                except ValueError as error:
                    ending.garbage = line[:80].decode("utf-8", "replace") if isinstance(line, bytes) else ""
                    message = error
                try:
                    await to_session.send(message)
                except (anyio.ClosedResourceError, anyio.BrokenResourceError):
                    open_ = False  # the session is gone; what is left is only taken off the pipe
        if not ending.by_us:
            await _exited(process, 0.5)  # the status comes a moment after the end of its output
            ending.status = process.returncode
            ending.over.set()


def _refusal(line: TooLong, server: Server) -> Any:
    from mcp.shared.message import SessionMessage
    from mcp_types import INTERNAL_ERROR, ErrorData, JSONRPCError

    text = f"its answer has {line.length:,} bytes, more than the {server.max_bytes:,} that max_bytes allows"
    if line.id is None:
        return ValueError(text)
    return SessionMessage(JSONRPCError(jsonrpc="2.0", id=line.id, error=ErrorData(code=INTERNAL_ERROR, message=text)))


async def _listen(process: asyncio.subprocess.Process, ending: Ending) -> None:
    assert process.stderr is not None
    while data := await process.stderr.read(CHUNK):
        ending.printed(data)


async def _write(process: asyncio.subprocess.Process, from_session: Any) -> None:
    assert process.stdin is not None
    async with from_session:
        async for item in from_session:
            text = item.message.model_dump_json(by_alias=True, exclude_unset=True)
            try:
                process.stdin.write(text.encode() + b"\n")
                await process.stdin.drain()
            except (OSError, RuntimeError):
                return  # it is gone, which the reader says


async def _end(process: asyncio.subprocess.Process) -> None:
    """Close its input, wait; tell it and all that it started to end, wait; end them."""
    assert process.stdin is not None
    with contextlib.suppress(OSError, RuntimeError):
        process.stdin.close()
    gone = await _exited(process, PATIENCE)
    for number in (signal.SIGTERM, signal.SIGKILL) if sys.platform != "win32" else ():
        if _signalled(process.pid, number) and not gone:
            gone = await _exited(process, PATIENCE)
    transport = getattr(process, "_transport", None)
    if transport is not None:  # something that the server started may hold its pipes open
        transport.close()


def _signalled(group: int, number: int) -> bool:
    """Whether there was anyone left in a process group to be told."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


async def _exited(process: asyncio.subprocess.Process, seconds: float) -> bool:
    """Whether it ended in time. Not `wait()`, which waits for the pipes too."""
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    while process.returncode is None and clock() < until:  # noqa: ASYNC110 - the loop tells it with the pipes' end only
        await asyncio.sleep(0.005)
    return process.returncode is not None
