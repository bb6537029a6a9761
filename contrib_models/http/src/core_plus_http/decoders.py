"""Streams cut into events and lines, wherever the network broke them apart."""

from __future__ import annotations

from typing import Final

import msgspec

from core_plus.errors import MalformedReplyError

BOM: Final = b"\xef\xbb\xbf"
MOST_BYTES: Final = 64 * 1024 * 1024
"""The most bytes that one event, line or whole reply may have."""


class Event(msgspec.Struct, frozen=True):
    """A server-sent event.

    Args:
        data: Its data lines, joined by line feeds; bytes, since JSON is decoded from bytes.
        event: Its type, "" where the server named none.
        id: The last id that the server gave, "" before the first.
    """

    data: bytes
    event: str = ""
    id: str = ""


class LineDecoder:
    r"""Cuts a stream into its lines: at LF, CR or CRLF, even where a chunk ends between the two.

    No character of UTF-8 holds one of these bytes inside it, so a chunk may break anywhere.

    Args:
        limit: The most bytes that a line may have.
    """

    __slots__ = ("_after_cr", "_limit", "_parts", "_size")

    def __init__(self, limit: int = MOST_BYTES) -> None:
        self._parts: list[bytes] = []
        self._size, self._limit, self._after_cr = 0, limit, False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next bytes.

        Args:
            chunk: Whatever the network gave.

        Returns:
            The lines that are now complete, without their ends.

        Raises:
            MalformedReplyError: A line outgrew the limit.
        """
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if not chunk:
            return []
        if b"\n" not in chunk and b"\r" not in chunk:  # joined once, at the line's end: a long line costs no more
            self._keep(chunk)
            return []
        if self._parts:
            chunk = b"".join((*self._parts, chunk))
            self._parts.clear()
            self._size = 0
        lines = chunk.splitlines()
        if chunk.endswith(b"\r"):
            self._after_cr = True
        elif not chunk.endswith(b"\n"):
            self._keep(lines.pop())
        return lines

    def flush(self) -> list[bytes]:
        """The last line, where the stream ended without a line end.

        Returns:
            One line or none.
        """
        rest = [b"".join(self._parts)] if self._parts else []
        self._parts.clear()
        self._size = 0
        return rest

    def _keep(self, part: bytes) -> None:
        self._parts.append(part)
        self._size += len(part)
        if self._size > self._limit:
            raise MalformedReplyError(f"a line of the stream is longer than {self._limit:,} bytes")


class JSONLinesDecoder(LineDecoder):
    """Cuts newline-delimited JSON into its documents, blank lines left out."""

    __slots__ = ()

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next bytes.

        Args:
            chunk: Whatever the network gave.

        Returns:
            The JSON texts that are now complete.
        """
        return [line for line in super().feed(chunk) if line and not line.isspace()]

    def flush(self) -> list[bytes]:
        """The last document, where the stream ended without a line end.

        Returns:
            One JSON text or none.
        """
        return [line for line in super().flush() if line and not line.isspace()]


class SSEDecoder:
    """Reads server-sent events (the HTML standard's "event stream interpretation") from bytes.

    Differences to a browser: `data` stays bytes, `retry` is ignored, and `flush` gives an event that the
    server forgot to end with a blank line.

    Args:
        limit: The most bytes that an event may have.
    """

    __slots__ = ("_data", "_event", "_first", "_id", "_limit", "_lines", "_size")

    def __init__(self, limit: int = MOST_BYTES) -> None:
        self._lines = LineDecoder(limit)
        self._limit, self._size, self._first = limit, 0, True
        self._data: list[bytes] = []
        self._event = self._id = ""

    def feed(self, chunk: bytes) -> list[Event]:
        """Take the next bytes.

        Args:
            chunk: Whatever the network gave.

        Returns:
            The events that are now complete.

        Raises:
            MalformedReplyError: An event outgrew the limit.
        """
        return self._read(self._lines.feed(chunk))

    def flush(self) -> list[Event]:
        """The last event, where the stream ended without a blank line.

        Returns:
            One event or none.
        """
        return self._read([*self._lines.flush(), b""])

    def _read(self, lines: list[bytes]) -> list[Event]:
        if self._first and lines:
            self._first = False
            lines[0] = lines[0].removeprefix(BOM)
        events = []
        for line in lines:
            if not line:
                if self._data:
                    events.append(self._dispatched())
                self._event = ""
            elif line.startswith(b"data:"):
                self._add(line[6:] if line.startswith(b"data: ") else line[5:])
            elif not line.startswith(b":"):
                self._set(*line.partition(b":"))
        return events

    def _dispatched(self) -> Event:
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        self._data = []
        self._size = 0
        return Event(data, self._event, self._id)

    def _add(self, data: bytes) -> None:
        self._data.append(data)
        self._size += len(data)
        if self._size > self._limit:
            raise MalformedReplyError(f"an event of the stream is longer than {self._limit:,} bytes")

    def _set(self, field: bytes, _: bytes, value: bytes) -> None:
        text = value.removeprefix(b" ").decode("utf-8", "replace")
        if field == b"event":
            self._event = text
        elif field == b"id" and "\0" not in text:
            self._id = text
        elif field == b"data":  # the bare word is an empty data line
            self._add(b"")
