"""Writing the records of one run, as long as it is this process's to write."""

from __future__ import annotations

import weakref

from core_plus.errors import JournalError
from core_plus.journal import Store
from core_plus_journal.records import Record, line_of


class Pen:
    """Writes one run's records.

    Args:
        store: Keeps them; None where nothing shall be kept.
        run_id: Which run.
        epoch: What says that this process may write it.

    Attributes:
        is_spoilt: Whether nothing more can be written.
    """

    def __init__(self, store: Store | None, run_id: str, epoch: int) -> None:
        self._store, self._run_id, self._epoch = store, run_id, epoch
        self._waiting: list[bytes] = []
        self.is_spoilt = False
        self._claim_end = self._held()

    def write(self, *records: Record, now: bool = True) -> None:
        """Keep records.

        Args:
            *records: In order.
            now: Whether they must outlive the process once this returns; else they go with the next that must.

        Raises:
            JournalError: They can't be written, or another process has taken the run over.
        """
        if self._store is None:
            return
        self._waiting += map(line_of, records)
        if not now:
            return
        self._claim(self._store)
        lines, self._waiting = self._waiting, []
        try:
            self._store.append(self._run_id, self._epoch, lines)
        except JournalError:
            self.spoil()
            raise

    def release(self) -> None:
        """Let others go on with the run."""
        self._claim_end()

    def _held(self) -> weakref.finalize:  # type: ignore[type-arg]  # its stub differs between versions
        """Let go of the claim when told to, or when this is collected with a run that was given up."""
        release = self._store.release if self._store is not None else _nothing
        return weakref.finalize(self, release, self._run_id, self._epoch)

    def spoil(self) -> None:
        """Write nothing more: the run isn't what its journal says, or isn't this process's any longer."""
        self.is_spoilt = True
        self._waiting.clear()
        self.release()

    def _claim(self, store: Store) -> None:
        if self.is_spoilt:
            raise JournalError(f"the run {self._run_id} can't be kept any longer: see its first error")
        if self._claim_end.alive:
            return
        # It waited, and is gone on with in the same process.
        epoch = store.claim(self._run_id)
        if epoch != self._epoch + 1:
            store.release(self._run_id, epoch)
            self.spoil()
            raise JournalError(f"another process went on with the run {self._run_id} in the meantime: resume it anew")
        self._epoch = epoch
        self._claim_end = self._held()


def _nothing(run_id: str, epoch: int) -> None:
    """What is let go of where nothing is kept."""
