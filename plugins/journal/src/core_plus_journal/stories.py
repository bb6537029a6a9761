"""A kept run for people to read: what was asked, what was done, what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from core_plus.journal import Info
from core_plus_journal.records import AnyRecord, End, Header, Intent, Outcome, Resumed, Said, header_of, record_of
from core_plus_journal.values import HIDDEN, value_of

State = Literal[
    "success", "max_steps", "limit", "failed", "interrupted", "stopped", "suspended", "running", "broken off"
]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A kept run in one line.

    Args:
        id: The run's id.
        task: In words.
        began: When, in ISO 8601.
        state: How it ended; "running" while a process has it, "broken off" where that process was lost.
        model: Who did it.
        output: The answer's first characters.
        error: What went wrong.
        tokens: Used so far.
        records: How many there are.
        bytes: How long they are.
        owner: Who has it now.
        forked: The run that it was forked from and the step, [] if none.
        meta: What the caller wrote beside it.
    """

    id: str
    task: str
    began: str
    state: State
    model: str = ""
    output: str = ""
    error: str | None = None
    tokens: int = 0
    records: int = 0
    bytes: int = 0
    owner: str = ""
    forked: list[Any] = []
    meta: dict[str, Any] = {}


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that a run did.

    Args:
        at: Seconds since the run began.
        step: The step.
        agent: The inner agents around it, "" in the outermost.
        kind: "model", "tool", "code", "answers", "question", "callback"; "said", "resumed" or "end".
        what: What was wanted.
        outcome: What came of it.
        error: Or why nothing did.
        state: "done", "open" (begun, its end unknown) or "by a person" (who said what came of it).
        seconds: How long it took.
    """

    at: float
    step: int = 0
    agent: str = ""
    kind: str
    what: str = ""
    outcome: str = ""
    error: str = ""
    state: str = "done"
    seconds: float = 0.0


def summary_of(info: Info) -> Summary:
    """A kept run in one line.

    Args:
        info: From a store.
    """
    header = header_of(info.header, f"run {info.id}")
    last = record_of(info.last, f"run {info.id}, its last record")
    ended = last if isinstance(last, End) else None
    state: Any = ended.state if ended else "running" if info.owner else "broken off"
    if isinstance(last, Intent) and last.kind == "question" and not info.owner:
        state = "suspended"
    return Summary(
        id=info.id,
        task=header.task,
        began=header.began,
        state=state,
        model=header.agent.get("model", ""),
        output=ended.output if ended else "",
        error=ended.error if ended else None,
        tokens=ended.tokens if ended else 0,
        records=info.records,
        bytes=info.bytes,
        owner=info.owner,
        forked=header.forked,
        meta=header.meta,
    )


def story_of(header: Header, records: list[AnyRecord]) -> Iterator[Line]:
    """What a run did, one line for each effect, in the order in which they were begun.

    Args:
        header: The run's.
        records: The rest.
    """
    ends = {one.key: one for one in records if isinstance(one, Outcome)}
    begun: set[str] = set()
    at = 0.0
    for one in records:
        if isinstance(one, Intent) and one.key not in begun:
            begun.add(one.key)
            at = one.at
            yield _effect(one, ends.get(one.key))
        elif isinstance(one, Said) and "Allow" not in one.word:
            ((kind, word),) = one.word.items()
            yield Line(at=at, kind="said", what=one.key.rpartition(":")[2], outcome=f"{kind} {_short(word)}")
        elif isinstance(one, Resumed):
            yield Line(at=at, kind="resumed", what=one.when)
        elif isinstance(one, End):
            yield Line(at=one.at, kind="end", what=one.state, outcome=one.output, error=one.error or "")


def _effect(intent: Intent, outcome: Outcome | None) -> Line:
    line = Line(
        at=intent.at, step=intent.step, agent=intent.agent, kind=intent.kind, what=_wanted(intent), state="open"
    )
    if outcome is None:
        return line
    state = (outcome.by and f"by {outcome.by}") or "done"
    error = f"{outcome.error['class']}: {outcome.error['text']}" if outcome.error else ""
    came = "" if outcome.error else _came(intent, outcome.value)
    return msgspec.structs.replace(line, outcome=came, error=error, state=state, seconds=outcome.at - intent.at)


def _wanted(intent: Intent) -> str:
    what = intent.what
    if intent.kind == "tool":
        hidden = what["arguments"] == HIDDEN
        words = "***" if hidden else ", ".join(f"{key}={_value(tree)}" for key, tree in what["arguments"].items())
        return f"{what['tool']}({words})"
    if intent.kind == "model":
        return f"{what['model']}: {what['purpose']}, {what['messages']} messages"
    if intent.kind == "question":
        return str(what["question"].get("text", ""))
    return str(what.get("code", what.get("name", what.get("answers", ""))))


def _came(intent: Intent, data: Any) -> str:
    if intent.kind == "model":
        parts = data["message"]["parts"]
        calls = [f"{part['name']}({_short(part['arguments'])})" for part in parts if part["type"] == "tool_call"]
        return "\n".join([*(part["text"] for part in parts if part["type"] == "text"), *calls])
    if intent.kind in ("code", "answers"):
        if "done" not in data:
            return f"waits for {', '.join(request[1] for request in data['requests']) or 'its own timers'}"
        failed = data.get("error")
        value = _value(data["value"]) if "value" in data else ""
        return (data.get("stdout", "") + value) if failed is None else f"{failed['kind']}: {failed.get('message', '')}"
    return _short(data) if intent.kind == "callback" else _value(data)


def _value(tree: Any) -> str:
    return "***" if tree == HIDDEN else repr(value_of(tree))[:2000]


def _short(data: Any) -> str:
    return msgspec.json.encode(data, enc_hook=repr).decode()[:300]
