"""How many tokens a request has: a bound that costs nothing, and a count where it matters."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec

from core_plus.messages import Media, Message, Part, Text, Thinking, ToolCall, ToolResult
from core_plus.models import ModelRequest

EACH = 12
"""Tokens added for the marks around a message or a tool: a few in the chat formats that are published, made ample."""
MEDIA = 4_000
"""Tokens of a picture or another medium, a guess on the high side: providers count by size, pages or seconds."""
BYTES = 3
"""Bytes of a token, for estimates: about 4 in English, 3 in code, 2 to 3 in scripts of several bytes a letter."""
_KEPT = "core_plus_budget"


def bound(request: ModelRequest) -> int:
    """Tokens that a request has at most, media aside.

    A token of a byte-level vocabulary stands for one byte at least, so there are no more tokens than bytes.

    Args:
        request: All that is asked.
    """
    size, marks, media = _sizes(request)
    return size + marks + media


def estimate(request: ModelRequest) -> int:
    """Tokens that a request has, roughly, from its length.

    Args:
        request: All that is asked.
    """
    size, marks, media = _sizes(request)
    return size // BYTES + marks + media


def counted(model: Any, request: ModelRequest) -> int | None:
    """Tokens that a request has by the model's own `count_tokens`, which may ask its provider.

    Args:
        model: Who is to be asked.
        request: All that is asked.

    Returns:
        None where the model can't count, or not now.
    """
    if not hasattr(model, "count_tokens"):
        return None
    try:
        found = model.count_tokens(request)
    except Exception:
        return None
    if inspect.iscoroutine(found):
        found.close()  # a hook can't wait
    return found if isinstance(found, int) else None


def _sizes(request: ModelRequest) -> tuple[int, int, int]:
    """Bytes of the words, tokens of the marks, tokens of the media. Messages and tools keep what they measure."""
    size = media = 0
    for item in (*request.tools, *request.messages):
        kept = item.__dict__
        words, others = kept[_KEPT] if _KEPT in kept else kept.setdefault(_KEPT, _measured(item))
        size, media = size + words, media + others
    if request.output_schema is not None:
        size += len(msgspec.json.encode(request.output_schema))
    return size, EACH * (len(request.messages) + len(request.tools) + 1), media


def _measured(item: Any) -> tuple[int, int]:
    if isinstance(item, Message):
        return _bytes(_words(item)), MEDIA * _media(item.parts)
    return _bytes(f"{item.name} {item.description} {_json(item.parameters)}{_json(item.output_schema)}"), 0


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _words(said: Message) -> str:
    return f"{said.role} {' '.join(_word(part) for part in said.parts)}"


def _word(part: Part) -> str:
    if isinstance(part, Text):
        return part.text
    if isinstance(part, Thinking):
        return f"{part.text}{part.signature or ''}{_json(part.data)}"
    if isinstance(part, ToolCall):
        return f"{part.id} {part.name} {_json(part.arguments)}{_json(part.data)}"
    if isinstance(part, ToolResult):
        return f"{part.id} {part.name} {' '.join(_word(one) for one in part.parts)}"
    return ""


def _media(parts: Any) -> int:
    return sum(_media(part.parts) if isinstance(part, ToolResult) else isinstance(part, Media) for part in parts)


def _json(data: Any) -> str:
    if data is None:
        return ""
    try:
        return msgspec.json.encode(data, enc_hook=repr).decode()
    except (TypeError, ValueError):
        return repr(data)
