"""`SQLiteStore`: records of runs as rows, one transaction for what must hold together."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import weakref
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from core_plus.errors import JournalError
from core_plus.journal import Info
from core_plus_sqlite.owners import Owner, this_process

FORM = 1
"""Of the tables, in `PRAGMA user_version`."""

LAPSE = 600.0
"""Seconds without a word after which an owner on another machine, who can't be looked up, counts as dead."""

NOTICE = 60.0
"""Seconds between two words of a living owner, at most as long as he writes."""

TABLES = """
CREATE TABLE runs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    epoch INTEGER NOT NULL,
    owner TEXT NOT NULL,
    heard REAL NOT NULL
) STRICT;
CREATE TABLE records (  -- a row is what was written at once: lines, from the one at that place on, and their CRC-32
    run INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    line BLOB NOT NULL,
    sum INTEGER NOT NULL,
    PRIMARY KEY (run, place)
) STRICT, WITHOUT ROWID;
"""


class _Claim:
    """What a process knows of a run that it writes."""

    __slots__ = ("epoch", "heard", "number", "places")

    def __init__(self, number: int, epoch: int, places: int) -> None:
        self.number, self.epoch, self.places, self.heard = number, epoch, places, time.time()


class SQLiteStore:
    """Keeps runs in a file; see `core_plus.journal.Store`. Threads and processes may share it.

    Args:
        path: The file; its folder is there.
        durability: "process" or "power"; see `core_plus_sqlite.Settings`.
        patience: Seconds to wait for another process that is writing.

    Raises:
        JournalError: The file can't be opened, or is no such store.
    """

    _living: ClassVar[weakref.WeakValueDictionary[str, SQLiteStore]] = weakref.WeakValueDictionary()
    # The stores of this process by their owner's word: of one that is gone, what it held may be taken.

    def __init__(self, path: str | os.PathLike[str], *, durability: str = "process", patience: float = 30.0) -> None:
        self.path = Path(path)
        self._durability, self._patience = durability, patience
        self._lock = threading.RLock()
        self._owner = this_process()
        self._living[self._owner.token] = self
        self._claims: dict[str, _Claim] = {}
        self._pid = 0
        self._connection: sqlite3.Connection | None = None
        self._inherited: list[sqlite3.Connection | None] = []
        with self._transaction():
            pass

    # ---- writing ------------------------------------------------------------------

    def create(self, run_id: str, header: bytes) -> int:
        """Begin a run and claim it; gives the epoch."""
        with self._transaction() as base:
            try:
                row = base.execute(
                    "INSERT INTO runs (id, epoch, owner, heard) VALUES (?, 1, ?, ?)",
                    (run_id, self._owner.text(), time.time()),
                )
            except sqlite3.IntegrityError:
                raise JournalError(f"{self.path} has a run {run_id} already: give another run_id") from None
            number = row.lastrowid or 0
            _insert(base, number, 0, [header], 1)
        self._claims[run_id] = _Claim(number, 1, 1)
        return 1

    def claim(self, run_id: str) -> int:
        """Become the one who writes a run; gives the epoch."""
        with self._transaction() as base:
            number, epoch, holder, heard = self._known(base, run_id)
            if holder and self._lives(run_id, Owner.of(holder), heard):
                raise JournalError(f"the run {run_id} is in progress: {Owner.of(holder)} has it")
            base.execute(
                "UPDATE runs SET epoch = ?, owner = ?, heard = ? WHERE number = ?",
                (epoch + 1, self._owner.text(), time.time(), number),
            )
            place, lines = base.execute(
                "SELECT place, line FROM records WHERE run = ? ORDER BY place DESC LIMIT 1", (number,)
            ).fetchone() or (0, b"")
        places = place + lines.count(b"\n") + 1 if lines else 0
        self._claims[run_id] = _Claim(number, epoch + 1, places)
        return int(epoch + 1)

    def append(self, run_id: str, epoch: int, records: Sequence[bytes]) -> None:
        """Add records, all or none."""
        with self._lock:
            try:
                base = self._open()
                claim = self._claims.get(run_id)
                if claim is None or claim.epoch != epoch:
                    raise JournalError(f"the run {run_id} was let go: claim it before writing")
                if not records:
                    return
                is_mine = _insert(base, claim.number, claim.places, records, epoch)
            except sqlite3.Error as error:
                raise JournalError(f"{self.path}: {error}{_way_out(error)}") from error
            if not is_mine:
                del self._claims[run_id]
                raise JournalError(f"the run {run_id} was taken over by another process: nothing was written")
            claim.places += len(records)
            if time.time() - claim.heard > NOTICE:
                claim.heard = time.time()
                with self._transaction():
                    base.execute("UPDATE runs SET heard = ? WHERE number = ?", (claim.heard, claim.number))

    def release(self, run_id: str, epoch: int) -> None:
        """Let others claim a run."""
        with self._lock:
            claim = self._claims.get(run_id)
            if claim is None or claim.epoch != epoch or self._pid != os.getpid():  # a fork's parent has it
                return
            del self._claims[run_id]
            with self._transaction() as base:
                base.execute("UPDATE runs SET owner = '' WHERE number = ? AND epoch = ?", (claim.number, epoch))

    def delete(self, run_id: str) -> None:
        """Forget a run."""
        with self._transaction() as base:
            number, _, holder, heard = self._known(base, run_id)
            if holder and self._lives(run_id, Owner.of(holder), heard):
                raise JournalError(f"the run {run_id} is in progress: {Owner.of(holder)} has it; end it first")
            base.execute("DELETE FROM records WHERE run = ?", (number,))
            base.execute("DELETE FROM runs WHERE number = ?", (number,))

    def close(self) -> None:
        """Give back what is claimed and close the file."""
        with self._lock:
            for run_id, claim in [*self._claims.items()]:
                self.release(run_id, claim.epoch)
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None

    def holds(self, run_id: str) -> bool:
        """Whether this very store has claimed a run.

        Args:
            run_id: Which.
        """
        return run_id in self._claims

    # ---- reading ------------------------------------------------------------------

    def read(self, run_id: str) -> Iterator[bytes]:
        """All records of a run."""
        with self._transaction(write=False) as base:
            number, *_ = self._known(base, run_id)
            rows = base.execute(
                "SELECT place, line, sum FROM records WHERE run = ? ORDER BY place", (number,)
            ).fetchall()
        number = 0
        for place, lines, sum_ in rows:
            if place != number or zlib.crc32(lines) != sum_:
                what = "is missing" if place != number else "was damaged"
                raise JournalError(f"{self.path}: record {number} of run {run_id} {what}: it can't be gone on with")
            for line in lines.split(b"\n"):
                number += 1
                yield line
        if not rows:
            raise JournalError(f"{self.path}: run {run_id} has lost all its records")

    def has(self, run_id: str) -> bool:
        """Whether a run is kept here."""
        with self._transaction(write=False) as base:
            return base.execute("SELECT 1 FROM runs WHERE id = ?", (run_id,)).fetchone() is not None

    def runs(self) -> Iterable[Info]:
        """What is kept, the newest first."""
        with self._transaction(write=False) as base:
            rows = base.execute(
                "SELECT id, owner, heard, sum(length(line)), min(place), max(place), number"
                " FROM runs JOIN records ON run = number GROUP BY number ORDER BY number DESC"
            ).fetchall()
            found = []
            for run_id, holder, heard, size, first, last, number in rows:
                wanted = "SELECT line FROM records WHERE run = ? AND place = ?"
                header = base.execute(wanted, (number, first)).fetchone()[0].split(b"\n")[0]
                latest = base.execute(wanted, (number, last)).fetchone()[0].split(b"\n")
                owner = str(Owner.of(holder)) if holder and self._lives(run_id, Owner.of(holder), heard) else ""
                count = last + len(latest)
                found.append(Info(id=run_id, header=header, last=latest[-1], records=count, bytes=size, owner=owner))
        return found

    # ---- the file -----------------------------------------------------------------

    @contextlib.contextmanager
    def _transaction(self, write: bool = True) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                base = self._open()
                base.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                try:
                    yield base
                except BaseException:
                    base.execute("ROLLBACK")
                    raise
                base.execute("COMMIT")
            except sqlite3.Error as error:
                if self._connection is not None and self._connection.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")
                raise JournalError(f"{self.path}: {error}{_way_out(error)}") from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is None or self._pid != os.getpid():  # a connection can't be taken through a fork
            self._touch()
            base = sqlite3.connect(
                self.path, timeout=self._patience, isolation_level=None, check_same_thread=False, cached_statements=64
            )
            try:
                self._prepare(base)
            except BaseException:
                base.close()
                raise
            if self._pid and self._pid != os.getpid():
                self._owner, self._claims = this_process(), {}
                self._living[self._owner.token] = self
                self._inherited.append(self._connection)  # closing it here would not be good for the other process
            self._connection, self._pid = base, os.getpid()
        return self._connection

    def _prepare(self, base: sqlite3.Connection) -> None:
        base.execute("PRAGMA journal_mode = WAL")
        base.execute(f"PRAGMA synchronous = {'FULL' if self._durability == 'power' else 'NORMAL'}")
        (form,) = base.execute("PRAGMA user_version").fetchone()
        if form == 0:
            self._make(base)
        elif form != FORM:
            raise JournalError(
                f"{self.path} has form {form}, this core-plus-sqlite knows {FORM}: another version made it"
            )

    def _touch(self) -> None:
        """A file that isn't there yet is its owner's alone; SQLite gives what it puts beside it the same rights."""
        with contextlib.suppress(OSError):  # SQLite says better what is wrong
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))

    def _make(self, base: sqlite3.Connection) -> None:
        """The tables, unless another process has just made them."""
        base.execute("BEGIN IMMEDIATE")
        (form,) = base.execute("PRAGMA user_version").fetchone()
        if form == 0:
            if base.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
                base.execute("ROLLBACK")
                raise JournalError(f"{self.path} is a database of something else: give another file")
            for statement in TABLES.split(";")[:-1]:
                base.execute(statement)
            base.execute(f"PRAGMA user_version = {FORM}")
        base.execute("COMMIT")

    def _known(self, base: sqlite3.Connection, run_id: str) -> tuple[int, int, str, float]:
        row: tuple[int, int, str, float] | None = base.execute(
            "SELECT number, epoch, owner, heard FROM runs WHERE id = ?", (run_id,)
        ).fetchone()
        if row is None:
            raise JournalError(f"{self.path} has no run {run_id}; `core-plus runs list` shows those that it has")
        return row

    def _lives(self, run_id: str, owner: Owner, heard: float) -> bool:
        if (owner.machine, owner.pid) == (self._owner.machine, self._owner.pid):
            store = self._living.get(owner.token)  # one of this process, unless it is gone
            return store is not None and store.holds(run_id)
        alive = owner.is_alive()
        return time.time() - heard < LAPSE if alive is None else alive


def _insert(base: sqlite3.Connection, number: int, place: int, records: Sequence[bytes], epoch: int) -> bool:
    """Add records as one row, in one statement, which is a transaction of its own; whether the run is still ours.

    A statement costs as much as a record's encoding, a transaction of several twice that.
    """
    lines = b"\n".join(records)
    row = base.execute(
        "INSERT INTO records SELECT ?1, ?2, ?3, ?4 FROM runs WHERE number = ?1 AND epoch = ?5",
        (number, place, lines, zlib.crc32(lines), epoch),
    )
    return row.rowcount == 1


def _way_out(error: sqlite3.Error) -> str:
    text = str(error)
    if "locked" in text:
        return ": another process has been writing for too long; wait, or give the store more patience"
    if "full" in text:
        return ": make room, then resume the run"
    if "unable to open" in text:
        return ": is its folder there, and may this process write it?"
    return ""
