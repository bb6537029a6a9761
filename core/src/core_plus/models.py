"""What a model is: anything that answers a request, at once or piece by piece."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, Awaitable, Iterable, Mapping
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import msgspec

from core_plus.cancellation import Cancellation
from core_plus.messages import AnyPart, Message, Text, Thinking, ToolCall, Usage
from core_plus.tools import ToolSpec

FinishReason: TypeAlias = Literal["stop", "tool_calls", "length", "content_filter", "refusal", "error", "other"]


class ModelRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that a model is asked.

    Args:
        messages: The conversation, oldest first.
        tools: What the model may call. The same objects in every request of an agent.
        tool_choice: "auto", "required", "none" or the name of one tool; None leaves it to the provider.
        stop: Texts at which the model stops.
        output_schema: A JSON Schema that the answer's text must fit, where the provider can do that.
        max_tokens: The most tokens to write.
        options: The provider's own parameters (temperature, seed, …), passed on as they are.
        cancellation: The run's stop signal; a transport registers with it to shut down its socket.
    """

    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: str | None = None
    stop: tuple[str, ...] = ()
    output_schema: dict[str, Any] | None = None
    max_tokens: int | None = None
    options: Mapping[str, Any] = {}
    cancellation: Cancellation | None = None


class ModelResponse(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a model answered.

    Args:
        message: The reply, role "assistant".
        usage: Tokens used; None where the provider didn't say.
        finish_reason: Why it stopped, in one vocabulary.
        raw_finish_reason: The same in the provider's word.
        model: The model that answered, by the provider's word.
        id: The provider's id of the reply.
        data: What else the provider said (logprobs, citations, …).
    """

    message: Message
    usage: Usage | None = None
    finish_reason: FinishReason = "stop"
    raw_finish_reason: str | None = None
    model: str = ""
    id: str | None = None
    data: dict[str, Any] | None = None


class Delta(msgspec.Struct, frozen=True, omit_defaults=True, tag=True):
    """A piece of a reply as it streams in."""


class TextDelta(Delta, frozen=True):
    """More words."""

    text: str


class ThinkingDelta(Delta, frozen=True):
    """More reasoning; an `index` tells one block from the next.

    Args:
        text: More of the readable part.
        index: Which block of reasoning.
        signature: The block's signature, at its end.
        provider: Who signed.
        data: The provider's opaque item.
    """

    text: str = ""
    index: int = 0
    signature: str | None = None
    provider: str = ""
    data: dict[str, Any] | None = None


class ToolCallDelta(Delta, frozen=True):
    """More of a tool call.

    Args:
        index: Which call of the reply, from 0.
        id: The call's id, once.
        name: The tool's name, once.
        arguments: More of the arguments' JSON text.
        data: What the provider wants back with the call.
    """

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    data: dict[str, Any] | None = None


class PartDelta(Delta, frozen=True):
    """A part that comes whole: a picture, a citation's text."""

    part: AnyPart


class FinishDelta(Delta, frozen=True):
    """The end, or facts about the reply; later ones win, field by field.

    Args:
        reason: Why it stopped.
        raw_reason: The same in the provider's word.
        usage: Tokens used in all.
        model: The model that answered.
        id: The provider's id of the reply.
        data: Becomes `ModelResponse.data`.
        message_data: Becomes `Message.data`.
    """

    reason: FinishReason | None = None
    raw_reason: str | None = None
    usage: Usage | None = None
    model: str | None = None
    id: str | None = None
    data: dict[str, Any] | None = None
    message_data: dict[str, Any] | None = None


@runtime_checkable
class Model(Protocol):
    """Anything with `forward`, sync or async. No inheritance is asked for.

    A model may also have `stream(request)`, which gives `Delta`s (an iterable or an async iterable),
    `count_tokens(request)`, `embed(texts)`, `transcribe(audio)`, `generate_image(prompt)`, `list_models()`, and
    `identity()`, a text that tells it from others that would answer otherwise. One that can do both ways has
    `aforward` and `astream` beside them, which async runs prefer. It raises `ModelError`s. One object serves many
    runs at once. `str(model)` is what people read.
    """

    def forward(self, request: ModelRequest) -> ModelResponse | Awaitable[ModelResponse]:
        """Answer a request.

        Args:
            request: All that is asked.

        Raises:
            ModelError: The provider's refusal or failure, typed.
        """


@runtime_checkable
class StreamingModel(Model, Protocol):
    """A model that can answer piece by piece."""

    def stream(self, request: ModelRequest) -> Iterable[Delta] | AsyncIterable[Delta]:
        """Answer a request as it comes.

        Args:
            request: All that is asked.
        """


def parse_arguments(text: str) -> dict[str, Any] | str:
    """The arguments of a tool call from their JSON text; the text itself where it is no JSON object.

    Args:
        text: What the model wrote; "" is no arguments.
    """
    if not text.strip():
        return {}
    try:
        found = json.loads(text)  # unlike msgspec's, it reads lone surrogates
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, dict) else text


