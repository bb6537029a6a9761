"""Answers in an SQLite database, which any number of threads and processes may use at once.

diskcache does the same and more, but reads pickles from the folder that it is given and has had no release since 2023.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from core_plus.errors import ConfigurationError

T = TypeVar("T")

LOGGER: Final = logging.getLogger("core_plus.cache")
PATIENCE: Final = 10.0
"""Seconds to wait while another process writes."""
STALE: Final = 3600.0
"""Seconds after which it is noted again that an answer was asked for: most look-ups then write nothing."""
SCHEMA: Final = """
create table if not exists answers (key blob primary key, value blob not null, made real not null, used real not null);
create index if not exists by_use on answers (used);
"""


class Store:
    """Keeps answers by key. Where the database can't be read or written for a while, nothing is found or kept.

    Args:
        path: The database; made when it is first used.
        most: About how many bytes it may have.
        seconds: How long an answer holds; None is for ever.
        clock: Gives the time, in seconds.
    """

    def __init__(
        self, path: Path, most: float, seconds: float | None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.path, self._most, self._seconds, self._clock = path, most, seconds, clock
        self._lock = threading.Lock()
        self._open: tuple[int, sqlite3.Connection] | None = None
        self._told = False

    def get(self, key: bytes) -> bytes | None:
        """The answer of a key, if there is one that still holds.

        Args:
            key: Whose.

        Raises:
            ConfigurationError: The file is no such database, or can't be made.
        """
        return self._guarded(lambda base: self._get(base, key))

    def put(self, key: bytes, value: bytes) -> None:
        """Keep an answer, in place of an older one.

        Args:
            key: Whose.
            value: The answer.

        Raises:
            ConfigurationError: The file is no such database, or can't be made.
        """
        if len(value) < self._most:
            self._guarded(lambda base: self._put(base, key, value))

    def close(self) -> None:
        """Close the database; the next use opens it again."""
        with self._lock:
            if self._open is not None and self._open[0] == os.getpid():
                self._open[1].close()
            self._open = None

    def _get(self, base: sqlite3.Connection, key: bytes) -> bytes | None:
        now = self._clock()
        found = base.execute("select value, made, used from answers where key = ?", (key,)).fetchone()
        if found is None or (self._seconds is not None and found[1] < now - self._seconds):
            return None
        if found[2] < now - STALE:
            base.execute("update answers set used = ? where key = ?", (now, key))
        return bytes(found[0])

    def _put(self, base: sqlite3.Connection, key: bytes, value: bytes) -> None:
        now = self._clock()
        base.execute("insert or replace into answers values (?, ?, ?, ?)", (key, value, now, now))
        while _bytes_used(base) > self._most:
            few = "select key from answers order by used limit 1 + (select count(*) from answers) / 10"
            if base.execute(f"delete from answers where key in ({few})").rowcount < 1:
                return

    def _guarded(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        with self._lock:
            try:
                return work(self._connection())
            except sqlite3.OperationalError as error:  # locked for too long, full, read-only
                if not self._told:
                    LOGGER.warning("the cache %s is left alone: %s", self.path, error)
                self._told = True
                return None
            except sqlite3.DatabaseError as error:
                raise ConfigurationError(
                    f"{self.path} is no cache of answers: {error}; delete it, or set CORE_PLUS_CACHE_FILE to another"
                ) from error

    def _connection(self) -> sqlite3.Connection:
        """The connection of this process: one that was open when it was forked is its parent's."""
        if self._open is None or self._open[0] != os.getpid():
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            except OSError as error:
                raise ConfigurationError(
                    f"the cache {self.path} can't be opened: {error.strerror}; set CORE_PLUS_CACHE_FILE to another"
                ) from error
            base = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
            try:
                with contextlib.suppress(sqlite3.OperationalError):  # another process is about to say the same
                    base.execute("pragma journal_mode = wal")
                base.execute("pragma synchronous = normal")  # with a log ahead, no crash can harm the database
                base.executescript(SCHEMA)
            except BaseException:
                base.close()
                raise
            self._open = os.getpid(), base
        return self._open[1]


def _bytes_used(base: sqlite3.Connection) -> int:
    """The bytes of the database, without the pages that are free to be written again."""
    pages, free, size = (
        base.execute(f"pragma {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)
