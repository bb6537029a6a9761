"""The host's end of the wire: both directions at once, without a thread."""

from __future__ import annotations

import codecs
import contextlib
import os
import select
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from core_plus.errors import ExecutorError
from core_plus_worker.inside.eager import Eager
from core_plus_worker.inside.frames import LENGTH, FrameError, Inbox, pieces
from core_plus_worker.messages import AnySaid, Decoder

CHUNK = 1 << 16
OUT_OF_MEMORY = "out of memory"
ONE = (1).to_bytes(8, sys.byteorder)
"""What an eventfd takes as one."""

MAX_READS = 32
"""Reads that empty the largest pipe; a program that prints for ever must not keep the host at it."""


class Process(Protocol):
    """A worker that was started, whatever the wall around it.

    `reader` and `writer` are descriptors of the stream, perhaps the same one; `outputs` those of what the
    worker's standard output and standard error print past it, by 1 and 2. None of them blocks. One that is far away
    may also have `grace`: the seconds in which its code may end softly when its time is up. One that can be stopped
    between two snippets has `rest` and `rouse`; both take microseconds.
    """

    reader: int
    writer: int
    outputs: dict[int, int]

    def nudge(self) -> None:
        """Make the worker look up from its code (SIGINT), where it can be reached that way."""
        ...

    def kill(self) -> None:
        """End it and all that it started, at once and without waiting."""
        ...

    def ending(self) -> str:
        """Why it ended, in words, with the name of the signal if it was one; waits a moment for it to be known.

        Words with `OUT_OF_MEMORY` in them say that it needed more than it may have.
        """
        ...

    def close(self) -> None:
        """Kill it, wait for it and close the descriptors; a second call does nothing."""
        ...


class LinkError(ExecutorError):
    """The worker is gone, or what it says is no message; the text says which."""


class Waker:
    """Ends a wait from another thread."""

    def __init__(self) -> None:
        if hasattr(os, "eventfd"):
            self.reader = self._writer = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        else:
            self.reader, self._writer = os.pipe()
            os.set_blocking(self.reader, False)
            os.set_blocking(self._writer, False)
        self._lock = threading.Lock()
        self._end = weakref.finalize(self, close_all, {self.reader, self._writer})

    def wake(self) -> None:
        """End the wait, or the next one."""
        with self._lock, contextlib.suppress(BlockingIOError):  # a full pipe has woken it already
            if self._end.alive:
                os.write(self._writer, ONE)

    def clear(self) -> None:
        """Forget the calls so far."""
        os.read(self.reader, 8)

    def close(self) -> None:
        """Close the descriptors."""
        with self._lock:
            self._end()


def close_all(fds: Iterable[int]) -> None:
    """Close descriptors."""
    for fd in fds:
        os.close(fd)


def ignore(stream: int, text: str) -> None:
    """Where printed text goes that nobody waits for."""


