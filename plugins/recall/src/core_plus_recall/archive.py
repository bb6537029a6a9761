"""Texts in a SQLite file, found again by their words and by their meaning."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import attrs

from core_plus.errors import ConfigurationError, CorePlusError
from core_plus_recall import vectors

VARIABLE: Final = "CORE_PLUS_RECALL"
"""Another file than the usual one."""
APPLICATION_ID: Final = 0x43505231
PATIENCE: Final = 30.0
"""Seconds to wait for another process that is writing."""
BATCH: Final = 64
"""Texts that are embedded at once."""
RANK: Final = 60
"""The constant of reciprocal rank fusion, as in Cormack, Clarke and Buettcher, SIGIR 2009."""
SCHEMA: Final = """
CREATE TABLE kept (
    id INTEGER PRIMARY KEY AUTOINCREMENT, space TEXT NOT NULL, text TEXT NOT NULL, run_id TEXT NOT NULL,
    moment REAL NOT NULL, embedder TEXT, vector BLOB, UNIQUE (space, text)
);
CREATE VIRTUAL TABLE words USING fts5(
    text, content='kept', content_rowid='id', tokenize="porter unicode61 remove_diacritics 2"
);
CREATE TRIGGER kept_in AFTER INSERT ON kept BEGIN INSERT INTO words(rowid, text) VALUES (new.id, new.text); END;
CREATE TRIGGER kept_out AFTER DELETE ON kept BEGIN
    INSERT INTO words(words, rowid, text) VALUES ('delete', old.id, old.text);
END;
"""


@attrs.frozen
class Found:
    """Something that was kept.

    Args:
        id: Its number, to forget it by.
        text: What was kept.
        date: When, as an ISO 8601 date in UTC.
        run_id: The run that kept it.
    """

    id: int
    text: str
    date: str
    run_id: str = ""


@attrs.frozen
class Search:
    """What a search came to.

    Args:
        found: The best first.
        problem: Why it was by words only, where an embedder was there; "" otherwise.
    """

    found: Sequence[Found]
    problem: str = ""


class Archive:
    """Texts in a SQLite file, for any number of threads and processes.

    Args:
        path: The file; None takes CORE_PLUS_RECALL, else one in the user's data folder. It is made when something is
            kept, readable by its owner only.
        embedder: A model with `embed(texts)`; None searches by words only.
        space: What is kept in one space isn't found in another: for several users or agents with one file.
    """

    def __init__(self, path: str | Path | None = None, *, embedder: Any = None, space: str = "") -> None:
        self.path = Path(path or os.environ.get(VARIABLE) or _usual()).expanduser()
        if embedder is not None and not hasattr(embedder, "embed"):
            raise ConfigurationError(f"{embedder} gives no vectors of texts: name a model that has `embed`, or none")
        self.embedder, self.space = embedder, space

    def keep(self, text: str, run_id: str = "") -> tuple[int, str]:
        """Keep a text. The same text twice is kept once.

        Args:
            text: Any words.
            run_id: The run that keeps it.

        Returns:
            Its number, and why it has no vector ("" where it has one or needs none; it is found by its words then).

        Raises:
            ValueError: There are no words.
        """
        text = _clean(text)
        if not text:
            raise ValueError("there is nothing to remember: give the words")
        with self._opened() as database, database:
            database.execute(
                "INSERT INTO kept (space, text, run_id, moment) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (self.space, text, run_id, time.time()),
            )
            (number,) = database.execute(
                "SELECT id FROM kept WHERE space = ? AND text = ?", (self.space, text)
            ).fetchone()
        try:
            self._embed_what_lacks()
        except CorePlusError as error:
            return number, str(error)
        return number, ""

    def find(self, query: str, most: int = 5) -> Search:
        """Find texts by their words, and by their meaning where there is an embedder.

        Args:
            query: A question or words.
            most: How many to give.
        """
        query, problem, near = _clean(query), "", list[int]()
        if most < 1 or not self.path.exists():
            return Search(())
        try:
            near = self._near(query, 4 * most) if query else []
        except CorePlusError as error:
            problem = str(error)
        with self._opened() as database:
            ranked = _fused([near, self._worded(database, query, 4 * most)])[:most]
            rows = {
                row[0]: row
                for row in database.execute(f"SELECT id, text, moment, run_id FROM kept {_among(ranked)}", ranked)
            }
        return Search([_found(rows[number]) for number in ranked if number in rows], problem)

    def all(self) -> list[Found]:
        """Everything in the space, the newest first."""
        if not self.path.exists():
            return []
        with self._opened() as database:
            asked = "SELECT id, text, moment, run_id FROM kept WHERE space = ? ORDER BY id DESC"
            return [_found(row) for row in database.execute(asked, (self.space,))]

    def forget(self, number: int) -> bool:
        """Delete a text, also from the file's free pages.

        Args:
            number: Its number.

        Returns:
            Whether it was there.
        """
        if not self.path.exists():
            return False
        with self._opened() as database, database:
            gone = database.execute("DELETE FROM kept WHERE id = ? AND space = ?", (number, self.space)).rowcount > 0
            if gone:  # until it is merged, the index still holds the words
                database.execute("INSERT INTO words(words) VALUES ('optimize')")
            return gone

    # ---- inside ------------------------------------------------------------------------

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """A connection of this call's own: nothing is shared between threads, and nothing is left open."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            with contextlib.closing(sqlite3.connect(self.path, timeout=PATIENCE)) as database:
                database.execute("PRAGMA secure_delete = ON")
                _prepare(database, self.path)
                yield database
        except (sqlite3.DatabaseError, OSError) as error:
            raise ConfigurationError(f"the long-term memory {self.path} can't be used: {error}") from error

    def _worded(self, database: sqlite3.Connection, query: str, most: int) -> list[int]:
        """Numbers by words, the best first; those that hold the query's words within theirs, where none has them."""
        words = re.findall(r"\w+", query)
        match = " OR ".join(f'"{word}"' for word in words)
        asked = (
            "SELECT kept.id FROM words JOIN kept ON kept.id = words.rowid WHERE words MATCH ? AND space = ? "
            "ORDER BY bm25(words), kept.id DESC LIMIT ?"
        )
        found = [row[0] for row in database.execute(asked, (match, self.space, most))] if words else []
        if found or not words:
            return found
        parts = " OR ".join("instr(lower(text), lower(?))" for _ in words)
        asked = f"SELECT id FROM kept WHERE space = ? AND ({parts}) ORDER BY id DESC LIMIT ?"
        return [row[0] for row in database.execute(asked, (self.space, *words, most))]

    def _near(self, query: str, most: int) -> list[int]:
        """Numbers by meaning, the nearest first."""
        if self.embedder is None:
            return []
        self._embed_what_lacks()
        (vector,) = self._vectors([query])
        with self._opened() as database:
            asked = "SELECT id, vector FROM kept WHERE space = ? AND embedder = ?"
            rows = database.execute(asked, (self.space, str(self.embedder))).fetchall()
        return vectors.nearest(vector, rows, most)

    def _embed_what_lacks(self) -> None:
        """Give each text a vector that has none of this embedder's."""
        name, last = str(self.embedder), 0
        while self.embedder is not None:
            with self._opened() as database:
                asked = "SELECT id, text FROM kept WHERE id > ? AND space = ? AND embedder IS NOT ? ORDER BY id LIMIT ?"
                rows = database.execute(asked, (last, self.space, name, BATCH)).fetchall()
            if not rows:
                return
            made, last = self._vectors([text for _, text in rows]), rows[-1][0]
            with self._opened() as database, database:
                pairs = [(name, vector, number) for vector, (number, _) in zip(made, rows, strict=True)]
                database.executemany("UPDATE kept SET embedder = ?, vector = ? WHERE id = ?", pairs)

    def _vectors(self, texts: Sequence[str]) -> list[bytes]:
        try:
            found = self.embedder.embed(texts)
        except CorePlusError:
            raise
        except Exception as error:
            raise CorePlusError(f"{self.embedder} failed: {type(error).__name__}: {error}") from error
        if len(found) != len(texts):
            raise ConfigurationError(f"{self.embedder} gave {len(found)} vectors for {len(texts)} texts")
        return [vectors.packed(vector) for vector in found]