class Collector:
    """Adds deltas up to the reply that `forward` would have given.

    Words are joined once, at the end. Parts stand in the order in which they began.
    """

    def __init__(self) -> None:
        self._order: list[tuple[str, Any]] = []
        self._open: dict[tuple[str, int], list[Any]] = {}
        self._words: list[str] | None = None
        self._finish: dict[str, Any] = {}

    def add(self, delta: Delta) -> None:
        """Take the next piece.

        Args:
            delta: Any delta; an unknown kind is ignored.
        """
        if type(delta) is TextDelta:
            if self._words is None:
                self._words = []
                self._order.append(("text", self._words))
            self._words.append(delta.text)
        elif isinstance(delta, ThinkingDelta | ToolCallDelta):
            kind = "thinking" if isinstance(delta, ThinkingDelta) else "call"
            pieces = self._open.get((kind, delta.index))
            if pieces is None:
                pieces = self._open[kind, delta.index] = []
                self._order.append((kind, pieces))
                self._words = None
            pieces.append(delta)
        elif isinstance(delta, PartDelta):
            self._order.append(("part", delta.part))
            self._words = None
        elif isinstance(delta, FinishDelta):
            for field in delta.__struct_fields__:
                if (value := getattr(delta, field)) is not None:
                    self._finish[field] = value

    def response(self) -> ModelResponse:
        """The whole reply."""
        parts = tuple(part for kind, pieces in self._order if (part := _assembled(kind, pieces)) is not None)
        called = any(type(part) is ToolCall for part in parts)
        finish = self._finish
        return ModelResponse(
            Message("assistant", parts, finish.get("message_data")),
            finish.get("usage"),
            finish.get("reason") or ("tool_calls" if called else "stop"),
            finish.get("raw_reason"),
            finish.get("model", ""),
            finish.get("id"),
            finish.get("data"),
        )


def _assembled(kind: str, pieces: Any) -> AnyPart | None:
    if kind == "text":
        words = "".join(pieces)
        return Text(words) if words else None
    if kind == "thinking":
        text = "".join(piece.text for piece in pieces)
        return Thinking(text, _last(pieces, "signature"), _last(pieces, "provider") or "", _last(pieces, "data"))
    if kind == "call":
        arguments = parse_arguments("".join(piece.arguments for piece in pieces))
        return ToolCall(_last(pieces, "id") or "", _last(pieces, "name") or "", arguments, _last(pieces, "data"))
    part: AnyPart = pieces
    return part


def _last(pieces: list[Any], field: str) -> Any:
    return next((value for piece in reversed(pieces) if (value := getattr(piece, field))), None)


def as_deltas(response: ModelResponse) -> Iterable[Delta]:
    """A whole reply as deltas, for models that can't stream.

    Args:
        response: The reply.
    """
    for index, part in enumerate(response.message.parts):
        if isinstance(part, Text):
            yield TextDelta(part.text)
        elif isinstance(part, Thinking):
            yield ThinkingDelta(part.text, index, part.signature, part.provider, part.data)
        else:
            yield PartDelta(part)
    yield FinishDelta(
        response.finish_reason,
        response.raw_finish_reason,
        response.usage,
        response.model,
        response.id,
        response.data,
        response.message.data,
    )
