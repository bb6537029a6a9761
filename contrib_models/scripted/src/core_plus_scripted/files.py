"""Scripts in files: Markdown for words, JSON for everything.

A `.md` file holds turns of words, with a line `---` between them. A `.json` file holds a list of turns, or an
object from words to lists of turns (see `ScriptedModel`); a `.jsonl` file holds a turn on each line. There, a
turn is a text or an object:

    {"text": "I ask both.", "thinking": "...", "tool_calls": [{"name": "temperature", "arguments": {"city": "Oslo"}}]}
    {"error": "no room now", "kind": "overloaded"}
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from core_plus import errors
from core_plus.errors import ConfigurationError, ModelError
from core_plus.messages import AnyPart, Message, Text, Thinking, ToolCall
from core_plus_scripted.replies import Reply

_BREAK = re.compile(r"^---[ \t]*$", re.MULTILINE)


class Call(msgspec.Struct, forbid_unknown_fields=True):
    """A tool call in a file."""

    name: str
    arguments: dict[str, Any] = {}


class Turn(msgspec.Struct, forbid_unknown_fields=True):
    """A turn in a file: what is said, or an error by its kind (`ModelError.kind`, such as "rate_limit")."""

    text: str = ""
    thinking: str = ""
    tool_calls: tuple[Call, ...] = ()
    error: str | None = None
    kind: str = "error"


_Turns: TypeAlias = list[str | Turn]


def read_script(path: str | Path) -> list[Reply] | dict[str, list[Reply]]:
    """The turns that a file holds.

    Args:
        path: A file ending in .md, .json or .jsonl, from the working folder.

    Raises:
        ConfigurationError: There is no such file, or it doesn't hold turns; the text says where.
    """
    if not str(path):
        raise ConfigurationError("a scripted model needs a file of turns: scripted:turns.md, .json or .jsonl")
    file = Path(path)
    readers = {".md": _markdown, ".json": _json, ".jsonl": _json_lines}
    if file.suffix not in readers:
        raise ConfigurationError(f"the script {str(path)!r} ends in none of {', '.join(readers)}")
    try:
        data = file.read_bytes()
    except OSError as error:
        where = f" from the folder {Path.cwd()}" if not file.is_absolute() else ""
        raise ConfigurationError(f"the script {str(path)!r} can't be read{where}: {error.strerror}") from error
    try:
        return readers[file.suffix](data, file.name)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the script {str(path)!r} doesn't hold turns: {error}") from error


def _markdown(data: bytes, name: str) -> list[Reply]:
    turns = [turn.strip("\r\n") for turn in _BREAK.split(data.decode("utf-8-sig").replace("\r\n", "\n"))]
    return [turn for turn in turns if turn.strip()]


def _json(data: bytes, name: str) -> list[Reply] | dict[str, list[Reply]]:
    found = msgspec.json.decode(data, type=_Turns | dict[str, _Turns])
    if isinstance(found, dict):
        return {key: _replies(turns, f"{name}-{number}") for number, (key, turns) in enumerate(found.items(), 1)}
    return _replies(found, name)


def _json_lines(data: bytes, name: str) -> list[Reply]:
    turns: _Turns = []
    for number, line in enumerate(data.splitlines(), 1):
        try:
            turns += [msgspec.json.decode(line, type=str | Turn)] if line.strip() else []
        except msgspec.DecodeError as error:
            raise msgspec.DecodeError(f"line {number}: {error}") from error
    return _replies(turns, name)


def _replies(turns: _Turns, script: str) -> list[Reply]:
    return [turn if isinstance(turn, str) else _reply(turn, f"{script}-{n}") for n, turn in enumerate(turns, 1)]


def _reply(turn: Turn, place: str) -> Reply:
    if turn.error is not None:
        return _kinds().get(turn.kind, ModelError)(turn.error, provider="scripted")
    parts: list[AnyPart] = [Thinking(turn.thinking)] if turn.thinking else []
    parts += [Text(turn.text)] if turn.text else []
    parts += [ToolCall(f"{place}-{n}", call.name, call.arguments) for n, call in enumerate(turn.tool_calls, 1)]
    return Message("assistant", tuple(parts))


def _kinds() -> dict[str, type[ModelError]]:
    every = (value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, ModelError))
    return {error.kind: error for error in every}
