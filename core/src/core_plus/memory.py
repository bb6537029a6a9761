"""What a run remembers, and what the model sees of it."""

from __future__ import annotations

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
        ...


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
    return msgspec.json.encode(list(steps), enc_hook=repr)


def load_steps(data: bytes | str) -> list[Step]:
    """Steps from the JSON that `dump_steps` wrote.

    Args:
        data: JSON.

    Raises:
        msgspec.ValidationError: It is no list of steps; the text says where.
    """
    steps: list[Any] = msgspec.json.decode(data, type=list[AnyStep])
    return steps
