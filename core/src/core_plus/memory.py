"""What a run remembers, and what the model sees of it."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from core_plus.events import ActionStep, FinalAnswerStep, NoteStep, PlanningStep, Step, TaskStep
from core_plus.messages import Message

if TYPE_CHECKING:
    from core_plus.run import Run


class Memory(Protocol):
    """Chooses what the model sees. The run keeps all its steps; a memory is a view of them.

    One object serves many runs at once, so what it knows of a run it keeps with the run (`run.notes`).
    """

    def view(self, run: Run) -> Sequence[Message] | Generator[Any, Any, Sequence[Message]]:
        """The messages for the next request, the system prompt left out.

        Args:
            run: The run; `run.history` has all messages so far, `run.steps` the steps they come from.

        Returns:
            Messages, or a generator of effects that returns them (a summary asks a model).
        """


class ListMemory:
    """The default: everything, in order."""

    def view(self, run: Run) -> Sequence[Message]:
        """All messages so far.

        Args:
            run: The run.
        """
        return run.history


AnyStep = TaskStep | NoteStep | PlanningStep | ActionStep | FinalAnswerStep


def dump_steps(steps: Iterable[Step]) -> bytes:
    """Steps as JSON. A value that JSON has no form for is written as its `repr`.

    Args:
        steps: A run's steps.
    """
    return json.dumps([as_data(step) for step in steps]).encode()


def as_data(value: Any, inside: tuple[int, ...] = ()) -> Any:
    """Anything as what JSON can say; what it can't say, or what holds itself, as its `repr`.

    Args:
        value: Anything.
        inside: The ids of what it stands in.
    """
    if id(value) in inside or len(inside) > 200:
        return repr(value)
    inside = (*inside, id(value))
    if isinstance(value, msgspec.Struct):
        pairs = {name: as_data(getattr(value, name), inside) for name in value.__struct_fields__}
        tag = value.__struct_config__
        return {tag.tag_field: tag.tag, **pairs} if tag.tag_field else pairs
    if isinstance(value, dict):
        return {str(key): as_data(one, inside) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_data(one, inside) for one in value]
    try:
        return value if isinstance(value, str) else msgspec.to_builtins(value, enc_hook=repr, str_keys=True)
    except RecursionError:
        return repr(value)


def load_steps(data: bytes | str) -> list[Step]:
    """Steps from the JSON that `dump_steps` wrote.

    Args:
        data: JSON.

    Raises:
        ValueError: It is no JSON, or no list of steps; the text says where.
    """
    steps: list[Any] = msgspec.convert(json.loads(data), type=list[AnyStep])
    return steps
