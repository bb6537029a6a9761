"""Values and the kernel's own objects as JSON data, and back.

Values are the worker library's tagged trees (NaN, bytes, dates, sets and half surrogate pairs survive); replies,
messages and steps are the kernel's structs as JSON, told by their fields. Nothing is ever pickled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from core_plus.errors import JournalError
from core_plus.memory import as_data
from core_plus.messages import Audio, File, Image, Text
from core_plus_worker.inside.codec import Codec
from core_plus_worker.inside.records import CodecError
from core_plus_worker.session import media

_codec = Codec(media, inline=True)
_MEDIA: dict[str, Any] = {"Image": Image, "Audio": Audio, "File": File, "Text": Text}
_OWN = {"$hidden", "$part", "$parts"}
HIDDEN = {"$hidden": True}
"""What stands for the values of tools that are marked secret."""


def tree_of(value: Any) -> Any:
    """A value as JSON data.

    Args:
        value: Anything; what has no form of its own becomes what its `repr` says.

    Raises:
        JournalError: It contains itself, or is nested too deeply.
    """
    kind = type(value).__name__
    if kind in _MEDIA and type(value) is _MEDIA[kind]:
        return {"$part": kind, "is": as_data(value)}
    if type(value) in (list, tuple) and any(type(one) in _MEDIA.values() for one in value):
        return {"$parts": [tree_of(one) for one in value], "tuple": type(value) is tuple}
    try:
        tree = _codec.encode(value)[0]
        # A dict of the user's may look like one of the journal's own forms.
        return {"$": ["dict", [*tree], [*tree.values()]]} if type(tree) is dict and _OWN & tree.keys() else tree
    except CodecError as error:
        raise JournalError(f"a value can't be kept in the journal: {error}") from None


def value_of(tree: Any) -> Any:
    """The value that a tree stands for.

    Args:
        tree: What `tree_of` made.

    Raises:
        JournalError: It isn't a tree, or its values were left out.
    """
    if type(tree) is dict:
        if tree == HIDDEN:
            raise JournalError("it holds values of a tool marked secret, which are left out of a journal")
        if "$part" in tree:
            return struct_of(tree["is"], _MEDIA[tree["$part"]])
        if "$parts" in tree:
            parts = [value_of(one) for one in tree["$parts"]]
            return tuple(parts) if tree["tuple"] else parts
    try:
        return _codec.decode(tree)
    except CodecError as error:
        raise JournalError(f"a kept value can't be read: {error}") from None


def struct_of(data: Any, kind: Any) -> Any:
    """One of the kernel's structs from its fields.

    Args:
        data: What `as_data` made.
        kind: The struct's class, or a union of such.

    Raises:
        JournalError: The fields don't fit.
    """
    try:
        return msgspec.convert(data, type=kind)
    except msgspec.ValidationError as error:
        raise JournalError(f"a kept {getattr(kind, '__name__', kind)} can't be read: {error}") from None


def variables_tree(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Variables by name.

    Args:
        variables: Names and values.
    """
    return {name: tree_of(value) for name, value in variables.items()}


def arguments_tree(args: Sequence[Any], named: Mapping[str, Any]) -> list[Any]:
    """The arguments of a call.

    Args:
        args: The positional ones.
        named: The named ones.
    """
    return [[tree_of(one) for one in args], variables_tree(named)]


def same(one: Any, other: Any) -> bool:
    """Whether two trees stand for the same; of objects without a form, only the class counts.

    Args:
        one: A tree.
        other: Another.
    """
    return bool(one == other or _masked(one) == _masked(other))


def _masked(tree: Any) -> Any:
    if isinstance(tree, list):
        return [_masked(one) for one in tree]
    if not isinstance(tree, dict):
        return tree
    tagged = tree.get("$")
    if isinstance(tagged, list) and tagged[:1] == ["opaque"]:  # its text may hold an address
        return ["opaque", *tagged[1:2]]
    return {key: _masked(one) for key, one in tree.items()}


def dumps(data: Any) -> bytes:
    """JSON in one line; also of half surrogate pairs, which UTF-8 doesn't know.

    Args:
        data: JSON data.
    """
    try:
        return msgspec.json.encode(data)
    except UnicodeEncodeError:
        return json.dumps(data, separators=(",", ":")).encode()


def loads(line: bytes) -> Any:
    """The data of a line.

    Args:
        line: JSON.

    Raises:
        ValueError: It is none.
    """
    return json.loads(line) if b"\\ud" in line else msgspec.json.decode(line)
