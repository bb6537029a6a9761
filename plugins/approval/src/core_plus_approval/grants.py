"""What a person has allowed in a run: a call with exactly these arguments, or a tool for the rest of the run."""

from __future__ import annotations

import datetime
import decimal
import hashlib
import uuid
from typing import Any

import attrs
import msgspec

from core_plus.tools import Tool

_PLAIN = (bool, int, float, str, bytes, type(None), decimal.Decimal, datetime.date, datetime.timedelta, uuid.UUID)


@attrs.frozen
class Wish:
    """What a person is asked to allow.

    Args:
        path: The names of the agents from the outermost's helper down to the one that wants it.
        tool: The tool's name.
        mark: Which tool that is, its description and schema included; "" where it isn't known any more.
        key: The exact arguments; "" where they can't be told from others, so that only this one call is meant.
    """

    path: tuple[str, ...]
    tool: str
    mark: str
    key: str


class Granted:
    """What was granted in one run."""

    def __init__(self) -> None:
        self._marks: dict[tuple[Any, ...], str] = {}

    def add(self, wish: Wish, whole: bool) -> None:
        """Grant a wish.

        Args:
            wish: What was asked.
            whole: Whether the tool is allowed from now on, whatever its arguments.
        """
        if whole or wish.key:
            self._marks[wish.path, wish.tool, None if whole else wish.key] = wish.mark

    def covers(self, wish: Wish) -> bool:
        """Whether a wish was granted before. What was granted to a tool doesn't hold for another of its name.

        Args:
            wish: What is to be done.
        """
        for key in (None, wish.key):
            place = wish.path, wish.tool, key
            if key == "" or place not in self._marks:
                continue
            # A run that goes on in another process knows the answer, and the tool only once it is called again.
            self._marks[place] = self._marks[place] or wish.mark
            if self._marks[place] == wish.mark:
                return True
        return False


def mark_of(tool: Any) -> str:
    """Tells a tool from others, also from one that takes its name later on.

    Args:
        tool: The tool; None for code.
    """
    told = msgspec.json.encode(tool.spec, order="deterministic", enc_hook=repr) if isinstance(tool, Tool) else b""
    kind = f"{type(tool).__module__}.{type(tool).__qualname__}"
    return hashlib.sha256(kind.encode() + b"\0" + told).hexdigest()


def key_of(arguments: Any) -> str:
    """Tells arguments from all others, type by type; "" where that can't be done.

    Args:
        arguments: By name. Of a DataFrame, say, two different ones may look the same: such have no key.
    """
    try:
        return hashlib.sha256(_spelled(arguments).encode("utf-8", "surrogatepass")).hexdigest()
    except (ValueError, RecursionError):
        return ""


def _spelled(value: Any) -> str:
    kind = type(value)
    if kind in _PLAIN:
        return f"{kind.__name__} {value!r}"
    if kind in (list, tuple):
        return f"{kind.__name__}[{','.join(map(_spelled, value))}]"
    if kind in (set, frozenset):
        return f"{kind.__name__}[{','.join(sorted(map(_spelled, value)))}]"
    if kind is dict:
        pairs = sorted((_spelled(key), _spelled(one)) for key, one in value.items())
        return f"dict[{','.join(f'{key}:{one}' for key, one in pairs)}]"
    raise ValueError(f"a {kind.__name__} can't be told from others by how it looks")