class Link:
    """Talks with one worker.

    Args:
        process: The worker.
        waker: Ends waits from outside.
        limit: Bytes of a message from it.

    `on_print` gets what the worker prints past the stream: 1 or 2, and the text.
    """

    def __init__(self, process: Process, waker: Waker, limit: int) -> None:
        self.process = process
        self.on_print: Callable[[int, str], object] = ignore
        self._waker = waker
        self._inbox, self._decoder = Inbox(process.reader, limit), Decoder()
        self._waiting: deque[bytes | memoryview] = deque()
        self._is_writing = False
        self._poll, self._printed = select.poll(), select.poll()
        self._eager = Eager(self._poll)
        self._poll.register(waker.reader, select.POLLIN)
        self._poll.register(process.reader, select.POLLIN)
        self._prints = {fd: number for number, fd in process.outputs.items()}
        self._texts = {number: codecs.getincrementaldecoder("utf-8")("replace") for number in process.outputs}
        for fd in self._prints:
            self._poll.register(fd, select.POLLIN)
            self._printed.register(fd, select.POLLIN)

    def send(self, head: bytes, blobs: Iterable[Any] = ()) -> None:
        """Send a message; what doesn't go out at once goes out while waiting.

        Args:
            head: The message.
            blobs: What it mentions.

        Raises:
            LinkError: The worker is gone.
        """
        if blobs or self._waiting or len(head) >= CHUNK:
            self._waiting.extend(pieces(head, blobs))
            self._write()
            return
        data = LENGTH.pack(len(head)) + head
        try:
            sent = os.write(self.process.writer, data)
        except BlockingIOError:
            sent = 0
        except (BrokenPipeError, ConnectionError):
            raise LinkError(f"it ended: {self.process.ending()}") from None
        if sent < len(data):
            self._waiting.append(data[sent:])
            self._write()

    def own(self) -> None:
        """Copy what still waits to be sent and belongs to somebody who may change it."""
        for place, piece in enumerate(self._waiting):
            if isinstance(piece, memoryview) and not isinstance(piece.obj, bytes):
                self._waiting[place] = bytes(piece)

    def take(self) -> tuple[AnySaid, list[Any]] | None:
        """The next message that has come, with its blobs; None if there is none yet.

        Raises:
            LinkError: It is no message.
        """
        if not self._inbox.messages:
            return None
        frame, blobs = self._inbox.messages.popleft()
        try:
            return self._decoder.decode(frame), blobs
        except ValueError as error:
            raise LinkError(f"its message can't be read: {error}") from None

    def wait(self, seconds: float | None) -> None:
        """Wait until something has come, read it and write what waits; or until another thread wakes this one.

        Args:
            seconds: How long at most.

        Raises:
            LinkError: The worker is gone, or sends more than it may.
        """
        for fd, _ in self._eager.wait(None if seconds is None else max(0, seconds * 1000)):
            if fd == self._waker.reader:
                self._waker.clear()
            elif fd in self._prints:
                self._print(fd)
            else:
                if fd == self.process.writer and self._waiting:
                    self._write()
                if fd == self.process.reader:
                    self._read()

    def drain_prints(self) -> None:
        """Read what was printed until now."""
        for fd, _ in self._printed.poll(0) if self._prints else ():
            for _ in range(MAX_READS):
                if fd not in self._prints or not self._print(fd):
                    break

    def _read(self) -> None:
        try:
            alive = self._inbox.read()
        except BlockingIOError:
            return
        except FrameError as error:
            raise LinkError(f"it sent too much: {error}") from None
        except ConnectionError:
            alive = False
        if not alive:
            where = " in the middle of a message" if self._inbox.broken_off else ""
            raise LinkError(f"it ended{where}: {self.process.ending()}")

    def _write(self) -> None:
        waiting = self._waiting
        try:
            while waiting:
                sent = os.write(self.process.writer, waiting[0])
                if sent == len(waiting[0]):
                    waiting.popleft()
                else:
                    waiting[0] = memoryview(waiting[0])[sent:]
        except BlockingIOError:
            pass
        except (BrokenPipeError, ConnectionError):
            raise LinkError(f"it ended: {self.process.ending()}") from None
        if bool(waiting) != self._is_writing:
            self._is_writing = bool(waiting)
            both = self.process.writer == self.process.reader
            if waiting or both:
                events = (select.POLLOUT if waiting else 0) | (select.POLLIN if both else 0)
                self._poll.register(self.process.writer, events)
            else:
                self._poll.unregister(self.process.writer)

    def _print(self, fd: int) -> bool:
        """Read once what was printed; False: there was nothing."""
        number = self._prints[fd]
        try:
            data = os.read(fd, CHUNK)
        except BlockingIOError:
            return False
        if not data:
            del self._prints[fd]
            self._poll.unregister(fd)
            self._printed.unregister(fd)
        text = self._texts[number].decode(data, final=not data)
        if text:
            self.on_print(number, text)
        return bool(data)
