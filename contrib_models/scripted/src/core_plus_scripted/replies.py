"""What a script may hold, and how it becomes a reply."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import msgspec

from core_plus.errors import ConfigurationError
from core_plus.messages import AnyPart, Message, Text, Thinking, ToolCall, Usage, message
from core_plus.models import (
    Delta,
    FinishDelta,
    ModelRequest,
    ModelResponse,
    PartDelta,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    parse_arguments,
)

Reply: TypeAlias = "str | Message | ModelResponse | Exception | Callable[[ModelRequest], Any]"
"""One turn: words, a whole message or response, an error to raise, or a function of the request that gives
any of these."""

TOKEN = 4
"""Characters of a token, for estimates: about right for English in the usual tokenizers."""

_WORDS = re.compile(r"\s*\S+\s*")


def checked(reply: Any, where: str) -> Reply:
    """A turn, if it is one.

    Args:
        reply: Whatever the script holds.
        where: Its place in words, for the error.

    Raises:
        ConfigurationError: It is none.
    """
    good = isinstance(reply, str | Message | ModelResponse | Exception) or callable(reply)
    if isinstance(reply, Message) and reply.role != "assistant":
        raise ConfigurationError(f"{where} is a {reply.role!r} message; a model says 'assistant' messages")
    if not good or isinstance(reply, type):
        raise ConfigurationError(
            f"{where} is {reply!r:.100}; a turn is a text, a Message, a ModelResponse, an exception or a function "
            "of the request that gives one of these"
        )
    found: Reply = reply
    return found


def response_to(reply: Reply, request: ModelRequest, name: str, where: str) -> ModelResponse:
    """The response that a turn stands for.

    Args:
        reply: The turn.
        request: What was asked.
        name: The model's name.
        where: The turn's place in words, for errors.

    Raises:
        Exception: The turn's own error.
        ConfigurationError: A function gave something that is no turn.
    """
    if callable(reply):
        given = reply(request)
        if inspect.isawaitable(given):
            raise ConfigurationError(f"{where} is an async function; the script takes plain ones")
        if callable(given):
            raise ConfigurationError(f"{where} is a function that gave another function")
        return response_to(checked(given, where), request, name, where)
    if isinstance(reply, Exception):
        raise reply.with_traceback(None)  # one error may be raised in many runs: it must not collect their frames
    if isinstance(reply, ModelResponse):
        return reply
    said = reply if isinstance(reply, Message) else message("assistant", _stopped(reply, request.stop) or ())
    usage = Usage(estimate(request), size(said), calls=1, unknown_calls=1)
    return ModelResponse(said, usage, "tool_calls" if said.tool_calls else "stop", model=name)


def _stopped(text: str, stop: tuple[str, ...]) -> str:
    ends = [at for word in stop if word and (at := text.find(word)) >= 0]
    return text[: min(ends)] if ends else text


def estimate(request: ModelRequest) -> int:
    """Tokens of a request, estimated from its length.

    Args:
        request: All that is asked.
    """
    tools = sum(len(tool.name) + len(tool.description) + len(str(tool.parameters)) for tool in request.tools)
    return sum(size(said) for said in request.messages) + tools // TOKEN


def size(said: Message) -> int:
    """Tokens of a message, estimated from its length.

    Args:
        said: Any message.
    """
    return (sum(_length(part) for part in said.parts) + TOKEN - 1) // TOKEN


def _length(part: Any) -> int:
    if isinstance(part, Text | Thinking):
        return len(part.text)
    if isinstance(part, ToolCall):
        return len(part.name) + len(str(part.arguments))
    return sum(len(inner.text) for inner in getattr(part, "parts", ()) if isinstance(inner, Text))


def pieces(response: ModelResponse, chunk: str | int | None) -> Iterator[Delta]:
    """A response as it streams in.

    Args:
        response: The whole.
        chunk: "word", a number of characters, or None for parts as a whole.
    """
    for index, part in enumerate(response.message.parts):
        yield from _part(index, part, chunk)
    yield FinishDelta(
        response.finish_reason,
        response.raw_finish_reason,
        response.usage,
        response.model,
        response.id,
        response.data,
        response.message.data,
    )


def _part(index: int, part: AnyPart, chunk: str | int | None) -> Iterator[Delta]:
    if isinstance(part, Text):
        yield from (TextDelta(text) for text in _cut(part.text, chunk))
    elif isinstance(part, Thinking):
        yield from (ThinkingDelta(text, index) for text in _cut(part.text, chunk))
        yield ThinkingDelta("", index, part.signature, part.provider, part.data)
    elif isinstance(part, ToolCall) and (arguments := _as_json(part)) is not None:
        yield ToolCallDelta(index, part.id, part.name, "", part.data)
        yield from (ToolCallDelta(index, arguments=text) for text in _cut(arguments, chunk))
    else:
        yield PartDelta(part)


def _as_json(call: ToolCall) -> str | None:
    """The arguments as providers stream them; None where JSON wouldn't give the same back."""
    try:
        text = msgspec.json.encode(call.arguments).decode()
        return text if parse_arguments(text) == call.arguments else None
    except (TypeError, UnicodeEncodeError):
        return None


def _cut(text: str, chunk: str | int | None) -> Iterator[str]:
    if chunk is None or not text.strip():
        yield text
    elif isinstance(chunk, int):
        yield from (text[at : at + chunk] for at in range(0, len(text), chunk))
    else:
        yield from (match[0] for match in _WORDS.finditer(text))
