"""What a worker says, as types: a message that doesn't fit is garbage, and the session is lost."""

from __future__ import annotations

import json
from typing import Any, Literal, TypeAlias

import msgspec

from core_plus_worker.inside import heads


class Said(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Something that a worker says: a JSON array, its kind first."""


class Hello(Said, frozen=True, tag="hello"):
    """It lives.

    Args:
        version: Of the protocol.
        python: Its version.
        pid: Its process id, as it sees it.
        abilities: For later versions of the protocol.
    """

    version: int
    python: tuple[int, int, int]
    pid: int
    abilities: list[str]


class Ready(Said, frozen=True, tag="ready"):
    """The set-up is done."""


class Refused(Said, frozen=True, tag="refused"):
    """The set-up can't be done."""

    text: str


class Call(Said, frozen=True, tag="call"):
    """Code calls a function of the host.

    Args:
        id: Its number within the snippet.
        name: The function.
        args: A list, as a tree.
        kwargs: A dict, as a tree.
        busy: Whether code may go on without the answer.
        line: Where in the snippet it stands, 0 if that isn't told.
    """

    id: int
    name: str
    args: Any
    kwargs: Any
    busy: bool
    line: int = 0


class Waits(Said, frozen=True, tag="waits"):
    """No code can go on without an answer.

    Args:
        heard: How many answers it had got within the snippet; -1 if that isn't told. Others may be on their way.
    """

    heard: int = -1


class Print(Said, frozen=True, tag="print"):
    """Code printed.

    Args:
        stream: 1 or 2.
        text: What.
    """

    stream: Literal[1, 2]
    text: str


class Done(Said, frozen=True, tag="done"):
    """The snippet ended.

    Args:
        value: The last value, as a tree.
        has_value: Whether there is one.
        is_final: Whether it is the final answer.
        error: kind, message, traceback and line.
        dropped: Characters of stdout and stderr that were left out in the middle.
        busy: Whether threads of it still run.
    """

    value: Any
    has_value: bool
    is_final: bool
    error: tuple[str, str, str, int | None] | None
    dropped: tuple[int, int]
    busy: bool


AnySaid: TypeAlias = Hello | Ready | Refused | Call | Waits | Print | Done

MAX_NODES = 4_000_000
"""Values in one message: `[],[],[]…` of 32 MB would take 20 times as much memory."""


CALL, DONE = heads.CALL[:1], heads.DONE[:1]
MOST_PACKED = heads.MOST + 4096
"""Bytes of a message in MessagePack: a tree, and what is said of it."""


class Decoder:
    """Reads messages."""

    def __init__(self) -> None:
        self._decoder: msgspec.json.Decoder[AnySaid] = msgspec.json.Decoder(AnySaid)
        self._packed: Any = None

    def decode(self, frame: bytes) -> AnySaid:
        """The message in a frame.

        Args:
            frame: What came.

        Raises:
            ValueError: It is none.
        """
        if frame[:1] in (CALL, DONE):
            return self._decode_packed(frame)
        if len(frame) > MAX_NODES and frame.count(b",") + frame.count(b"[") + frame.count(b"{") > MAX_NODES:
            raise ValueError(f"a message of more than {MAX_NODES:,} values")
        try:
            return self._decoder.decode(frame)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._decode_oddly(frame)
        except RecursionError:
            raise ValueError("a message nested too deeply") from None

    def _decode_packed(self, frame: bytes) -> AnySaid:
        """MessagePack, in which each byte may be a value."""
        if len(frame) > MOST_PACKED:
            raise ValueError(f"a message of {len(frame):,} bytes in MessagePack; at most {MOST_PACKED:,} may be")
        if self._packed is None:
            import msgspec.msgpack

            self._packed = msgspec.msgpack.Decoder(AnySaid)
        try:
            said: AnySaid = self._packed.decode(frame)
            return said
        except RecursionError:
            raise ValueError("a message nested too deeply") from None

    def _decode_oddly(self, frame: bytes) -> AnySaid:
        """Lone surrogates are JSON to Python and none to msgspec."""
        try:
            said: AnySaid = msgspec.convert(json.loads(frame), AnySaid)
            return said
        except RecursionError:
            raise ValueError("a message nested too deeply") from None


def encoded(message: list[Any]) -> bytes:
    """A message for a worker.

    Args:
        message: JSON.
    """
    try:
        return msgspec.json.encode(message)
    except UnicodeEncodeError:
        return json.dumps(message).encode("ascii")
