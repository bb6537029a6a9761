"""Messages on a byte stream, the same at both ends.

A frame is a length (32 bits, little-endian) and that many bytes. Where the length's top bit is set, it is a blob
and belongs to the next frame without; that one is the message: JSON, an array whose first item says what it is.
Lengths are judged before anything is read into memory: what a peer may send is the reader's choice. Memory is taken
as bytes come, whatever a length promises.

A large frame is read into the place where it stays: io.BytesIO gives its bytes away without a copy. That brought
10 MB there and back from 25 ms to 7 on a pair of sockets, as fast as shared memory with its own page faults.
"""

from __future__ import annotations

import contextlib
import io
import os
import struct
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Message = tuple[Any, list[Any]]

LENGTH = struct.Struct("<I")
BLOB = 1 << 31
CHUNK = 1 << 16
LARGE = 1 << 20
STEP = 32 << 20
"""Bytes of a frame for which room is made at once; then as much again as has come."""

KEPT = 31 << 20
"""Bytes that are taken and given back once before the first large frame, untouched, which costs microseconds.

glibc's malloc gives large blocks back to the system at once, and each page of the next one costs a fault: 5,000 of them
for 10 MB of text. Having seen a block of this size freed, it keeps twice as much (mallopt(3), M_MMAP_THRESHOLD).
"""

BLOB_COST = 64
"""What a blob counts beside its bytes, so that a million empty ones are refused too."""


class FrameError(ValueError):
    """The peer sent a frame that is too large."""


class Inbox:
    """Takes messages off a file descriptor: each its bytes and its blobs, which are bytes, the large ones BytesIO.

    Args:
        fd: Where to read; blocking or not.
        limit: Bytes of a message with its blobs.
    """

    def __init__(self, fd: int, limit: int) -> None:
        self.messages: deque[Message] = deque()
        self._fd, self._limit, self._used = fd, limit, 0
        self._rest = b""
        self._large: io.BytesIO | None = None
        self._length = self._filled = self._room = 0
        self._saw_large = False
        self._is_blob = False
        self._blobs: list[Any] = []

    def read(self) -> bool:
        """Read once, and put what is whole into `messages`. False: the peer closed the stream.

        Raises:
            BlockingIOError: Nothing is there (on a descriptor that doesn't block).
            FrameError: The peer sends more than it may.
        """
        if self._large is not None:
            return self._read_large(self._large)
        data = os.read(self._fd, CHUNK)
        if self._rest:
            self._rest = self._split(self._rest + data)
        else:
            self._rest = self._split(data)
        return len(data) > 0

    @property
    def broken_off(self) -> bool:
        """Whether the stream stands in the middle of a message."""
        return bool(self._rest or self._large is not None or self._blobs)

    def _split(self, data: bytes) -> bytes:
        """Take the frames off the front; the rest is what is left of a short one."""
        place, end = 0, len(data)
        while end - place >= 4:
            length = LENGTH.unpack_from(data, place)[0]
            self._is_blob = length >= BLOB
            length &= BLOB - 1
            self._used += length + (BLOB_COST if self._is_blob else 0)
            if self._used > self._limit:
                raise FrameError(f"a message of {self._used:,} bytes or more; at most {self._limit:,} may come")
            place += 4
            if end - place < length:
                if length <= CHUNK:
                    self._used -= length + (BLOB_COST if self._is_blob else 0)
                    return data[place - 4 :]
                self._large, self._length, self._room = io.BytesIO(data[place:]), length, 0
                self._filled = end - place
                return b""
            self._take(data[place : place + length])
            place += length
        return data[place:]

    def _read_large(self, large: io.BytesIO) -> bool:
        """Read more of a frame that came in part."""
        if not self._saw_large and self._length > LARGE:
            self._saw_large = True
            with contextlib.suppress(MemoryError):  # it was for speed only
                bytes(KEPT)
        if self._filled >= self._room:
            self._room = min(self._length, max(STEP, 2 * self._filled))
            large.seek(self._room - 1)
            large.write(b"\0")
        with large.getbuffer() as view, view[self._filled : self._room] as rest:
            count = os.readv(self._fd, [rest])
        self._filled += count
        if self._filled == self._length:
            self._large = None
            self._take(large)
        return count > 0

    def _take(self, frame: Any) -> None:
        if self._is_blob:
            self._blobs.append(frame)
        else:
            self.messages.append((frame if type(frame) is bytes else frame.getvalue(), self._blobs))
            self._blobs, self._used = [], 0


def pieces(head: bytes, blobs: Iterable[Any] = ()) -> Iterator[bytes | memoryview]:
    """What to write for a message, in few large pieces.

    Args:
        head: The message.
        blobs: What it mentions.

    Raises:
        FrameError: Something is too long for its length to be written.
    """
    if not blobs and len(head) < CHUNK:
        yield LENGTH.pack(len(head)) + head
        return
    small = bytearray()
    for kind, part in [*((BLOB, blob) for blob in blobs), (0, head)]:
        if len(part) >= BLOB:
            raise FrameError(f"{len(part):,} bytes in one piece; 2 GB is the most")
        small += LENGTH.pack(len(part) | kind)
        if len(part) <= CHUNK:
            small += part
        else:
            yield bytes(small)
            yield memoryview(part)
            small.clear()
    if small:
        yield bytes(small)


def write(fd: int, head: bytes, blobs: Iterable[Any] = ()) -> None:
    """Write a message, and wait until it is gone.

    Args:
        fd: Where to; it must block.
        head: The message.
        blobs: What it mentions.
    """
    if not blobs and len(head) < CHUNK:
        data: bytes | memoryview = LENGTH.pack(len(head)) + head
        sent = os.write(fd, data)
        if sent == len(data):
            return
        rest: Iterable[bytes | memoryview] = [data[sent:]]
    else:
        rest = pieces(head, blobs)
    for piece in rest:
        view = memoryview(piece)
        while view:
            view = view[os.write(fd, view) :]
