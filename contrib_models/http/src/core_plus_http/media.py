"""Pictures, sound and files on their way into a request."""

from __future__ import annotations

import base64
import re
from typing import Final, TypeGuard

from core_plus.errors import ConfigurationError
from core_plus.messages import AnyPart, File, Media

WORDS: Final = re.compile(r"text/|application/(json|xml|yaml|x-yaml|toml|javascript|x-sh|sql)$|.*\+(json|xml)$")
"""Media types of files that are text, and go as text."""


def is_words(part: AnyPart | Media) -> TypeGuard[File]:
    """Whether a part is a file of text, given as bytes.

    Args:
        part: Any part.
    """
    return isinstance(part, File) and part.data is not None and bool(WORDS.match(part.media_type))


def file_text(part: File) -> str:
    """The words of a file of text, with its name around them; an empty one says so, since APIs refuse blank texts.

    Args:
        part: For which `is_words` holds.
    """
    words = (part.data or b"").decode("utf-8", "replace")
    words = words if words.strip() else "(an empty file)"
    return f'<file name="{part.name}">\n{words}\n</file>' if part.name else words


def base64_of(part: Media, taker: str) -> str:
    """A part's bytes as base64.

    Args:
        part: Holds bytes.
        taker: Who takes no addresses, for the error.

    Raises:
        ConfigurationError: It holds an address, or nothing.
    """
    if part.data is None:
        what = type(part).__name__
        raise ConfigurationError(f"{taker} take {what.lower()}s as bytes: give {what}(data=...), not an address")
    return base64.b64encode(part.data).decode()


def address(part: Media) -> str:
    """Where a part is: its own address, or one that holds the bytes (RFC 2397).

    Args:
        part: Holds bytes or an address.

    Raises:
        ConfigurationError: It holds neither.
    """
    if part.data is not None:
        return f"data:{part.media_type};base64,{base64.b64encode(part.data).decode()}"
    if part.url:
        return part.url
    raise ConfigurationError(f"{type(part).__name__}(...) holds neither data nor an address")
