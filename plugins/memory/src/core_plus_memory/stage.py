"""Memories that can be put one behind another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core_plus.effects import Effects
from core_plus.errors import ConfigurationError
from core_plus.run import Run
from core_plus_memory.pieces import Piece, story, told


class Stage:
    """A memory that takes pieces and gives pieces. `a | b` is both, b on what a leaves.

    What it knows of a run it keeps in `run.notes`, under itself: one object serves any number of runs at once.
    """

    def shape(self, run: Run, pieces: Iterable[Piece]) -> Effects:
        """What is to be seen of the pieces.

        Args:
            run: In progress.
            pieces: Pinned ones first, then from the newest to the oldest; lazily, so that who needs only the newest
                takes no longer in a long run.

        Returns:
            Pieces in the same order, an iterable.
        """
        raise NotImplementedError

    def view(self, run: Run) -> Effects:
        """The messages for the next request, as every memory gives them.

        Args:
            run: In progress.
        """
        return _seen(run, (self,))

    def __or__(self, other: Stage) -> Stage:
        return Stack(self, other)


class Stack(Stage):
    """Several memories as one, each on what the one before it leaves.

    Args:
        *stages: In order: what makes pieces smaller before what counts them.

    Raises:
        ConfigurationError: One of them is no stage.
    """

    def __init__(self, *stages: Stage) -> None:
        self.stages: tuple[Stage, ...] = ()
        for stage in stages:
            if not isinstance(stage, Stage):
                raise ConfigurationError(f"{stage!r:.80} is no Stage and can't stand in a stack of memories")
            self.stages += stage.stages if isinstance(stage, Stack) else (stage,)

    def shape(self, run: Run, pieces: Iterable[Piece]) -> Effects:
        for stage in self.stages:
            pieces = yield from stage.shape(run, pieces)
        return pieces

    def __repr__(self) -> str:
        return " | ".join(map(repr, self.stages))


def _seen(run: Run, stages: Sequence[Stage]) -> Effects:
    pieces: Iterable[Piece] = story(run)
    for stage in stages:
        pieces = yield from stage.shape(run, pieces)
    return told(pieces)
