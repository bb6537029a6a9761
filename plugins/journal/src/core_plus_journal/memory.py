"""A store in memory: for tests, and for programs that only want to fork and replay."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence

from core_plus.errors import JournalError
from core_plus.hookspecs import Register, hookimpl
from core_plus.journal import Info


@hookimpl
def register_stores(register: Register) -> None:
    """Declare the store."""
    register("memory", lambda address="": MemoryStore(), summary="runs kept in memory, as long as the process lives")


class MemoryStore:
    """Keeps runs as long as it lives; see `core_plus.journal.Store`."""

    def __init__(self) -> None:
        self._runs: dict[str, list[bytes]] = {}
        self._epochs: dict[str, int] = {}
        self._held: set[str] = set()
        self._lock = threading.Lock()

    def create(self, run_id: str, header: bytes) -> int:
        """Begin a run and claim it; gives the epoch."""
        with self._lock:
            if run_id in self._runs:
                raise JournalError(f"there is a run {run_id} already: give another run_id")
            self._runs[run_id], self._epochs[run_id] = [header], 1
            self._held.add(run_id)
            return 1

    def claim(self, run_id: str) -> int:
        """Become the one who writes a run; gives the epoch."""
        with self._lock:
            self._known(run_id)
            if run_id in self._held:
                raise JournalError(f"the run {run_id} is in progress in this process")
            self._held.add(run_id)
            self._epochs[run_id] += 1
            return self._epochs[run_id]

    def append(self, run_id: str, epoch: int, records: Sequence[bytes]) -> None:
        """Add records."""
        with self._lock:
            if self._epochs[run_id] != epoch:
                raise JournalError(f"the run {run_id} was taken over: nothing was written")
            self._runs[run_id] += records

    def release(self, run_id: str, epoch: int) -> None:
        """Let others claim a run."""
        with self._lock:
            if self._epochs.get(run_id) == epoch:
                self._held.discard(run_id)

    def read(self, run_id: str) -> Iterator[bytes]:
        """All records of a run."""
        with self._lock:
            return iter([*self._known(run_id)])

    def runs(self) -> Iterable[Info]:
        """What is kept, the newest first."""
        with self._lock:
            return [
                Info(
                    id=run_id,
                    header=lines[0],
                    last=lines[-1],
                    records=len(lines),
                    bytes=sum(map(len, lines)),
                    owner="this process" if run_id in self._held else "",
                )
                for run_id, lines in reversed(self._runs.items())
            ]

    def has(self, run_id: str) -> bool:
        """Whether a run is kept here."""
        with self._lock:
            return run_id in self._runs

    def delete(self, run_id: str) -> None:
        """Forget a run."""
        with self._lock:
            self._known(run_id)
            if run_id in self._held:
                raise JournalError(f"the run {run_id} is in progress: end it first")
            del self._runs[run_id], self._epochs[run_id]

    def close(self) -> None:
        """Let go of what is claimed."""
        with self._lock:
            self._held.clear()

    def _known(self, run_id: str) -> list[bytes]:
        if run_id not in self._runs:
            raise JournalError(f"no run {run_id} is kept here")
        return self._runs[run_id]
