"""A kernel as a worker: the `Process` of a `WorkerSession`, with a thread that talks with the kernel."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import uuid
import warnings
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from core_plus.errors import ExecutorError
from core_plus_jupyter.talk import Talk
from core_plus_jupyter.wires import Wire
from core_plus_worker.inside.frames import Inbox, pieces

NO_LIMIT: Final = 1 << 62
MOST: Final = 256 << 20
"""Bytes that may wait for a session that takes none; a kernel that says more is given up."""

CLOSING: Final = 30.0
"""Seconds that the end of a kernel may take."""

LEAVING: Final = 1.0
"""Seconds in which a kernel that lives on may stop our code and forget a session's functions."""

NEAR: Final = 0.06
"""Seconds in which code may end softly in a kernel of this machine; it must have ended within 100 ms."""

FAR: Final = 1.0
"""Seconds in which code may end softly in a kernel that can't be killed at once."""

STEP: Final = 0.02
"""Seconds between two looks whether it has."""


class Outflow:
    """Bytes on their way to the session, without waiting.

    Args:
        sock: Our end.
        loop: Where it waits.
    """

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self._sock, self._loop = sock, loop
        self._waiting: deque[memoryview] = deque()
        self.size = 0
        self._is_ending = False

    def add(self, data: bytes | memoryview) -> None:
        """Send bytes, or keep them until there is room.

        Args:
            data: The bytes.
        """
        self._waiting.append(memoryview(data).cast("B"))
        self.size += len(data)
        if len(self._waiting) == 1:
            self._loop.add_writer(self._sock, self._write)
            self._write()

    def end(self) -> None:
        """Let the session see the end, once it has read the rest."""
        self._is_ending = True
        if not self._waiting:
            self._shut()

    def _write(self) -> None:
        try:
            while self._waiting:
                sent = self._sock.send(self._waiting[0])
                self.size -= sent
                if sent == len(self._waiting[0]):
                    self._waiting.popleft()
                else:
                    self._waiting[0] = self._waiting[0][sent:]
        except BlockingIOError:
            return
        except OSError:  # the session has closed its end
            self._waiting.clear()
            self.size = 0
        self._loop.remove_writer(self._sock)
        if self._is_ending:
            self._shut()

    def _shut(self) -> None:
        with contextlib.suppress(OSError):  # closed at the other end already
            self._sock.shutdown(socket.SHUT_WR)


