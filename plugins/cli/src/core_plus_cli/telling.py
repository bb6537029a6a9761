"""Kept runs in words on a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from core_plus_cli.printing import ACTS

MARKS = {"open": "?", "by a person": "!"}
WIDTH = 100
"""Characters of a line, unless all is wanted."""


def tell(summary: Any, lines: Iterable[Any], *, whole: bool) -> None:
    """Print what a run did.

    Args:
        summary: The run in one line.
        lines: What it did, one for each effect.
        whole: Whether nothing is cut.
    """
    print(f"run {summary.id}: {_clean(summary.task)}")
    facts = [
        summary.began[:19].replace("T", " "),
        summary.model,
        f"{summary.tokens} tokens",
        f"{summary.bytes:,} bytes",
    ]
    print("  " + ", ".join(fact for fact in facts if fact))
    if summary.forked:
        print(f"  forked from {summary.forked[0]} at step {summary.forked[1]}")
    step: Any = None
    for line in lines:
        if line.step != step and line.kind not in ("said", "resumed", "end"):
            step = line.step
            print(f"step {step}")
        print(_told(line, whole))
    print(f"state: {summary.state}" + (f" ({summary.owner} has it)" if summary.owner else ""))
    if summary.state == "suspended":
        print(f"it waits for an answer: core-plus runs answer {summary.id} ANSWER")
    elif summary.state in ("broken off", "interrupted", "failed"):
        print(f"to go on with it: core-plus runs resume {summary.id}")


def _told(line: Any, whole: bool) -> str:
    mark = MARKS.get(line.state, " ")
    who = f"{line.agent}: " if line.agent else ""
    came = line.error or line.outcome
    if line.state == "open":
        came = "nobody has answered yet" if line.kind == "question" else "begun; nobody knows how it ended"
    head, rest = f"{mark} {line.at:8.3f} s  {line.kind:<8} ", f"{who}{_clean(line.what)}"
    if whole:
        return f"{head}{rest}\n" + "".join(f"      {part}\n" for part in came.splitlines()).rstrip("\n")
    text = f"{rest} -> {_clean(came)}" if came else rest
    return f"{head}{text[: WIDTH - 1] + '…' if len(text) > WIDTH else text}"


def _clean(text: str) -> str:
    return ACTS.sub("\N{REPLACEMENT CHARACTER}", " ".join(text.split()))


def answer_of(text: str | None) -> Any:
    """An answer as it was typed: words, or a JSON object.

    Args:
        text: From the command line; None if none was given.
    """
    if text is None or not text.lstrip().startswith("{"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
