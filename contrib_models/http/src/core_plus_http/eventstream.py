"""Amazon's event streams (application/vnd.amazon.eventstream), cut into their messages.

A message is a total length and a length of headers (4 bytes each, big-endian), a CRC-32 of these eight bytes, the
headers, the payload, and a CRC-32 of all before it. A header is a name with a length of one byte before it, a type
of one byte and the value. Source: the specification at
https://docs.aws.amazon.com/lexv2/latest/dg/event-stream-encoding.html.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

from core_plus.errors import MalformedReplyError
from core_plus_http.decoders import MOST_BYTES, Event

PRELUDE: Final = 12
FRAME: Final = 16
"""The bytes of a message beside headers and payload."""
SIZES: Final = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a header's value by its type; 6 and 7 (bytes and text) have a length of two bytes before them."""


class EventStreamDecoder:
    """Reads messages from bytes. An event's name is the message's `:event-type`, or its `:exception-type`.

    Args:
        limit: The most bytes that a message may have.
    """

    __slots__ = ("_buffer", "_damage", "_limit")

    def __init__(self, limit: int = MOST_BYTES) -> None:
        self._buffer, self._limit = bytearray(), limit
        self._damage: MalformedReplyError | None = None

    def feed(self, chunk: bytes) -> list[Event]:
        """Take the next bytes.

        Args:
            chunk: Whatever the network gave.

        Returns:
            The messages that are now complete.

        Raises:
            MalformedReplyError: They are no messages, or one is too long; messages before that are given first.
        """
        self._buffer += chunk
        events: list[Event] = []
        try:
            while self._damage is None and (event := self._next()) is not None:
                events.append(event)
        except MalformedReplyError as error:
            self._damage = error
        if self._damage is not None and not events:
            raise self._damage
        return events

    def _next(self) -> Event | None:
        """The next message, None while it isn't complete."""
        if len(self._buffer) < PRELUDE:
            return None
        total, headers, check = struct.unpack_from(">III", self._buffer)
        if zlib.crc32(self._buffer[:8]) != check or total < headers + FRAME:
            raise MalformedReplyError("the stream is no event stream of Amazon's")
        if total > self._limit:
            raise MalformedReplyError(f"an event of the stream is longer than {self._limit:,} bytes")
        if len(self._buffer) < total:
            return None
        message = bytes(self._buffer[:total])
        del self._buffer[:total]
        if zlib.crc32(message[:-4]) != int.from_bytes(message[-4:], "big"):
            raise MalformedReplyError("an event of the stream was damaged on its way")
        named = _headers(message[PRELUDE : PRELUDE + headers])
        name = named.get(":exception-type") or named.get(":error-code") or named.get(":event-type", "")
        return Event(message[PRELUDE + headers : -4], name)

    def flush(self) -> list[Event]:
        """Nothing: half a message is none.

        Raises:
            MalformedReplyError: What came last was no message.
        """
        if self._damage is not None:
            raise self._damage
        return []


def _headers(data: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    try:
        while at < len(data):
            end = at + 1 + data[at]
            name, kind, at = data[at + 1 : end].decode(), data[end], end + 1
            if kind in (6, 7):
                size = int.from_bytes(data[at : at + 2], "big")
                found[name] = data[at + 2 : at + 2 + size].decode("utf-8", "replace")
                at += 2 + size
            else:
                at += SIZES[kind]
    except (IndexError, KeyError, UnicodeDecodeError) as error:
        raise MalformedReplyError(f"an event of the stream has headers that are none: {error}") from error
    return found
