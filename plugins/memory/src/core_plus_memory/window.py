"""The newest steps, as many as there is room for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from core_plus.effects import Effects
from core_plus.errors import ConfigurationError
from core_plus.messages import message
from core_plus.run import Run
from core_plus_memory.counting import NAMES, Ruler, ruler
from core_plus_memory.pieces import At, Piece
from core_plus_memory.stage import Stage

GAP = message("user", "[Earlier steps of this work stood here; they are left out.]")
BEGINNING: At = (-(2**62), 0)


def is_counter(_: object, attribute: Any, value: object) -> None:
    """Refuse a counter that there isn't."""
    if value not in NAMES:
        raise ConfigurationError(f"{attribute.name} is one of {', '.join(NAMES)}, not {value!r:.80}")


def is_positive(_: object, attribute: Any, value: Any) -> None:
    """Refuse what is no positive number; None is no limit."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ConfigurationError(f"{attribute.name} is a whole number from 1, or None, not {value!r:.80}")


def is_share(_: object, attribute: Any, value: Any) -> None:
    """Refuse what isn't between 0 and 1."""
    if not isinstance(value, int | float) or not 0 <= value < 1:
        raise ConfigurationError(f"{attribute.name} is a number from 0 up to 1, not {value!r:.80}")


@attrs.frozen(kw_only=True, eq=False)
class SlidingWindow(Stage):
    """The task, the plan and the newest steps; older ones are left out, and a line says so.

    A step is kept or left out whole, so a call is never parted from its result. The newest step always stays, even if
    it alone is larger than the limit. Once the window is full it is emptied by `slack`, and then fills again: between
    these moments the beginning of the prompt stays the same, as providers' prompt caches need it.

    Args:
        tokens: The most tokens of the messages (the system prompt and the tools aren't counted); None is no limit.
        steps: The most steps of the model; None is no limit.
        slack: The share of the limit that is freed when it is reached.
        count: Who counts: "model", "tiktoken", "estimate", or "auto" for the first of these that there is.

    Raises:
        ConfigurationError: A number makes no sense, or nobody counts so.
    """

    tokens: int | None = attrs.field(default=32_000, validator=is_positive)
    steps: int | None = attrs.field(default=None, validator=is_positive)
    slack: float = attrs.field(default=0.3, validator=is_share)
    count: str = attrs.field(default="auto", validator=is_counter)

    def shape(self, run: Run, pieces: Iterable[Piece]) -> Effects:
        measure = (yield from ruler(run, self.count)) if self.tokens else None
        start = _start(run, run.notes.get(self))
        room = Room(self.tokens or math.inf, self.steps or math.inf, measure)
        rest = iter(pieces)
        while True:
            room.fill(rest, start)
            sure = measure is None or measure.is_sure(room.total, room.most)
            if room.full:
                room.empty(1 - self.slack)
            if sure or measure is None:
                break
            if (yield from measure.ask(run, room.messages())) <= room.most:
                break
            room.empty(1 - self.slack)
            if len(room.taken) <= 1:
                break
            rest = iter(())
        if not room.cut:
            return room.pinned + room.taken
        at = start
        if room.taken:
            run.notes[self] = room.taken[-1]
            at = room.taken[-1].at
        return [*room.pinned, *room.taken, Piece((at[0], at[1] - 1), "gap", (GAP,))]


def _start(run: Run, oldest: Piece | None) -> At:
    """Where the window begins: with what was the oldest in it, if that is still there after an edit of the steps."""
    if oldest is None:
        return BEGINNING
    index = oldest.at[0]
    there = oldest.step is None or (index < len(run.steps) and run.steps[index] is oldest.step)
    return oldest.at if there else BEGINNING


class Room:
    """What a window holds.

    Args:
        most: The most tokens.
        steps: The most steps.
        measure: How tokens are counted; None if they aren't.

    Attributes:
        pinned: What stays.
        taken: The rest that has room, newest first.
        full: Whether a limit was passed.
        cut: Whether anything was left out.
    """

    def __init__(self, most: float, steps: float, measure: Ruler | None) -> None:
        self.most, self.steps, self.measure = most, steps, measure
        self.pinned: list[Piece] = []
        self.taken: list[Piece] = []
        self.full = self.cut = False

    @property
    def total(self) -> float:
        """Tokens of all of it."""
        return sum(map(self.size, self.pinned)) + sum(map(self.size, self.taken))

    def size(self, piece: Piece) -> float:
        """Tokens of a piece.

        Args:
            piece: Any.
        """
        return 0 if self.measure is None else self.measure.of(piece.messages)

    def fill(self, pieces: Iterator[Piece], start: At) -> None:
        """Take pieces until they come from before the start, or a limit is passed.

        Args:
            pieces: Pinned ones first, then newest first.
            start: Where the window began when it was last emptied.
        """
        total, steps = self.total, sum(piece.kind == "action" for piece in self.taken)
        for piece in pieces:
            if not piece.pinned and piece.at < start:
                self.cut = True
                return
            total, steps = total + self.size(piece), steps + (piece.kind == "action")
            (self.pinned if piece.pinned else self.taken).append(piece)
            if (total > self.most or steps > self.steps) and len(self.taken) > 1:
                self.full = True
                return

    def empty(self, share: float) -> None:
        """Leave the oldest out, until a share of the limits is used at most; the newest stays.

        Args:
            share: Up to 1.
        """
        total, steps, kept = sum(map(self.size, self.pinned)), 0, 0
        for piece in self.taken:
            total, steps = total + self.size(piece), steps + (piece.kind == "action")
            if kept and (total > self.most * share or steps > max(1, self.steps * share)):
                break
            kept += 1
        self.cut = self.cut or kept < len(self.taken)
        del self.taken[kept:]

    def messages(self) -> list[Any]:
        """What it holds, as the model would read it."""
        from core_plus_memory.pieces import told

        return told([*self.pinned, *self.taken])
