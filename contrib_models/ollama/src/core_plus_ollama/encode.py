"""From the kernel's request to the JSON of /api/chat. Each message is encoded once and keeps its bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from core_plus.errors import ConfigurationError
from core_plus.messages import AnyPart, Image, Media, Message, Text, Thinking, ToolCall, ToolResult, encoded
from core_plus.models import ModelRequest
from core_plus.tools import ToolSpec
from core_plus_http import base64_of, dumps, file_text, is_words, join_request, settled

KEY: Final = "ollama.chat"
OUTSIDE: Final = frozenset(["format", "keep_alive", "logprobs", "think", "top_logprobs", "truncate"])
"""Parameters that stand in the request itself; all others are `options`, such as num_ctx and temperature."""


class Encoder:
    """Makes request bodies for one model.

    Args:
        model_id: The model's name at the server.
        options: Parameters of every request.
        owner: Whose thinking goes back.
    """

    def __init__(self, model_id: str, options: Mapping[str, Any], owner: str) -> None:
        self._model_id, self._options, self._owner = model_id, dict(options), owner

    def body(self, request: ModelRequest, *, stream: bool) -> bytes:
        """The body of a request.

        Args:
            request: All that is asked.
            stream: Whether the reply shall come piece by piece.

        Raises:
            ConfigurationError: Something that has no form in this API.
        """
        fields: dict[str, Any] = {"model": self._model_id, "stream": stream}
        own: dict[str, Any] = {}
        if request.max_tokens is not None:
            own["num_predict"] = request.max_tokens
        if stops := [*filter(None, request.stop)]:
            own["stop"] = stops
        if request.output_schema is not None:
            fields["format"] = request.output_schema
        for name, value in {**self._options, **request.options}.items():
            if name == "options":
                own.update(value)
            else:
                (fields if name in OUTSIDE else own)[name] = value
        try:
            head = dumps({**fields, **({"options": own} if own else {})})[:-1]
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"the options {sorted(own)} can't all be written as JSON: {error}") from error
        wanted = request.tools if request.tool_choice != "none" else ()
        tools = [encoded(tool, KEY, _tool) for tool in wanted]
        tail = join_request(b'],"tools":[', tools, b"]}") if tools else b"]}"
        pieces = [encoded(message, (KEY, self._owner), self._message) for message in settled(request.messages)]
        return join_request(head + b',"messages":[', pieces, tail)

    def _message(self, message: Message) -> bytes:
        if message.role == "assistant":
            return dumps(self._said(message))
        results = [_result(part) for part in message.parts if isinstance(part, ToolResult)]
        others = [part for part in message.parts if not isinstance(part, ToolResult)]
        if others or not results:
            role = "user" if message.role == "tool" else message.role
            results.append({"role": role, **_content(others)})
        return b",".join(map(dumps, results))

    def _said(self, message: Message) -> dict[str, Any]:
        wire: dict[str, Any] = {"role": "assistant", "content": message.text}
        own = (part for part in message.parts if isinstance(part, Thinking) and part.provider == self._owner)
        if words := "".join(part.text for part in own):
            wire["thinking"] = words
        if calls := [_call(call) for call in message.tool_calls]:
            wire["tool_calls"] = calls
        return wire


def _tool(spec: ToolSpec) -> bytes:
    function = {"name": spec.name, "description": spec.description, "parameters": spec.parameters}
    return dumps({"type": "function", "function": function})


def _call(call: ToolCall) -> dict[str, Any]:
    given = call.arguments if isinstance(call.arguments, dict) else {"text": call.arguments}
    return {"id": call.id, "function": {"name": call.name, "arguments": given}}


def _result(result: ToolResult) -> dict[str, Any]:
    named = {"role": "tool", "tool_name": result.name, "tool_call_id": result.id}
    return {**named, **_content(result.parts)}


def _content(parts: Iterable[AnyPart]) -> dict[str, Any]:
    """Words, and pictures beside them."""
    words, images = list[str](), list[str]()
    for part in parts:
        if isinstance(part, Text):
            words.append(part.text)
        elif is_words(part):
            words.append(file_text(part))
        elif isinstance(part, Image):
            images.append(base64_of(part, "Ollama's models"))
        elif isinstance(part, Media):
            raise ConfigurationError(f"Ollama's models take text and pictures, not {part.media_type}")
    return {"content": "".join(words), **({"images": images} if images else {})}
