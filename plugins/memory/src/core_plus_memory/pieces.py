"""A run's conversation in pieces that are kept or left out whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, TypeAlias

import msgspec

from core_plus.events import ActionStep, PlanningStep, Step, TaskStep
from core_plus.messages import AnyPart, Message, Text, ToolCall, ToolResult
from core_plus.run import Run

Kind: TypeAlias = Literal["given", "task", "plan", "action", "note", "gap", "summary", "facts"]
At: TypeAlias = tuple[int, int]
LOST = "no result of this call was kept"


class Piece(msgspec.Struct, frozen=True):
    """Messages that stand and fall together: a step's, or a call of a given conversation with its results.

    Args:
        at: Where it belongs: the number of its step (below 0, of a message given with the run), and a rank for what
            a memory puts before (-1) or after (1) it.
        kind: What it is; "given" came with the run, "gap", "summary" and "facts" are a memory's own.
        messages: In order.
        pinned: Whether it stays whatever happens: the task of the run and its plan.
        step: The step that it comes from, if any.
    """

    at: At
    kind: Kind
    messages: tuple[Message, ...]
    pinned: bool = False
    step: Step | None = None


def story(run: Run) -> Iterator[Piece]:
    """All of a run, lazily: first what is pinned, then the rest from the newest to the oldest.

    Args:
        run: In progress.
    """
    pinned = _pinned(run)
    for index in sorted(pinned):
        yield _piece(index, run.steps[index], True)
    for index in range(len(run.steps) - 1, -1, -1):
        if index not in pinned and run.steps[index].messages:
            yield _piece(index, run.steps[index], False)
    yield from _given(run.history, run.given)


def told(pieces: Iterable[Piece]) -> list[Message]:
    """Pieces as the model reads them, in order, every call with its results.

    Args:
        pieces: In any order.
    """
    return sound([said for piece in sorted(pieces, key=lambda piece: piece.at) for said in piece.messages])


def sound(messages: Sequence[Message]) -> list[Message]:
    """The same conversation, every call answered right after it and every result after its call.

    A result without its call becomes words of the user, a call without a result gets one that says so. What is sound
    is left as it is, to the object.

    Args:
        messages: Oldest first.
    """
    made: list[Message] = []
    waiting: list[ToolCall] = []
    for said in messages:
        if said.role != "tool" and not any(type(part) is ToolResult for part in said.parts):
            made += _lost(waiting)
            waiting = list(said.tool_calls) if said.role == "assistant" else []
            made.append(said)
            continue
        fitting = [part for part in said.parts if type(part) is ToolResult and _answered(part, waiting)]
        if len(fitting) == len(said.parts) and said.role == "tool":
            made.append(said)
            continue
        if fitting:
            made.append(Message("tool", tuple(fitting)))
        if rest := tuple(_as_words(part) for part in said.parts if not any(part is one for one in fitting)):
            made += _lost(waiting)
            waiting = []
            made.append(Message("user", rest))
    return made + _lost(waiting)


def _answered(result: ToolResult, waiting: list[ToolCall]) -> bool:
    for index, call in enumerate(waiting):
        if call.id == result.id:
            del waiting[index]
            return True
    return False


def _lost(waiting: Sequence[ToolCall]) -> list[Message]:
    results = tuple(ToolResult(call.id, call.name, (Text(LOST),), True) for call in waiting)
    return [Message("tool", results)] if results else []


def _as_words(part: AnyPart) -> AnyPart:
    return Text(f"A result of {part.name}: {part.text}") if type(part) is ToolResult else part


def _pinned(run: Run) -> set[int]:
    """The numbers of the run's task and of its plan. Without edits, looking for them takes no longer in a long run."""
    steps, task = run.steps, run.before
    if not (task < len(steps) and isinstance(steps[task], TaskStep)):
        task = next((at for at in range(len(steps) - 1, -1, -1) if isinstance(steps[at], TaskStep)), -1)
    found = {task} - {-1}
    if run.planning:
        plans = (at for at in range(len(steps) - 1, task, -1) if isinstance(steps[at], PlanningStep))
        found |= {next(plans, task)} - {-1}
    return found


def _piece(index: int, step: Step, pinned: bool) -> Piece:
    kind: Kind = "note"
    if isinstance(step, ActionStep):
        kind = "action"
    elif isinstance(step, TaskStep):
        kind = "task"
    elif isinstance(step, PlanningStep):
        kind = "plan"
    return Piece((index, 0), kind, step.messages, pinned, step)


def _given(history: Sequence[Message], count: int) -> Iterator[Piece]:
    """The messages that the run was given, newest first; a turn of the model's keeps the results that follow it."""
    end = count
    for index in range(count - 1, -1, -1):
        if index > 0 and any(type(part) is ToolResult for part in history[index].parts):
            continue
        yield Piece((index - count, 0), "given", tuple(history[index:end]))
        end = index
