"""What makes two requests the same: everything that the model would read, and nothing else.

Left out are the ids of tool calls, which tell a call from another but mean nothing to the model (which result answers
which call counts), and the run's stop signal. Each message is hashed once and keeps its digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from core_plus.messages import Message, ToolCall, ToolResult, encoded
from core_plus.models import ModelRequest, ModelResponse
from core_plus.tools import ToolSpec
from core_plus_cache.text import dumps

FORM: Final = "core-plus-cache 1"
"""Stands in every key: another form of keys or of answers finds nothing of the old."""
KEPT: Final = ("core_plus_cache", FORM)


def key_of(identity: str, request: ModelRequest) -> bytes | None:
    """The key of a request, None where it holds what can't be written down (an option that is no data).

    Args:
        identity: What decides the model's answers besides the request.
        request: All that is asked.
    """
    rest = (
        request.tool_choice,
        request.stop,
        request.output_schema,
        request.max_tokens,
        request.options,
        _places(request.messages),
    )
    digest = hashlib.sha256()
    try:
        pieces = [FORM.encode(), identity.encode("utf-8", "surrogatepass"), dumps(rest)]
        pieces += [encoded(tool, KEPT, _tool) for tool in request.tools]
        pieces += [encoded(message, KEPT, _message) for message in request.messages]
    except (TypeError, ValueError):
        return None
    for piece in pieces:
        digest.update(b"%d:" % len(piece))
        digest.update(piece)
    return digest.digest()


def whole(response: ModelResponse) -> bool:
    """Whether an answer is worth keeping: the model came to its end, and nobody cut it off.

    Args:
        response: The answer.
    """
    return response.finish_reason in ("stop", "tool_calls")


def _message(message: Message) -> bytes:
    plain = tuple(
        msgspec.structs.replace(part, id="") if isinstance(part, ToolCall | ToolResult) else part
        for part in message.parts
    )
    return hashlib.sha256(dumps((message.role, plain, message.data))).digest()


def _tool(spec: ToolSpec) -> bytes:
    return hashlib.sha256(dumps(spec)).digest()


def _places(messages: Sequence[Message]) -> list[int]:
    """The ids of calls and results as numbers, in the order in which they first come."""
    seen: dict[str, int] = {}
    found: list[Any] = [
        part for message in messages for part in message.parts if isinstance(part, ToolCall | ToolResult)
    ]
    return [seen.setdefault(part.id, len(seen)) for part in found]
