"""What agents and models say to each other: messages, their parts, and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeAlias, cast

import msgspec

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]


class Part(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag=str.lower):
    """A piece of a message."""


class Text(Part, tag="text", frozen=True):
    """Words.

    Args:
        text: The words; any text, lone surrogates too.
    """

    text: str


class Media(Part, frozen=True):
    """Bytes, or an address where they are; one of the two.

    Args:
        data: The bytes.
        url: Where a provider can fetch them.
        media_type: An IANA media type, such as "image/png".
        name: The file's name, where it has one.
    """

    data: bytes | None = None
    url: str | None = None
    media_type: str = "application/octet-stream"
    name: str | None = None


class Image(Media, tag="image", frozen=True):
    """A picture; `media_type` is "image/png" and so on."""

    media_type: str = "image/png"


class Audio(Media, tag="audio", frozen=True):
    """Sound; `media_type` is "audio/wav" and so on."""

    media_type: str = "audio/wav"


class File(Media, tag="file", frozen=True):
    """A document, such as a PDF."""


class Thinking(Part, tag="thinking", frozen=True):
    """A model's reasoning. Providers that sign or encrypt it want it back unchanged.

    Args:
        text: The readable part, perhaps "".
        signature: The provider's proof that the text is its own.
        provider: Who may get it back.
        data: The provider's opaque item, sent back as it is.
    """

    text: str = ""
    signature: str | None = None
    provider: str = ""
    data: dict[str, Any] | None = None


class ToolCall(Part, tag="tool_call", frozen=True):
    """The model asks for a tool.

    Args:
        id: Unique in the run; the result carries it too.
        name: The tool's name.
        arguments: By name; a text where the model's JSON couldn't be read.
        data: What the provider wants back with the call, opaque.
    """

    id: str
    name: str
    arguments: dict[str, Any] | str
    data: dict[str, Any] | None = None


class ToolResult(Part, tag="tool_result", frozen=True):
    """What a tool answered.

    Args:
        id: The id of the call that this answers.
        name: The tool's name.
        parts: Text, images and files.
        is_error: Whether the tool failed; the parts then say how.
    """

    id: str
    name: str
    parts: tuple[Text | Image | Audio | File, ...] = ()
    is_error: bool = False

    @property
    def text(self) -> str:
        """The words in it."""
        return joined(self.parts)


AnyPart: TypeAlias = Text | Image | Audio | File | Thinking | ToolCall | ToolResult
Content: TypeAlias = "str | AnyPart | Iterable[str | AnyPart]"


class Message(msgspec.Struct, frozen=True, omit_defaults=True, dict=True):
    """One turn. Immutable, so that a codec can encode it once and keep the bytes with it (`encoded`).

    Args:
        role: "system", "user", "assistant" or "tool" (a message of tool results).
        parts: What it says, in order.
        data: The provider's own items that go back with it, by provider.
    """

    role: Role
    parts: tuple[AnyPart, ...] = ()
    data: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        """The words in it, thinking left out."""
        return joined(self.parts)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls in it."""
        return tuple(part for part in self.parts if type(part) is ToolCall)


def joined(parts: Iterable[AnyPart]) -> str:
    """The words among parts, joined without separator.

    Args:
        parts: Any parts.
    """
    return "".join(part.text for part in parts if type(part) is Text)


def message(role: Role, content: Content = (), **more: Any) -> Message:
    """Make a message from words, parts or a list of both.

    Args:
        role: Who speaks.
        content: A text, a part, or several.
        **more: Other fields of `Message`.
    """
    items = [content] if isinstance(content, str | Part) else content
    parts = (Text(item) if isinstance(item, str) else item for item in items)
    return Message(role, cast("tuple[AnyPart, ...]", tuple(parts)), **more)


def encoded(item: Any, key: object, encode: Callable[[Any], bytes]) -> bytes:
    """The wire bytes of a message or tool spec, made once and kept with it.

    Args:
        item: A `Message` or a `ToolSpec`.
        key: Who encodes: a codec and whatever of its settings changes the bytes.
        encode: Makes the bytes.
    """
    kept: dict[object, bytes] = item.__dict__
    found = kept.get(key)
    if found is None:
        found = kept[key] = encode(item)
    return found


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tokens of one or many model calls.

    Args:
        input_tokens: All tokens read, cached ones included.
        output_tokens: All tokens written, reasoning included.
        cached_tokens: Of the input, those read from the provider's cache.
        cache_write_tokens: Of the input, those written to it.
        reasoning_tokens: Of the output, those of reasoning.
        calls: Model calls.
        unknown_calls: Calls whose provider didn't say what they used.
        details: The provider's other counts.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    calls: int = 0
    unknown_calls: int = 0
    details: Mapping[str, int] = {}

    @property
    def total_tokens(self) -> int:
        """Read and written."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        details = {
            key: self.details.get(key, 0) + other.details.get(key, 0) for key in {**self.details, **other.details}
        }
        sums: dict[str, Any] = {
            name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__[:-1]
        }
        return Usage(**sums, details=details)
