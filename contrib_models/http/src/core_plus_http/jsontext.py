"""JSON as providers need it: fast, forgiving of odd text, and joined out of pieces that are kept encoded."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from core_plus.errors import MalformedReplyError


def dumps(value: Any) -> bytes:
    """Encode a value as JSON.

    Args:
        value: Whatever msgspec encodes. A lone surrogate in a text becomes U+FFFD, as no UTF-8 can hold it.

    Raises:
        TypeError: A value that has no form in JSON.
    """
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_mended(msgspec.to_builtins(value)))


def loads(text: bytes | str, what: str = "the reply") -> Any:
    """Decode JSON; escaped lone surrogates, NaN and Infinity, which some servers write, are taken too.

    Args:
        text: The JSON text.
        what: What is decoded, for the error's text.

    Raises:
        MalformedReplyError: It is no JSON, or not UTF-8.
    """
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise MalformedReplyError(f"{what} is no JSON ({error}): {excerpt(text)}") from error


def join_request(head: bytes, pieces: Iterable[bytes], tail: bytes) -> bytes:
    """A request's body out of pieces that are encoded already; this costs no more than copying them.

    Args:
        head: All before the pieces, such as b'{"model":"m","messages":['.
        pieces: JSON texts; commas come between them, and empty ones are left out.
        tail: All after them, such as b"]}".
    """
    return b"".join((head, b",".join(filter(None, pieces)), tail))


def excerpt(text: bytes | str, most: int = 200) -> str:
    """The start of a text on one line, for an error.

    Args:
        text: Any text, also no valid UTF-8.
        most: Characters to keep.
    """
    words = text[: most * 4].decode("utf-8", "replace") if isinstance(text, bytes) else text[: most * 4]
    line = " ".join(words.split())
    if not line:
        return "(empty)"
    return line if len(line) <= most and len(text) <= most * 4 else f"{line[:most]}…"


def _mended(value: Any) -> Any:
    if isinstance(value, str):  # by way of UTF-16, which also joins the two halves of a pair
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(item) for item in value]
    return value
