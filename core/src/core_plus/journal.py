"""Where a run is kept while it goes on: what the engine tells a journal, and asks of it.

The kernel keeps nothing itself. A plugin's journal sees each effect before and after, and may give the outcome
that the effect had in an earlier process instead of having it performed; so the same loop, fed with what is
kept, comes to where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from core_plus.effects import Effect
from core_plus.ops import Ops

if TYPE_CHECKING:
    from core_plus.run import Run


class Keeper(Protocol):
    """What keeps one run, its inner runs included."""

    def keep(self, run: Run, key: str, effect: Effect, perform: Callable[[], Ops]) -> Ops:
        """Have an effect performed and keep its outcome, or give the one that is kept.

        Args:
            run: Whose effect; perhaps an inner run.
            key: The same in every process that does this run; the effect's path.
            effect: What is wanted.
            perform: Gives the operations that do it.

        Raises:
            JournalError: It can't be kept; the effect wasn't performed.
        """
        ...

    def said(self, run: Run, key: str, hear: Callable[[], Any]) -> Ops:
        """Keep what plugins say of an effect, or give what they said.

        Args:
            run: Whose effect.
            key: Of the effect, a colon, and what is asked: "review", "answer" or "retry".
            hear: Asks them; None is no opinion and isn't kept.
        """
        ...

    def conclude(self) -> None:
        """The outermost run has come to its end, which nobody knows yet: one that left out what it did has failed."""
        ...

    def give_up(self) -> None:
        """The run was given up in the middle; another process may go on with it."""
        ...


class Journal(Protocol):
    """Keeps runs; what `run(..., journal=...)` stands for."""

    def begin(self, run: Run) -> Keeper:
        """Keep a run that hasn't begun.

        Args:
            run: Fresh.

        Raises:
            JournalError: It can't be kept.
        """
        ...

    def reopen(self, agent: Any, run_id: str, **options: Any) -> Run:
        """A kept run, ready to go on from where it was.

        Args:
            agent: Whose run it is.
            run_id: Which.
            **options: `answer` to what it waits for, and what can't be kept, such as `deps` and `ui`.

        Raises:
            JournalError: There is none, another process has it, or it isn't this agent's.
        """
        ...


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """A kept run at a glance.

    Args:
        id: The run's id.
        header: Its first record.
        last: Its last record.
        records: How many there are.
        bytes: How long they are together.
        owner: Who has it now, "" if nobody.
    """

    id: str
    header: bytes
    last: bytes
    records: int
    bytes: int
    owner: str = ""


class Store(Protocol):
    """Where records lie: in a database, a file, memory. A record is one line of JSON and means nothing to a store.

    Of two who want to write a run exactly one may: `claim` gives a number, the epoch, which every `append` names,
    and each claim makes the earlier ones worthless.
    """

    def create(self, run_id: str, header: bytes) -> int:
        """Begin a run and claim it; gives the epoch.

        Args:
            run_id: Not yet there.
            header: Its first record.

        Raises:
            JournalError: There is such a run.
        """
        ...

    def claim(self, run_id: str) -> int:
        """Become the one who writes a run; gives the epoch.

        Args:
            run_id: Which.

        Raises:
            JournalError: There is no such run, or another living process has it; the text says which.
        """
        ...

    def append(self, run_id: str, epoch: int, records: Sequence[bytes]) -> None:
        """Add records, all or none; they outlive the process once this returns.

        Args:
            run_id: Which run.
            epoch: What `claim` gave.
            records: In order.

        Raises:
            JournalError: Somebody else has claimed the run since, or they can't be written.
        """
        ...

    def release(self, run_id: str, epoch: int) -> None:
        """Let others claim a run; a second call does nothing.

        Args:
            run_id: Which.
            epoch: What `claim` gave.
        """
        ...

    def read(self, run_id: str) -> Iterator[bytes]:
        """All records of a run, the header first.

        Args:
            run_id: Which.

        Raises:
            JournalError: There is no such run, or a record in the middle is damaged.
        """
        ...

    def runs(self) -> Iterable[Info]:
        """What is kept, the newest first."""
        ...

    def has(self, run_id: str) -> bool:
        """Whether a run is kept here.

        Args:
            run_id: Which.
        """
        ...

    def delete(self, run_id: str) -> None:
        """Forget a run.

        Args:
            run_id: Which.

        Raises:
            JournalError: There is no such run, or somebody has it.
        """
        ...

    def close(self) -> None:
        """Give back what is claimed and close what is open; a second call does nothing."""
        ...


def kept(run: Run, key: str, effect: Effect, perform: Callable[[], Ops]) -> Ops:
    """Perform an effect under the eyes of the run's keeper, where it has one; the run's clock moves with it.

    Args:
        run: Whose effect.
        key: Its path.
        effect: What is wanted.
        perform: Gives the operations that do it.
    """
    keeper = run.root.keeper
    if keeper is not None:
        return (yield from keeper.keep(run, key, effect, perform))
    run.tick()
    try:
        return (yield from perform())
    finally:
        run.tick()


def said(run: Run, key: str, hear: Callable[[], Any]) -> Ops:
    """What plugins say of an effect, kept where the run is.

    Args:
        run: Whose effect.
        key: The effect's path, a colon and what is asked.
        hear: Asks them.
    """
    keeper = run.root.keeper
    return hear() if keeper is None else (yield from keeper.said(run, key, hear))
