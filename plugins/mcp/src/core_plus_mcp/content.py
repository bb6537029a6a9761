"""What a server answers, as values for code and parts of messages for a model."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from core_plus import AgentToolExecutionError, Audio, File, Image, Message, Text, message


def value_of(result: Any, what: str, wrapped: bool = False) -> Any:
    """The value of a tool call.

    Data where the server gives data (`structuredContent`), else words; with pictures, sounds or files a list of
    these and the words.

    Args:
        result: The SDK's `CallToolResult`.
        what: What was called, for errors.
        wrapped: Whether the data is an object of one key "result", which the server's SDK put around it.

    Raises:
        AgentToolExecutionError: The tool says that it failed; the text is its own.
    """
    parts = [part for block in result.content for part in parts_of(block)]
    words = "\n".join(part.text for part in parts if isinstance(part, Text))
    if result.is_error:
        raise AgentToolExecutionError(f"{what}: {words or 'the tool failed and did not say why'}")
    media = [part for part in parts if not isinstance(part, Text)]
    data = result.structured_content
    if data is not None or (wrapped and "structured_content" in result.model_fields_set):
        inner = data["result"] if wrapped and isinstance(data, Mapping) and data.keys() == {"result"} else data
        return [inner, *media] if media else inner
    if not media:
        return words
    return parts[0] if len(parts) == 1 else [part.text if isinstance(part, Text) else part for part in parts]


def parts_of(block: Any) -> list[Text | Image | Audio | File]:
    """A piece of content as parts of a message.

    Args:
        block: The SDK's content: text, image, audio, an embedded resource or a link to one.
    """
    if block.type == "text":
        return [Text(block.text)]
    if block.type == "image":
        return [Image(data=_bytes(block.data), media_type=block.mime_type)]
    if block.type == "audio":
        return [Audio(data=_bytes(block.data), media_type=block.mime_type)]
    if block.type == "resource_link":
        # No provider can fetch it: it is the server's to read.
        words = f": {block.description}" if block.description else ""
        return [Text(f"[resource {block.title or block.name} at {block.uri}{words}]")]
    return [resource_part(block.resource)]


def resource_part(found: Any) -> Text | Image | Audio | File:
    """The contents of a resource as a part of a message.

    Args:
        found: The SDK's contents: text, or bytes in base64.
    """
    if hasattr(found, "text"):
        return Text(found.text)
    kind = found.mime_type or "application/octet-stream"
    data, name = _bytes(found.blob), str(found.uri).rpartition("/")[2] or None
    makers: dict[str, type[Image | Audio | File]] = {"image": Image, "audio": Audio}
    return makers.get(kind.partition("/")[0], File)(data=data, media_type=kind, name=name)


def resource_value(result: Any) -> Any:
    """What reading a resource gives: its text, a picture or file, or a list where it has several contents.

    Args:
        result: The SDK's `ReadResourceResult`.
    """
    parts = [resource_part(found) for found in result.contents]
    if all(isinstance(part, Text) for part in parts):
        return "\n".join(part.text for part in parts if isinstance(part, Text))
    return parts[0] if len(parts) == 1 else parts


def messages_of(result: Any) -> tuple[Message, ...]:
    """A prompt's messages.

    Args:
        result: The SDK's `GetPromptResult`.
    """
    return tuple(message(one.role, parts_of(one.content)) for one in result.messages)


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise AgentToolExecutionError("the server sent bytes that are no base64") from None