class Serving:
    """What the thread holds: the talk with one kernel, from its start to its end.

    Args:
        wire: The way to the kernel.
        seconds: How long it may take to answer first.
    """

    def __init__(self, wire: Wire, seconds: float) -> None:
        self.wire, self._seconds = wire, seconds
        pairs = [socket.socketpair() for _ in range(3)]
        self.ours = [ours for ours, _ in pairs]
        self._theirs = [theirs for _, theirs in pairs]
        for sock in [*self.ours, *self._theirs]:
            sock.setblocking(False)
        self.is_open, self.has_ended = threading.Event(), threading.Event()
        self.failure: ExecutorError | None = None
        self.reason = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._owner = os.getpid()
        self._talk = Talk(self, uuid.uuid4().hex)
        self._is_over = asyncio.Event()
        self._flows: list[Outflow] = []
        self._thread = threading.Thread(target=self._run, name="core-plus-jupyter", daemon=True)
        self._thread.start()

    # -- from the session's threads

    def do(self, what: Callable[[], object]) -> None:
        """Have something done in the talk's thread."""
        with contextlib.suppress(RuntimeError):  # its loop is closed: the kernel has ended
            if self._loop is not None:
                self._loop.call_soon_threadsafe(what)

    def interrupt(self) -> None:
        """Interrupt the code, if the kernel can still be reached."""
        self.do(self.wire.interrupt)

    def kill(self) -> None:
        """End the kernel, or leave it, without waiting."""
        self.wire.kill()
        self.do(self._is_over.set)

    def close(self) -> None:
        """End the kernel, or leave it, and wait for that.

        Raises:
            ExecutorError: It didn't end as it should; the text says what may be left.
        """
        if os.getpid() != self._owner:  # a fork of the host leaves it as it is
            return
        self.is_open.wait(self._seconds + CLOSING)
        self.do(self._is_over.set)
        self._thread.join(CLOSING)
        for sock in self.ours:
            sock.close()
        if self._thread.is_alive():
            raise ExecutorError(f"the kernel may still run: ending it took more than {CLOSING:g} s")
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure

    # -- in the talk's thread

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            for sock in self._theirs:
                sock.close()

    async def _serve(self) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self._flows = [Outflow(sock, loop) for sock in self._theirs]
        try:
            await asyncio.wait_for(self.wire.open(self._talk.session, self._talk.said, self.end), self._seconds)
        except ExecutorError as error:
            self.failure = error
        except TimeoutError:
            self.failure = ExecutorError(
                f"{self.wire.where} didn't answer within {self._seconds:g} s: it is busy, or gone; "
                "interrupt it where it was started, or give the executor more start_seconds="
            )
        else:
            inbox = Inbox(self._theirs[0].fileno(), NO_LIMIT)
            loop.add_reader(self._theirs[0], self._read, inbox)
            self._talk.begin()
        if self.failure is None:
            self.is_open.set()
            await self._is_over.wait()
            loop.remove_reader(self._theirs[0])
            await self._leave()
        await self._hang_up()
        self.is_open.set()

    async def _leave(self) -> None:
        """Stop our code in a kernel that lives on and have it forget the session's functions, if it has time."""
        if self.wire.is_ours or self.has_ended.is_set():
            return
        if not self._talk.is_between:
            self._talk.stop()
        for _ in range(int(LEAVING / STEP)):
            if self._talk.is_between and self._talk.has_left:
                return
            if self._talk.is_between:
                self._talk.leave()
            elif not self._talk.has_left:
                self.wire.interrupt()
            await asyncio.sleep(STEP)

    async def _hang_up(self) -> None:
        try:
            await self.wire.close()
        except ExecutorError as error:
            self.failure = self.failure or error
        self.end("it was ended")

    def _read(self, inbox: Inbox) -> None:
        try:
            alive = inbox.read()
        except BlockingIOError:
            return
        except OSError:
            alive = False
        while inbox.messages:
            self._talk.heard(*inbox.messages.popleft())
        if not alive:
            self._is_over.set()

    # -- the Host of the talk

    def say(self, frame: str, blobs: Sequence[bytes]) -> None:
        for piece in pieces(frame.encode("utf-8"), blobs):
            self._flow(0, piece)

    def print(self, stream: int, text: str) -> None:
        self._flow(stream, text.encode("utf-8", "backslashreplace"))

    def _flow(self, place: int, data: bytes | memoryview) -> None:
        flow = self._flows[place]
        if flow.size + len(data) > MOST:
            self.end(f"it said more than {MOST:,} bytes that nobody took")
        elif not self.has_ended.is_set():
            flow.add(data)

    def end(self, reason: str) -> None:
        if not self.has_ended.is_set():
            self.reason = reason
            self.has_ended.set()
            for flow in self._flows:
                flow.end()

    def send(self, channel: str, kind: str, content: Mapping[str, Any]) -> str:
        return self.wire.send(channel, kind, content)

    def later(self, seconds: float, do: Callable[[], None]) -> Callable[[], object]:
        return asyncio.get_running_loop().call_later(seconds, do).cancel


class KernelProcess:
    """A kernel in the place of a worker. It is started, or reached, while the caller goes on.

    Args:
        wire: The way to the kernel.
        seconds: How long it may take to answer first.
    """

    def __init__(self, wire: Wire, seconds: float) -> None:
        self._serving = Serving(wire, seconds)
        self.grace = FAR if wire.is_far else NEAR
        self.reader = self.writer = self._serving.ours[0].fileno()
        self.outputs = {number: self._serving.ours[number].fileno() for number in (1, 2)}
        self._end = weakref.finalize(self, forget, self._serving)

    def wait(self) -> KernelProcess:
        """Wait until the kernel has answered.

        Returns:
            This process.

        Raises:
            ExecutorError: It doesn't; the text says why. The process is closed then.
        """
        self._serving.is_open.wait()
        if self._serving.failure is not None:
            self.close()
        return self

    @property
    def is_alive(self) -> bool:
        """Whether the kernel can be talked to, as far as is known."""
        return not self._serving.has_ended.is_set()

    def nudge(self) -> None:
        self._serving.interrupt()

    def kill(self) -> None:
        self._serving.kill()

    def ending(self) -> str:
        self._serving.has_ended.wait(0.2)
        return self._serving.reason or "its stream was closed"

    def close(self) -> None:
        if self._end.detach() is not None:
            self._serving.close()


def forget(serving: Serving) -> None:
    """End a kernel that nobody has closed; what can't be raised any more is a warning."""
    try:
        serving.close()
    except ExecutorError as error:
        warnings.warn(str(error), ResourceWarning, stacklevel=2)
