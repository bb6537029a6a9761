"""Values as a model reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core_plus.messages import Audio, File, Image, Message, Part, Text, message

Shown = Text | Image | Audio | File


def cut(text: str, most: int) -> str:
    """A text with its middle left out where it is too long.

    Args:
        text: Any text.
        most: Characters to keep.
    """
    if len(text) <= most:
        return text
    head = most // 2
    return f"{text[:head]}\n[… {len(text) - most} characters left out …]\n{text[len(text) - (most - head) :]}"


def show(value: Any, most: int = 20_000) -> str:
    """A value in words.

    Args:
        value: Any value that is the host's own or was decoded as data.
        most: Characters to keep.
    """
    try:
        return cut(value if isinstance(value, str) else repr(value), most)
    except ValueError as error:
        return f"<{type(value).__name__}: {error}>"  # Python refuses to write out very large integers


def as_parts(value: Any, most: int = 20_000) -> tuple[Shown, ...]:
    """A tool's value as parts of a message: pictures and files stay what they are.

    Args:
        value: What the tool gave: words, parts, a PIL image, a list of these, or anything else.
        most: Characters of words to keep.
    """
    if isinstance(value, Image | Audio | File):
        return (value,)
    if isinstance(value, Text):
        return (Text(cut(value.text, most)),)
    if isinstance(value, list | tuple) and value and any(isinstance(item, Part) or _is_picture(item) for item in value):
        return tuple(part for item in value for part in as_parts(item, most))
    if _is_picture(value):
        return (picture(value),)
    return (Text(show(value, most)),)


def as_attachment(item: Any, kind: type[Image | Audio | File] | None = None) -> Image | Audio | File:
    """A picture or file to go with a task.

    Args:
        item: A part, a PIL image, a path or URL.
        kind: What it is, where the caller knows better than its name.

    Raises:
        TypeError: It is none of these.
    """
    import mimetypes
    from pathlib import Path
    from urllib.parse import urlsplit

    if isinstance(item, Image | Audio | File):
        return item
    if _is_picture(item):
        return picture(item)
    if not isinstance(item, str | Path):
        raise TypeError(f"an attachment is a path, a URL, an image or a message part, not {type(item).__name__}")
    remote = str(item).startswith(("http://", "https://"))
    name = urlsplit(str(item)).path if remote else str(item)
    guessed = mimetypes.guess_type(name)[0]
    kinds: dict[str, type[Image | Audio | File]] = {"image": Image, "audio": Audio}
    make = kind or kinds.get((guessed or "").partition("/")[0], File)
    media: dict[str, Any] = {"media_type": guessed} if guessed else {}
    if remote or str(item).startswith("data:"):
        return make(url=str(item), **media)
    return make(data=Path(item).read_bytes(), name=Path(item).name, **media)


def picture(value: Any) -> Image:
    """A PIL image as a part.

    Args:
        value: Anything with PIL's `save(file, format)`.
    """
    import io

    file = io.BytesIO()
    value.save(file, "PNG")
    return Image(data=file.getvalue())


def _is_picture(value: Any) -> bool:
    return hasattr(type(value), "save") and hasattr(value, "size") and hasattr(value, "mode")


def task_message(task: str, attachments: Sequence[Any], variables: Mapping[str, Any]) -> Message:
    """What the model reads of a task.

    Args:
        task: In words.
        attachments: Pictures and files.
        variables: Named in the text, with their types.
    """
    names = "".join(f"\n- {name} ({type(value).__name__}): {value!r:.200}" for name, value in variables.items())
    return message("user", [task + (f"\n\nYou have these variables:{names}" if names else ""), *attachments])
