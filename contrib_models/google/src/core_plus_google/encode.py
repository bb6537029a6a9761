"""From the kernel's request to the JSON of generateContent. Each message is encoded once and keeps its bytes."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from core_plus.errors import ConfigurationError
from core_plus.messages import AnyPart, Media, Message, Text, Thinking, ToolCall, ToolResult, encoded
from core_plus.models import ModelRequest
from core_plus.tools import ToolSpec
from core_plus_http import call_name, dumps, file_text, is_words, join_request, leading, settled

MODES: Final = {"auto": "AUTO", "required": "ANY", "none": "NONE"}
MOST_STOPS: Final = 5
"""The most stop sequences that the API takes."""
OUTSIDE: Final = frozenset(
    ["cachedContent", "labels", "modelArmorConfig", "safetySettings", "serviceTier", "systemInstruction", "toolConfig"]
)
"""Parameters that stand beside `generationConfig`; all others stand in it."""
SIGNING: Final = re.compile(r"gemini-[3-9]")
"""Models that want a signature with the calls of the turn in progress."""
UNSIGNED: Final = "skip_thought_signature_validator"
"""What Google's documentation says to send with calls that another model made."""
KEY: Final = "google.generate"
ROLES: Final = {"assistant": "model"}
ROWS: Final = ("assistant", "tool")
"""Roles whose messages are one turn where they stand in a row."""
BEGINNING: Final = b'{"role":"user","parts":[{"text":" "}]}'
"""What stands before a conversation that the model began: a call must follow something of the user's."""