def _usual() -> Path:
    import platformdirs

    return platformdirs.user_data_path("core-plus", appauthor=False) / "recall.sqlite"


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    (mark,) = database.execute("PRAGMA application_id").fetchone()
    if mark == APPLICATION_ID:
        return
    with database:
        database.execute("BEGIN IMMEDIATE")
        (mark,) = database.execute("PRAGMA application_id").fetchone()
        if mark == APPLICATION_ID:
            return
        if mark or database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            raise ConfigurationError(f"{path} is a database of something else: name another file")
        for statement in _statements(SCHEMA):
            database.execute(statement)
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _statements(script: str) -> Iterator[str]:
    """The statements of a script; `executescript` would commit before it begins."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _clean(text: str) -> str:
    """A text that SQLite can keep: lone surrogates and NUL replaced."""
    return text.encode("utf-8", "replace").decode().replace("\0", " ").strip()


def _fused(rankings: Sequence[Sequence[int]]) -> list[int]:
    """One ranking of several: what stands high in any stands high; of equals, what the first ranking has."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, number in enumerate(ranking):
            scores[number] = scores.get(number, 0.0) + 1 / (RANK + rank)
    return sorted(scores, key=lambda number: -scores[number])


def _among(numbers: Sequence[int]) -> str:
    return f"WHERE id IN ({', '.join('?' * len(numbers))})"


def _found(row: Sequence[Any]) -> Found:
    number, text, moment, run_id = row
    return Found(number, text, time.strftime("%Y-%m-%d", time.gmtime(moment)), run_id)
