"""How a message's head becomes bytes: JSON, and for large trees MessagePack where a library for it is at hand.

The standard library makes its JSON encoder anew for each text, which is most of a short one's time; here it is made
once. MessagePack pays on the way out of the worker only: a list of 50 search results takes 1.3 times as long in JSON,
a tool call 1.1 times, and what comes in is read by the host's own encoder at either speed.
"""

from __future__ import annotations

import json
from json import encoder
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

LARGE = 4096
"""Bytes of a head from which on the next one is worth a library: importing it takes as long as writing 1 MB."""

MOST = 4 << 20
"""Bytes of a head in MessagePack: one of them may be a value of its own, and the host counts values."""

LIBRARIES = (("msgspec.msgpack", "encode"), ("msgpack", "packb"))
"""Modules that write it, and their function."""

CALL, CALL_AT, DONE = b"\x96\xa4call", b"\x97\xa4call", b"\x97\xa4done"
"""How messages of six and of seven parts begin in MessagePack, with the word for what they are."""

STRICT = json.JSONEncoder(separators=(",", ":"), check_circular=False)


def call(number: int, text: str | bytes, busy: bool, line: int, packs: list[Any]) -> bytes:
    """The head of a call.

    Args:
        number: Its number.
        text: Its name and arguments, as JSON or MessagePack without what stands around them.
        busy: Whether code may go on meanwhile.
        line: Where in the snippet it stands, 0 where that isn't told.
        packs: The function that writes MessagePack, where one is at hand.
    """
    if isinstance(text, bytes):
        pack = packs[0]
        head, more = (CALL_AT, pack(line)) if line else (CALL, b"")
        return bytes(head + pack(number) + text + pack(busy) + more)
    more_text = f",{line}" if line else ""
    return f'["call",{number},{text},{"true" if busy else "false"}{more_text}]'.encode("ascii")


def json_writer() -> Callable[[Any], str]:
    """A function that gives the JSON text of a tree; ASCII, lone surrogates as escapes.

    It uses the encoder in C that `json` itself uses (its arguments are the same from Python 3.8 to 3.14), and
    `json` where there is none.
    """
    make: Any = getattr(encoder, "c_make_encoder", None)
    quote: Any = encoder.encode_basestring_ascii
    if make is None:
        return STRICT.encode
    try:
        chunks = make(None, STRICT.default, quote, None, ":", ",", False, False, True)
    except TypeError:  # another Python's encoder takes other arguments
        return STRICT.encode

    def text_of(tree: Any) -> str:
        """The text of a tree."""
        kind = type(tree)
        if kind is str:
            return str(quote(tree))
        if kind is int:
            return repr(tree)
        if tree is None:
            return "null"
        return "".join(chunks(tree, 0))

    return text_of


def msgpack_writer() -> Callable[[Any], bytes] | None:
    """A function that gives the MessagePack bytes of a tree, or None if no library for it is there."""
    import importlib.util

    try:
        for name, function in LIBRARIES:
            if importlib.util.find_spec(name.partition(".")[0]) is not None:
                found: Callable[[Any], bytes] = getattr(importlib.import_module(name), function)
                return found
    except Exception:  # it can't be loaded behind these walls: JSON does it too
        return None
    return None