class Encoder:
    """Makes request bodies for one model.

    Args:
        model_id: The model's name.
        options: Parameters of every request.
        owner: Whose thinking and items go back.
        ids: Whether the server takes the ids of calls.
    """

    def __init__(self, model_id: str, options: Mapping[str, Any], owner: str, ids: bool) -> None:
        self._options, self._owner, self._ids = dict(options), owner, ids
        self._signs = bool(SIGNING.search(model_id))
        self._key = (KEY, owner, ids, self._signs)

    def body(self, request: ModelRequest) -> bytes:
        """The body of a request.

        Args:
            request: All that is asked.

        Raises:
            ConfigurationError: Something that has no form in this API.
        """
        fields = self._fields(request)
        built_in = fields.pop("tools", [])
        try:
            head, tools = dumps(fields)[:-1], [*map(dumps, built_in)]
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"the options {sorted(fields)} can't all be written as JSON: {error}") from error
        if request.tools:
            own = [encoded(tool, KEY, _tool) for tool in request.tools]
            tools.append(join_request(b'{"functionDeclarations":[', own, b"]}"))
        tail = join_request(b'],"tools":[', tools, b"]}") if tools else b"]}"
        comma = b"," if fields else b""
        return join_request(head + comma + b'"contents":[', self._contents(request.messages), tail)

    def _fields(self, request: ModelRequest) -> dict[str, Any]:
        config: dict[str, Any] = {}
        fields: dict[str, Any] = {}
        ahead = request.messages[: leading(request.messages)]
        if words := [{"text": message.text} for message in ahead if message.text]:
            fields["systemInstruction"] = {"parts": words}
        if stops := [*filter(None, request.stop)]:
            config["stopSequences"] = stops[:MOST_STOPS]
        if request.max_tokens is not None:
            config["maxOutputTokens"] = request.max_tokens
        if request.tools and request.tool_choice is not None:
            mode = MODES.get(request.tool_choice)
            calling = {"mode": mode} if mode else {"mode": "ANY", "allowedFunctionNames": [request.tool_choice]}
            fields["toolConfig"] = {"functionCallingConfig": calling}
        if request.output_schema is not None:
            config |= {"responseMimeType": "application/json", "responseJsonSchema": request.output_schema}
        for name, value in {**self._options, **request.options}.items():
            if name == "tools" or name in OUTSIDE:
                fields[name] = value
            elif name == "generationConfig":
                config.update(value)
            else:
                config[name] = value
        return {**fields, **({"generationConfig": config} if config else {})}

    def cuts(self, request: ModelRequest) -> tuple[str, ...]:
        """The stop sequences that the server isn't told, so that the reply must be cut here.

        Args:
            request: All that is asked.
        """
        stops = tuple(filter(None, request.stop))
        return stops if len(stops) > MOST_STOPS else ()

    def _contents(self, messages: Sequence[Message]) -> list[bytes]:
        """The turns. The results of one turn's calls stand in one, in however many messages they came."""
        turns: list[bytes] = []
        before = ""
        for message in settled(messages[leading(messages) :]):
            if not (turn := encoded(message, self._key, self._turn)):
                continue
            if not turns and message.role == "assistant":
                turns.append(BEGINNING)
            if message.role == before and before in ROWS:
                turns[-1] = b"%b,%b" % (turns[-1][:-2], turn[turn.index(b"[") + 1 :])
            else:
                turns.append(turn)
            before = message.role
        return turns or [BEGINNING]

    def _turn(self, message: Message) -> bytes:
        """A message as a turn of its own, b"" where it says nothing."""
        parts, role = self._parts(message), ROLES.get(message.role, "user")
        return b'{"role":"%b","parts":[%b]}' % (role.encode(), parts) if parts else b""

    def _parts(self, message: Message) -> bytes:
        """The parts of a message, as the inside of a JSON array."""
        if message.role == "assistant":
            return dumps(self._said(message.parts))[1:-1]
        parts: list[dict[str, Any]] = []
        for part in message.parts:
            if isinstance(part, ToolResult):
                parts += self._result(part)
            elif not isinstance(part, Text) or part.text:
                parts.append(_part(part))
        return dumps(parts or [{"text": " "}])[1:-1]

    def _said(self, parts: Iterable[AnyPart]) -> list[dict[str, Any]]:
        """The model's own turn."""
        wire: list[dict[str, Any]] = []
        calls = 0
        for part in parts:
            if isinstance(part, Text) and part.text:
                wire.append({"text": part.text})
            elif isinstance(part, ToolCall):
                calls += 1
                wire.append(self._call(part, first=calls == 1))
            elif isinstance(part, Media):
                wire.append(_part(part))
            elif isinstance(part, Thinking) and part.provider == self._owner:
                self._thought(part, wire)
        return wire

    def _thought(self, part: Thinking, wire: list[dict[str, Any]]) -> None:
        """What the model thought, or what it signed: the signature of a text comes after it."""
        if part.data is not None:
            wire.append(part.data)
        elif part.text:
            signed = {"thoughtSignature": part.signature} if part.signature else {}
            wire.append({"text": part.text, "thought": True, **signed})
        elif part.signature and wire and wire[-1].keys() == {"text"}:
            wire[-1]["thoughtSignature"] = part.signature
        elif part.signature:
            wire.append({"text": "", "thoughtSignature": part.signature})

    def _call(self, call: ToolCall, *, first: bool) -> dict[str, Any]:
        given = call.arguments if isinstance(call.arguments, dict) else {"text": call.arguments}
        unsigned = {"thoughtSignature": UNSIGNED} if self._signs and first else {}
        more = (call.data or {}).get(self._owner, unsigned)
        return {
            "functionCall": {"name": call_name(call.name), "args": given, **({"id": call.id} if self._ids else {})},
            **more,
        }

    def _result(self, result: ToolResult) -> Iterator[dict[str, Any]]:
        text = result.text + "".join(file_text(part) for part in result.parts if is_words(part))
        answer = {"error": text} if result.is_error else {"result": text}
        response = {"name": call_name(result.name), "response": answer, **({"id": result.id} if self._ids else {})}
        yield {"functionResponse": response}
        for part in result.parts:
            if isinstance(part, Media) and not is_words(part):
                yield _part(part)


def _tool(spec: ToolSpec) -> bytes:
    return dumps({"name": spec.name, "description": spec.description, "parametersJsonSchema": spec.parameters})


def _part(part: AnyPart) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"text": part.text}
    if is_words(part):
        return {"text": file_text(part)}
    if not isinstance(part, Media):
        raise ConfigurationError(f"a {type(part).__name__} has no place in a user's message")
    if part.data is not None:
        return {"inlineData": {"mimeType": part.media_type, "data": base64.b64encode(part.data).decode()}}
    if part.url:
        return {"fileData": {"fileUri": part.url, "mimeType": part.media_type}}
    raise ConfigurationError(f"{type(part).__name__}(...) holds neither data nor an address")
