"""From the kernel's request to Converse's JSON. Each message is encoded once and keeps its bytes."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from core_plus.errors import ConfigurationError
from core_plus.messages import AnyPart, File, Image, Media, Message, Text, Thinking, ToolCall, ToolResult, encoded
from core_plus.models import ModelRequest
from core_plus.tools import ToolSpec
from core_plus_http import (
    base64_of,
    call_id,
    call_name,
    called_names,
    dumps,
    file_text,
    is_words,
    join_request,
    leading,
    settled,
)

KEY: Final = "bedrock.converse"
ROLES: Final = {"assistant": "assistant"}
CACHE: Final = b'{"cachePoint":{"type":"default"}}'
NOTHING: Final = {"text": "(nothing)"}
"""Stands where the API wants words and there are none."""
BEGINNING: Final = ("user", dumps(NOTHING))
CONFIG: Final = ("maxTokens", "stopSequences", "temperature", "topP")
"""Parameters of `inferenceConfig`."""
OUTSIDE: Final = (
    "additionalModelRequestFields", "additionalModelResponseFieldPaths", "guardrailConfig", "inferenceConfig",
    "outputConfig", "performanceConfig", "promptVariables", "requestMetadata", "serviceTier", "toolConfig",
)  # fmt: skip
"""Parameters that stand in the request itself; all others are the model's own."""
DOCUMENTS: Final[Mapping[str, str]] = {
    "application/pdf": "pdf",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}
VIDEOS: Final = {"video/mp4": "mp4", "video/quicktime": "mov", "video/webm": "webm", "video/x-matroska": "mkv"}
TAKER: Final = "Bedrock's models"


