"""From the kernel's request to the JSON of the Messages API. Each message is encoded once and keeps its bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from core_plus.errors import ConfigurationError
from core_plus.messages import AnyPart, File, Image, Media, Message, Text, Thinking, ToolCall, ToolResult, encoded
from core_plus.models import ModelRequest
from core_plus.tools import ToolSpec
from core_plus_http import base64_of, call_id, call_name, dumps, is_words, join_request, leading, settled

CHOICES: Final = {"auto": "auto", "required": "any", "none": "none"}
NOTHING: Final = {"type": "text", "text": "(nothing)"}
"""Stands where the API wants words and there are none."""
BEGINNING: Final = dumps({"role": "user", "content": [NOTHING]})
THOUGHTS: Final = ("thinking", "redacted_thinking")
KEY: Final = "anthropic.messages"


class Encoder:
    """Makes request bodies for one model.

    Args:
        model_id: The model's name.
        max_tokens: The most tokens of a reply where a request doesn't say: the API must be told.
        options: Parameters of every request.
        cache: How long the API shall keep what it has read: "5m", "1h", or None to keep nothing.
        owner: Whose thinking and items go back.
    """

    def __init__(
        self, model_id: str, max_tokens: int, options: Mapping[str, Any], cache: str | None, owner: str
    ) -> None:
        self._model_id, self._max_tokens, self._options = model_id, max_tokens, dict(options)
        self._cache, self._owner = cache, owner

    def body(self, request: ModelRequest, *, stream: bool) -> bytes:
        """The body of a request.

        Args:
            request: All that is asked.
            stream: Whether the reply shall come piece by piece.

        Raises:
            ConfigurationError: Something that has no form in this API.
        """
        fields = self._fields(request)
        if stream:
            fields["stream"] = True
        if self._cache and "cache_control" not in fields:
            fields["cache_control"] = {"type": "ephemeral", **({"ttl": self._cache} if self._cache != "5m" else {})}
        return self._joined(request, fields)

    def counted(self, request: ModelRequest) -> bytes:
        """The body of a question how many tokens a request has.

        Args:
            request: All that would be asked.
        """
        fields = self._fields(request)
        kept = ("model", "system", "thinking", "tool_choice", "tools", "output_config")
        return self._joined(request, {name: fields[name] for name in kept if name in fields})

    def _joined(self, request: ModelRequest, fields: dict[str, Any]) -> bytes:
        built_in = fields.pop("tools", ())
        try:
            head, tools = dumps(fields)[:-1], [*map(dumps, built_in)]
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"the options {sorted(fields)} can't all be written as JSON: {error}") from error
        tools += [encoded(tool, KEY, _tool) for tool in request.tools]
        tail = join_request(b'],"tools":[', tools, b"]}") if tools else b"]}"
        if "messages" in fields:
            return head + tail[1:]
        said = settled(request.messages[leading(request.messages) :])
        pieces = [encoded(message, (KEY, self._owner), self._message) for message in said]
        if not said or said[0].role == "assistant":  # the user must begin
            pieces.insert(0, BEGINNING)
        return join_request(head + b',"messages":[', pieces, tail)

    def _fields(self, request: ModelRequest) -> dict[str, Any]:
        fields: dict[str, Any] = {"model": self._model_id, "max_tokens": request.max_tokens or self._max_tokens}
        ahead = request.messages[: leading(request.messages)]
        if system := [{"type": "text", "text": message.text} for message in ahead if message.text]:
            fields["system"] = system
        if stops := [stop for stop in request.stop if stop.strip()]:  # it refuses those of white space only
            fields["stop_sequences"] = stops
        if request.tools and request.tool_choice is not None:
            kind = CHOICES.get(request.tool_choice)
            fields["tool_choice"] = {"type": kind} if kind else {"type": "tool", "name": request.tool_choice}
        if request.output_schema is not None:
            fields["output_config"] = {"format": {"type": "json_schema", "schema": request.output_schema}}
        for more in (self._options, request.options):
            if "output_config" in more and "output_config" in fields:  # effort and format are settings of one field
                more = {**more, "output_config": {**fields["output_config"], **more["output_config"]}}
            fields.update(more)
        fields.pop("stream", None)
        return fields

    def _message(self, message: Message) -> bytes:
        if message.role == "assistant":
            content = [block for part in message.parts if (block := self._said(part)) is not None]
            while content and content[-1]["type"] in THOUGHTS:  # led to nothing: the API refuses it
                content.pop()
            return dumps({"role": "assistant", "content": content}) if content else b""
        results = [_result(part) for part in message.parts if isinstance(part, ToolResult)]
        others = blocks(part for part in message.parts if not isinstance(part, ToolResult))
        content = [*results, *others]  # results come first in their turn
        return dumps({"role": "user", "content": content or [NOTHING]})

    def _said(self, part: AnyPart) -> dict[str, Any] | None:
        """A part of the model's own turn; None for what has no place there."""
        if isinstance(part, Text):
            return {"type": "text", "text": part.text} if part.text.strip() else None
        if isinstance(part, ToolCall):
            given = part.arguments if isinstance(part.arguments, dict) else {"text": part.arguments}
            named = {"id": call_id(part.id), "name": call_name(part.name)}
            return {"type": "tool_use", **named, "input": given, **(part.data or {}).get(self._owner, {})}
        if isinstance(part, Thinking) and part.provider == self._owner:
            if part.data is not None:
                return part.data
            if part.signature is not None:
                return {"type": "thinking", "thinking": part.text, "signature": part.signature}
        return None


def blocks(parts: Iterable[AnyPart]) -> list[dict[str, Any]]:
    """Parts of a user's turn as content blocks, empty texts left out.

    Args:
        parts: Text, pictures and files.

    Raises:
        ConfigurationError: A part that the API doesn't take.
    """
    return [_block(part) for part in parts if not isinstance(part, Text) or part.text.strip()]


def _tool(spec: ToolSpec) -> bytes:
    return dumps({"name": spec.name, "description": spec.description, "input_schema": spec.parameters})


def _result(result: ToolResult) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": call_id(result.id), "content": blocks(result.parts)}
    return {**block, "is_error": True} if result.is_error else block


def _block(part: AnyPart) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, Image):
        return {"type": "image", "source": _source(part)}
    if isinstance(part, File):
        return {"type": "document", "source": _source(part), **({"title": part.name} if part.name else {})}
    raise ConfigurationError(f"Anthropic's models take text, pictures, PDFs and text files, not {type(part).__name__}")


def _source(part: Media) -> dict[str, Any]:
    if part.url and part.data is None:
        return {"type": "url", "url": part.url}
    if is_words(part):
        words = (part.data or b"").decode("utf-8", "replace")
        return {"type": "text", "media_type": "text/plain", "data": words if words.strip() else NOTHING["text"]}
    data = base64_of(part, "Anthropic's models")
    return {"type": "base64", "media_type": part.media_type, "data": data}
