"""From the kernel's request to chat completions' JSON. Each message is encoded once and keeps its bytes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from core_plus.errors import ConfigurationError
from core_plus.messages import (
    AnyPart,
    Audio,
    File,
    Image,
    Media,
    Message,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    encoded,
)
from core_plus.models import ModelRequest
from core_plus.tools import ToolSpec
from core_plus_http import dumps, join_request
from core_plus_http.chat.quirks import Quirks
from core_plus_http.media import address, base64_of, file_text, is_words
from core_plus_http.turns import call_id, call_name, settled

CHOICES: Final = ("auto", "required", "none")
STRICT: Final = 40
"""The most characters that OpenAI's own servers take in a call's id."""
AUDIO_FORMATS: Final[Mapping[str, str]] = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "vnd.wave": "wav"}


class Encoder:
    """Makes request bodies for one model.

    Args:
        model_id: The model's name at its server.
        quirks: How it wants its requests.
        options: Parameters of every request.
        owner: Whose items of a message go back with it.
    """

    def __init__(self, model_id: str, quirks: Quirks, options: Mapping[str, Any], owner: str) -> None:
        self._model_id, self._quirks, self._options, self._owner = model_id, quirks, dict(options), owner
        self._key = ("openai.chat", owner, quirks.thinking, quirks.bad_arguments, quirks.call_ids, quirks.strict)
        self._images_key = (*self._key, "images")

    def body(self, request: ModelRequest, *, stream: bool) -> bytes:
        """The body of a request.

        Args:
            request: All that is asked.
            stream: Whether the reply shall come piece by piece.

        Raises:
            ConfigurationError: Something that has no form in this API.
        """
        fields = self._fields(request, stream)
        own_tools = request.tools and "tools" not in fields
        tail = b"}"
        if own_tools:
            tools = [encoded(tool, "openai.chat", _tool) for tool in request.tools]
            tail = join_request(b',"tools":[', tools, b"]}")
        try:
            head = dumps(fields)[:-1]
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"the options {sorted(fields)} can't all be written as JSON: {error}") from error
        if "messages" in fields:
            return head + tail
        return join_request(head + b',"messages":[', self._pieces(request.messages), b"]" + tail)

    def cuts(self, request: ModelRequest) -> tuple[str, ...]:
        """The stop sequences that the server isn't told, so that the reply must be cut here.

        Args:
            request: All that is asked.
        """
        stops = tuple(filter(None, request.stop))
        return () if self._quirks.stop and len(stops) <= self._quirks.stops else stops

    def _fields(self, request: ModelRequest, stream: bool) -> dict[str, Any]:
        fields: dict[str, Any] = {"model": self._model_id}
        if request.max_tokens is not None:
            fields[self._quirks.max_tokens] = request.max_tokens
        if self._quirks.stop and (stops := [*filter(None, request.stop)]):
            fields["stop"] = stops[: self._quirks.stops]
        if request.tools and request.tool_choice is not None:
            choice = request.tool_choice
            named = {"type": "function", "function": {"name": choice}}
            fields["tool_choice"] = choice if choice in CHOICES else named
        if request.output_schema is not None:
            named = {"type": "json_schema", "json_schema": json_format(request.output_schema)}
            fields["response_format"] = named if self._quirks.schema else {"type": "json_object"}
        if stream and self._quirks.stream_usage:
            fields["stream_options"] = {"include_usage": True}
        fields.update(self._options)
        fields.update(request.options)
        if stream:
            fields["stream"] = True
        else:
            fields.pop("stream", None)
        return fields

    def _pieces(self, messages: Sequence[Message]) -> list[bytes]:
        """The messages' bytes. Pictures among tool results follow the last result of a row.

        A tool's message holds only text here, and nothing may come between the results of one turn.
        """
        pieces, pictures, key = [], [], self._key
        for message in settled(messages):
            if message.role == "tool":
                if found := encoded(message, self._images_key, _images_of_results):
                    pictures.append(found)
            elif pictures:
                pieces += pictures
                pictures = []
            pieces.append(encoded(message, key, self._message))
        return pieces + pictures

    def _message(self, message: Message) -> bytes:
        if message.role == "assistant":
            return dumps(self._assistant(message))
        results = [self._result(part) for part in message.parts if isinstance(part, ToolResult)]
        others = [part for part in message.parts if not isinstance(part, ToolResult)]
        if others or not results:
            content = _content(others)
            plain = isinstance(content, str)  # the system's words may have no pictures among them
            role = message.role if message.role == "user" or (plain and message.role == "system") else "user"
            results.append({"role": role, "content": content})
        return b",".join(map(dumps, results))

    def _assistant(self, message: Message) -> dict[str, Any]:
        """Words and calls. Pictures that a model made have no place in an assistant's message here."""
        calls = [self._call(call) for call in message.tool_calls]
        wire: dict[str, Any] = {"role": "assistant", "content": message.text or (None if calls else "")}
        if calls:
            wire["tool_calls"] = calls
        if self._quirks.thinking:
            own = (part for part in message.parts if isinstance(part, Thinking) and part.provider == self._owner)
            if words := "".join(part.text for part in own):
                wire[self._quirks.thinking] = words
        if message.data:
            wire.update(message.data.get(self._owner, {}))
        return wire

    def _call(self, call: ToolCall) -> dict[str, Any]:
        arguments = call.arguments
        if isinstance(arguments, str):
            text = arguments if self._quirks.bad_arguments else dumps({"text": arguments}).decode()
        else:
            text = dumps(arguments).decode()
        name = call_name(call.name) if self._quirks.strict else call.name
        return {"id": self._id(call.id), "type": "function", "function": {"name": name, "arguments": text}}

    def _result(self, result: ToolResult) -> dict[str, Any]:
        text = result.text + "".join(file_text(part) for part in result.parts if is_words(part))
        return {"role": "tool", "tool_call_id": self._id(result.id), "content": text}

    def _id(self, given: str) -> str:
        """A call's id in the form that the server wants: the same for the call and its result."""
        if self._quirks.strict:
            return call_id(given, STRICT)
        length = self._quirks.call_ids
        if length is None:
            return given or call_id(given)
        if len(given) == length and given.isascii() and given.isalnum():
            return given
        return hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def _tool(spec: ToolSpec) -> bytes:
    function = {"name": spec.name, "description": spec.description, "parameters": spec.parameters}
    return dumps({"type": "function", "function": function})