class Encoder:
    """Makes request bodies for one model.

    Args:
        options: Parameters of every request.
        cache: Whether to mark what the model may keep of the prompt.
        owner: Whose thinking and items go back.
    """

    def __init__(self, options: Mapping[str, Any], cache: bool, owner: str) -> None:
        self._options, self._cache, self._owner = dict(options), cache, owner

    def body(self, request: ModelRequest) -> bytes:
        """The body of a request.

        Args:
            request: All that is asked.

        Raises:
            ConfigurationError: Something that has no form in this API.
        """
        fields, choice = self._fields(request), _choice(request)
        try:
            head = dumps(fields)[:-1]
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"the options {sorted(fields)} can't all be written as JSON: {error}") from error
        tail = b"]}"
        specs = request.tools or _called(request.messages)
        if specs and "toolConfig" not in fields:
            tools = [*(encoded(tool, KEY, _tool) for tool in specs), CACHE if self._cache else b""]
            end = b'],"toolChoice":%b}}' % dumps(choice) if choice else b"]}}"
            tail = join_request(b'],"toolConfig":{"tools":[', tools, end)
        ahead = leading(request.messages)
        if words := [dumps({"text": message.text}) for message in request.messages[:ahead] if message.text]:
            head += join_request(b',"system":[' if fields else b'"system":[', [*words, *self._point()], b"]")
        comma = b"," if len(head) > 1 else b""
        return join_request(head + comma + b'"messages":[', self._turns(request.messages[ahead:]), tail)

    def _point(self) -> list[bytes]:
        return [CACHE] if self._cache else []

    def _fields(self, request: ModelRequest) -> dict[str, Any]:
        config: dict[str, Any] = {}
        fields: dict[str, Any] = {}
        own: dict[str, Any] = {}
        if request.max_tokens is not None:
            config["maxTokens"] = request.max_tokens
        if stops := [stop for stop in request.stop if stop.strip()]:
            config["stopSequences"] = stops
        if request.output_schema is not None:
            name = re.sub(r"[^a-zA-Z0-9_-]", "_", str(request.output_schema.get("title") or "answer"))[:64]
            schema = {"name": name, "schema": dumps(request.output_schema).decode()}
            form = {"type": "json_schema", "structure": {"jsonSchema": schema}}
            fields["outputConfig"] = {"textFormat": form}
        for key, value in {**self._options, **request.options}.items():
            if key == "inferenceConfig":
                config.update(value)
            elif key == "additionalModelRequestFields":
                own.update(value)
            else:
                (config if key in CONFIG else fields if key in OUTSIDE else own)[key] = value
        parts = (("inferenceConfig", config), ("additionalModelRequestFields", own))
        return {**fields, **{key: part for key, part in parts if part}}

    def _turns(self, messages: Sequence[Message]) -> Iterator[bytes]:
        """The turns, of which no two in a row have the same role."""
        written = [
            (ROLES.get(message.role, "user"), encoded(message, (KEY, self._owner), self._content))
            for message in settled(messages)
        ]
        spoken = [*filter(itemgetter(1), written)]
        if not spoken or spoken[0][0] == "assistant":  # the user must begin
            spoken.insert(0, BEGINNING)
        turns = [(role, [piece for _, piece in group]) for role, group in itertools.groupby(spoken, itemgetter(0))]
        last = max((at for at, (role, _) in enumerate(turns) if role == "user"), default=-1)
        for at, (role, pieces) in enumerate(turns):
            more = self._point() if at == last else []
            yield join_request(b'{"role":"%b","content":[' % role.encode(), [*pieces, *more], b"]}")

    def _content(self, message: Message) -> bytes:
        """The blocks of a message, as the inside of a JSON array."""
        if message.role == "assistant":
            return b",".join(map(dumps, _led(self._said(message.parts))))
        results = [self._result(part) for part in message.parts if isinstance(part, ToolResult)]
        others = self._blocks(part for part in message.parts if not isinstance(part, ToolResult))
        if any("document" in block for block in others) and not any("text" in block for block in others):
            others.append(NOTHING)  # a document wants words beside it
        return b",".join(map(dumps, [*results, *others] or [NOTHING]))

    def _said(self, parts: Iterable[AnyPart]) -> Iterator[dict[str, Any]]:
        for part in parts:
            if isinstance(part, Text) and part.text.strip():
                yield {"text": part.text}
            elif isinstance(part, ToolCall):
                given = part.arguments if isinstance(part.arguments, dict) else {"text": part.arguments}
                yield {"toolUse": {"toolUseId": call_id(part.id), "name": call_name(part.name), "input": given}}
            elif isinstance(part, Thinking) and part.provider == self._owner:
                if part.data is not None:
                    yield part.data
                elif part.text:
                    signed = {"signature": part.signature} if part.signature else {}
                    yield {"reasoningContent": {"reasoningText": {"text": part.text, **signed}}}

    def _result(self, result: ToolResult) -> dict[str, Any]:
        status = "error" if result.is_error else "success"
        content = self._blocks(result.parts) or [NOTHING]
        return {"toolResult": {"toolUseId": call_id(result.id), "content": content, "status": status}}

    def _blocks(self, parts: Iterable[AnyPart]) -> list[dict[str, Any]]:
        return [self._block(part) for part in parts if not isinstance(part, Text) or part.text.strip()]

    def _block(self, part: AnyPart) -> dict[str, Any]:
        if isinstance(part, Text):
            return {"text": part.text}
        if is_words(part):
            return {"text": file_text(part)}
        if isinstance(part, Image):
            return {"image": {"format": part.media_type.rpartition("/")[2], "source": _source(part)}}
        if isinstance(part, File) and part.media_type in DOCUMENTS:
            stem = re.sub(r"[^a-zA-Z0-9()\[\]-]+", "-", part.name or "document")[:160]
            name = f"{stem} {os.urandom(4).hex()}"  # no two documents of a request may have the same name
            return {"document": {"format": DOCUMENTS[part.media_type], "name": name, "source": _source(part)}}
        if isinstance(part, File) and part.media_type in VIDEOS:
            return {"video": {"format": VIDEOS[part.media_type], "source": _source(part)}}
        what = getattr(part, "media_type", type(part).__name__)
        raise ConfigurationError(f"{TAKER} take text, pictures, documents and videos, not {what}")


def _led(blocks: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Blocks without the reasoning at their end, which led to nothing: models refuse it."""
    kept = [*blocks]
    while kept and "reasoningContent" in kept[-1]:
        kept.pop()
    return kept


def _called(messages: Sequence[Message]) -> list[ToolSpec]:
    """Tools for a request that offers none, yet tells of calls: the API wants each of those to be declared."""
    return [ToolSpec(call_name(name), "Not offered now.", {"type": "object"}) for name in called_names(messages)]


def _choice(request: ModelRequest) -> dict[str, Any]:
    """Which tool must be called. The API can't be told to call none."""
    if not request.tools or request.tool_choice in (None, "auto", "none"):
        return {}
    return {"any": {}} if request.tool_choice == "required" else {"tool": {"name": request.tool_choice}}


def _tool(spec: ToolSpec) -> bytes:
    named = {"name": spec.name, "description": spec.description or spec.name}
    return dumps({"toolSpec": {**named, "inputSchema": {"json": spec.parameters}}})


def _source(part: Media) -> dict[str, Any]:
    if part.data is None and (part.url or "").startswith("s3://"):
        return {"s3Location": {"uri": part.url}}
    return {"bytes": base64_of(part, TAKER)}
