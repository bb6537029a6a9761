"""The records of a journal: one line of JSON each, in the order in which things happened.

    {"is": "run", ...}        the header: what was asked of whom, with which plugins
    {"is": "intent", ...}     an effect is about to be performed
    {"is": "outcome", ...}    what came of it
    {"is": "said", ...}       what plugins said of it: a review, an answer, a wish to try again
    {"is": "resumed", ...}    another process goes on from here
    {"is": "end", ...}        how the run ended, or that it waits

`key` is an effect's path within the run; `at` the run's own clock in seconds, which stands still between effects.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from core_plus.errors import JournalError
from core_plus_journal.values import dumps, loads

VERSION = 1
"""Of this form. A journal with a higher number was written by a later core-plus-journal."""


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="is"):
    """A line of a journal."""


class PluginMark(msgspec.Struct, frozen=True, omit_defaults=True):
    """A plugin that a run began with.

    Args:
        name: Its distribution.
        version: Of the distribution.
        hash: SHA-256 over the sources of its package, "" where they can't be read.
    """

    name: str
    version: str
    hash: str = ""


class Header(Record, frozen=True, tag="run"):
    """What a run began with.

    Args:
        version: Of the form of the records.
        id: The run's id.
        task: In words.
        began: When, in ISO 8601 with the zone.
        agent: The agent's class, name, model, executor and style, in words.
        tools: The signature of each tool, by name.
        plugins: Those that were loaded.
        options: What the run was told: steps, planning, limits.
        variables: Names and trees.
        attachments: Pictures and files.
        history: The messages it continued from.
        steps: The steps it continued from.
        remarks: What a person says before a step, by its number.
        seed: What random numbers in code begin with.
        calendar: The moment that it always is for code, in seconds since 1970; None lets the time go on.
        forked: The run that it was forked from, and at which step.
        after: The run before it in the same conversation, whose variables its code finds.
        meta: What the caller wrote beside it, such as the command line.
    """

    version: int
    id: str
    task: str
    began: str
    agent: dict[str, str]
    tools: dict[str, str] = {}
    plugins: list[PluginMark] = []
    options: dict[str, Any] = {}
    variables: dict[str, Any] = {}
    attachments: list[Any] = []
    history: list[Any] = []
    steps: list[Any] = []
    remarks: dict[str, list[Any]] = {}
    seed: int = 0
    calendar: float | None = None
    forked: list[Any] = []
    after: str = ""
    meta: dict[str, Any] = {}


class Intent(Record, frozen=True, tag="intent"):
    """An effect is about to be performed.

    Args:
        key: Its path.
        kind: What sort.
        at: When.
        step: The step in progress.
        agent: The names of the inner runs around it, "" in the outermost.
        what: What is wanted; see `outcomes`.
    """

    key: str
    kind: Literal["model", "tool", "code", "answers", "question", "callback"]
    at: float
    step: int = 0
    agent: str = ""
    what: dict[str, Any] = {}


class Outcome(Record, frozen=True, tag="outcome"):
    """What came of an effect.

    Args:
        key: Its path.
        at: When.
        value: What it gave; see `outcomes`.
        error: What it raised instead: the class, the text and more.
        variables: The run's variables that it set: names and trees.
        gone: The run's variables that it took away.
        by: Who says so, where it wasn't seen: "a person".
    """

    key: str
    at: float
    value: Any = None
    error: dict[str, Any] | None = None
    variables: dict[str, Any] = {}
    gone: list[str] = []
    by: str = ""


class Said(Record, frozen=True, tag="said"):
    """What plugins said of an effect.

    Args:
        key: Its path, a colon and what was asked.
        word: Their word; see `outcomes`.
    """

    key: str
    word: dict[str, Any]


class Resumed(Record, frozen=True, tag="resumed"):
    """Another process goes on from here.

    Args:
        when: In ISO 8601 with the zone.
        plugins: Those that are loaded now, where they aren't the header's.
    """

    when: str
    plugins: list[PluginMark] = []


class End(Record, frozen=True, tag="end"):
    """How the run ended, or that it waits for a person.

    Args:
        state: As in `RunResult.state`.
        at: When.
        when: The same by the calendar.
        error: What went wrong, in words.
        output: The answer's first characters, for lists.
        tokens: Used so far.
    """

    state: str
    at: float
    when: str = ""
    error: str | None = None
    output: str = ""
    tokens: int = 0


AnyRecord = Header | Intent | Outcome | Said | Resumed | End


def line_of(record: Record) -> bytes:
    """A record as a line.

    Args:
        record: Any.
    """
    try:
        return msgspec.json.encode(record)
    except UnicodeEncodeError:
        return dumps(msgspec.to_builtins(record))


def record_of(line: bytes, place: str) -> AnyRecord:
    """The record of a line.

    Args:
        line: JSON.
        place: Where it stands, for the error.

    Raises:
        JournalError: It is no record.
    """
    try:
        found: AnyRecord = msgspec.convert(loads(line), type=AnyRecord)
    except ValueError as error:
        raise JournalError(f"{place}: this is no record of a journal: {error}") from None
    return found


def header_of(line: bytes, place: str) -> Header:
    """The header of a run.

    Args:
        line: JSON.
        place: Where it stands, for the error.

    Raises:
        JournalError: It is none, or of a later form.
    """
    header = record_of(line, place)
    if not isinstance(header, Header):
        raise JournalError(f"{place}: a run begins with its header, not with {type(header).__name__}")
    if header.version > VERSION:
        raise JournalError(
            f"{place}: it was written in form {header.version} of the journal, this core-plus-journal knows "
            f"{VERSION}: install a later one"
        )
    return header