def _images_of_results(message: Message) -> bytes:
    found = [(part.name, _media(part.parts)) for part in message.parts if isinstance(part, ToolResult)]
    parts: list[dict[str, Any]] = []
    for name, media in found:
        if media:
            parts.append({"type": "text", "text": f"What {name} gave besides text:"})
            parts += (_part(part) for part in media)
    return dumps({"role": "user", "content": parts}) if parts else b""


def _media(parts: Iterable[AnyPart]) -> list[AnyPart]:
    return [part for part in parts if isinstance(part, Media) and not is_words(part)]


def _content(parts: Sequence[AnyPart]) -> str | list[dict[str, Any]]:
    if all(isinstance(part, Text) for part in parts):
        return "".join(part.text for part in parts if isinstance(part, Text))
    return [_part(part) for part in parts if isinstance(part, Text | Media)]


def _part(part: AnyPart) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, Image):
        return {"type": "image_url", "image_url": {"url": address(part)}}
    if isinstance(part, Audio):
        subtype = part.media_type.partition("/")[2]
        data = base64_of(part, "chat completions")
        return {"type": "input_audio", "input_audio": {"data": data, "format": AUDIO_FORMATS.get(subtype, subtype)}}
    if isinstance(part, File):
        if is_words(part):
            return {"type": "text", "text": file_text(part)}
        name = part.name or f"file.{part.media_type.rpartition('/')[2]}"
        return {"type": "file", "file": {"filename": name, "file_data": address(part)}}
    raise ConfigurationError(f"a {type(part).__name__} has no place in a user's message")


def json_format(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema for an answer, as OpenAI's APIs want it: with a name, and strict where its rules are kept.

    Args:
        schema: JSON Schema.
    """
    name = re.sub(r"[^a-zA-Z0-9_-]", "_", str(schema.get("title") or "answer"))[:64]
    return {"name": name, "schema": schema, "strict": _is_strict(schema)}


def _is_strict(schema: Any) -> bool:
    """Whether a schema keeps the API's rules for strict output: closed objects, every property required."""
    if isinstance(schema, list):
        return all(map(_is_strict, schema))
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object" or "properties" in schema:
        properties = schema.get("properties", {})
        if schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(properties):
            return False
    return all(map(_is_strict, schema.values()))
