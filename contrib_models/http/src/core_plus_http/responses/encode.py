"""From the kernel's request to the Responses API's JSON. Each message is encoded once and keeps its bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from core_plus.errors import ConfigurationError
from core_plus.messages import AnyPart, File, Image, Media, Message, Text, Thinking, ToolCall, ToolResult, encoded
from core_plus.models import ModelRequest
from core_plus.tools import ToolSpec
from core_plus_http.chat.encode import CHOICES, json_format
from core_plus_http.jsontext import dumps, join_request
from core_plus_http.media import address, file_text, is_words
from core_plus_http.turns import call_id, call_name, settled

KEY: Final = "openai.responses"
ENCRYPTED: Final = "reasoning.encrypted_content"
"""What is asked for beside the reply, so that reasoning can be sent back where the server keeps nothing."""
COUNTED: Final = (
    "conversation",
    "instructions",
    "model",
    "parallel_tool_calls",
    "previous_response_id",
    "reasoning",
    "text",
    "tool_choice",
    "tools",
    "truncation",
)
"""Parameters that the endpoint for counting takes."""


class Encoder:
    """Makes request bodies for one model.

    Args:
        model_id: The model's name at its server.
        options: Parameters of every request.
        store: Whether the server keeps replies.
        owner: Whose reasoning and items go back.
    """

    def __init__(self, model_id: str, options: Mapping[str, Any], store: bool, owner: str) -> None:
        self._model_id, self._options, self._store, self._owner = model_id, dict(options), store, owner

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
        return self._joined(request, fields)

    def counted(self, request: ModelRequest) -> bytes:
        """The body of a question how many tokens a request has.

        Args:
            request: All that would be asked.
        """
        fields = self._fields(request)
        return self._joined(request, {name: fields[name] for name in COUNTED if name in fields})

    def _joined(self, request: ModelRequest, fields: dict[str, Any]) -> bytes:
        built_in = fields.pop("tools", ())
        try:
            head, tools = dumps(fields)[:-1], [*map(dumps, built_in)]
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"the options {sorted(fields)} can't all be written as JSON: {error}") from error
        tools += [encoded(tool, KEY, _tool) for tool in request.tools]
        tail = join_request(b'],"tools":[', tools, b"]}") if tools else b"]}"
        pieces = [encoded(message, (KEY, self._owner), self._items) for message in settled(request.messages)]
        return join_request(head + b',"input":[', pieces, tail)

    def _fields(self, request: ModelRequest) -> dict[str, Any]:
        fields: dict[str, Any] = {"model": self._model_id, "store": self._store}
        if not self._store:
            fields["include"] = [ENCRYPTED]
        if request.max_tokens is not None:
            fields["max_output_tokens"] = request.max_tokens
        if request.tools and request.tool_choice is not None:
            choice = request.tool_choice
            fields["tool_choice"] = choice if choice in CHOICES else {"type": "function", "name": choice}
        if request.output_schema is not None:
            fields["text"] = {"format": {"type": "json_schema", **json_format(request.output_schema)}}
        for more in (self._options, request.options):
            if "text" in more and "text" in fields:  # format and verbosity are settings of one field
                more = {**more, "text": {**fields["text"], **more["text"]}}
            if "include" in more:
                more = {**more, "include": [*dict.fromkeys([*fields.get("include", ()), *more["include"]])]}
            fields.update(more)
        fields.pop("stream", None)
        return fields

    def _items(self, message: Message) -> bytes:
        """The items of a message, as the inside of a JSON array."""
        if message.role == "assistant":
            return b",".join(map(dumps, _led(self._said(message))))
        items = [_result(part) for part in message.parts if isinstance(part, ToolResult)]
        others = [part for part in message.parts if not isinstance(part, ToolResult)]
        if others or not items:
            role = "user" if message.role == "tool" else message.role
            items.append({"role": role, "content": _content(others)})
        return b",".join(map(dumps, items))

    def _said(self, message: Message) -> Iterable[dict[str, Any]]:
        """The model's own turn: its words, with the ids that they had, its calls, and what goes back as it came."""
        texts = [part for part in message.parts if isinstance(part, Text) and part.text]
        known: list[dict[str, Any]] = ((message.data or {}).get(self._owner) or {}).get("messages") or []
        names = iter(known if len(known) == len(texts) else [{}] * len(texts))
        for part in message.parts:
            if isinstance(part, Text) and part.text:
                yield _words(part.text, next(names))
            elif isinstance(part, ToolCall):
                text = part.arguments if isinstance(part.arguments, str) else dumps(part.arguments).decode()
                named = {"call_id": call_id(part.id), "name": call_name(part.name)}
                yield {"type": "function_call", **named, "arguments": text, **(part.data or {}).get(self._owner, {})}
            elif isinstance(part, Thinking) and part.provider == self._owner and part.data is not None:
                yield part.data


def _led(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Items without the reasoning at their end, which led to nothing: the API refuses it."""
    kept = [*items]
    while kept and kept[-1].get("type") == "reasoning":
        kept.pop()
    return kept


def _words(text: str, known: dict[str, Any]) -> dict[str, Any]:
    if not known:
        return {"role": "assistant", "content": text}
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "role": "assistant", "status": "completed", "content": content, **known}


def _tool(spec: ToolSpec) -> bytes:
    named = {"type": "function", "name": spec.name, "description": spec.description}
    return dumps({**named, "parameters": spec.parameters, "strict": False})  # strict is what it takes by default


def _result(result: ToolResult) -> dict[str, Any]:
    media = any(isinstance(part, Media) and not is_words(part) for part in result.parts)
    text = result.text + "".join(file_text(part) for part in result.parts if is_words(part))
    output: Any = [_part(part) for part in result.parts] if media else text
    return {"type": "function_call_output", "call_id": call_id(result.id), "output": output}


def _content(parts: Sequence[AnyPart]) -> str | list[dict[str, Any]]:
    if all(isinstance(part, Text) for part in parts):
        return "".join(part.text for part in parts if isinstance(part, Text))
    return [_part(part) for part in parts if isinstance(part, Text | Media)]


def _part(part: AnyPart) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "input_text", "text": part.text}
    if isinstance(part, Image):
        return {"type": "input_image", "image_url": address(part), "detail": "auto"}
    if is_words(part):
        return {"type": "input_text", "text": file_text(part)}
    if isinstance(part, File):
        if part.data is None:
            return {"type": "input_file", "file_url": address(part)}
        name = part.name or f"file.{part.media_type.rpartition('/')[2]}"
        return {"type": "input_file", "filename": name, "file_data": address(part)}
    raise ConfigurationError(f"the Responses API takes text, pictures and files, not {type(part).__name__}")
