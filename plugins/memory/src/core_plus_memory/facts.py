"""Facts that stay in sight whatever else is left out."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence

import attrs
import msgspec

from core_plus.effects import Effects
from core_plus.events import ActionStep, Step
from core_plus.messages import Message, message
from core_plus.run import Run
from core_plus_memory.pieces import Piece
from core_plus_memory.stage import Stage
from core_plus_memory.window import BEGINNING, is_positive

HEADING = "To be kept in mind:\n"


class _Known(msgspec.Struct):
    """What a run's steps have pinned, as far as they were read."""

    steps: list[Step] = []
    facts: list[str] = []
    said: Message | None = None


@attrs.frozen(kw_only=True, eq=False)
class PinnedFacts(Stage):
    """Facts that stand after the task in every request: those given here, and those that the agent pins.

    An agent pins one with the tool `pin_fact`; the facts are read off the run's steps, so they hold in later runs of
    the conversation too, and go when the step is edited away.

    Args:
        facts: The caller's own.
        most: How many of the agent's stay; older ones go first.

    Raises:
        ConfigurationError: The number makes no sense.
    """

    facts: Sequence[str] = attrs.field(default=(), converter=tuple)
    most: int = attrs.field(default=50, validator=is_positive)

    def shape(self, run: Run, pieces: Iterable[Piece]) -> Effects:
        yield from ()
        said = self._said(run)
        return pieces if said is None else self._with(said, pieces)

    def _with(self, said: Message, pieces: Iterable[Piece]) -> Iterable[Piece]:
        waiting = True
        for piece in pieces:
            if waiting and piece.kind != "task":
                yield Piece(BEGINNING, "facts", (said,), True)
            waiting = False
            yield piece
            if piece.kind == "task" and piece.pinned:
                yield Piece((piece.at[0], 1), "facts", (said,), True)

    def _said(self, run: Run) -> Message | None:
        """The facts in words; the same object until they change."""
        known: _Known = run.notes.setdefault(self, _Known())
        if len(known.steps) > len(run.steps) or not all(map(operator.is_, known.steps, run.steps)):
            known.steps, known.facts, known.said = [], [], None
        new = [fact for step in run.steps[len(known.steps) :] for fact in _pinned_by(step)]
        known.steps += run.steps[len(known.steps) :]
        if new or known.said is None:
            known.facts = list(dict.fromkeys([*known.facts, *new]))
            lines = [*self.facts, *known.facts[-self.most :]]
            known.said = message("user", HEADING + "\n".join(f"- {line}" for line in lines)) if lines else None
        return known.said


def _pinned_by(step: Step) -> list[str]:
    if not isinstance(step, ActionStep):
        return []
    made = [record for record in step.calls if record.call.name == "pin_fact" and record.error is None]
    return [str(record.value) for record in made]
