"""SQLite, by the standard library: read only by its own means, with an end to every query."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from core_plus import ConfigurationError
from core_plus_toolbox.failures import ToolboxError

STEPS: Final = 10_000
"""Instructions of SQLite's machine between two looks at the clock."""

MOST_TEXT: Final = 20_000_000
"""Bytes of a value, on its way too: `randomblob(2000000000)` would fill the host's memory."""

# What a reader may do. Rows may be "changed", because tables of functions (json_each, FTS5, R*Tree) prepare such
# statements when they are opened; to do it is refused by the file, which is opened to be read. What is left out would
# reach other files or this connection's own: attaching, VACUUM INTO, temporary tables, a PRAGMA that sets something.
_READING: Final = frozenset(
    {
        sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE,
        sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE,
    }
)  # fmt: skip
_FACTS: Final = frozenset(
    {
        "collation_list", "compile_options", "data_version", "database_list", "encoding", "foreign_key_list",
        "function_list", "index_info", "index_list", "index_xinfo", "page_count", "page_size", "table_info",
        "table_list", "table_xinfo",
    }
)  # fmt: skip


class SQLite:
    """A file of SQLite. It must be there: a name with a slip in it makes no new one.

    A reader opens it with `mode=ro`; beside that SQLite asks for every action of a statement whether it may be done
    (https://www.sqlite.org/c3ref/set_authorizer.html), so that no other file is attached, written or read.

    Args:
        path: The file's.
        read_only: Whether nothing may be changed.
        timeout: Seconds for a statement.

    Raises:
        ConfigurationError: There is no such file.
    """

    def __init__(self, path: str, read_only: bool, timeout: float) -> None:
        self._path, self._read_only, self._timeout = Path(path).expanduser().resolve(), read_only, timeout
        if not self._path.is_file():
            raise ConfigurationError(f"there is no database {str(path)!r}")

    def query(self, sql: str, most: int) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        """Column names and rows."""
        with self._connection() as connection, _explained(self._timeout):
            cursor = connection.execute(sql)
            rows = cursor.fetchmany(most)
            names = [column[0] for column in cursor.description or ()]
            cursor.close()
            if not self._read_only:
                connection.commit()
            return names, rows

    def schema(self) -> str:
        """The statements that made the tables and views."""
        _, rows = self.query("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND type != 'trigger'", 10_000)
        return "\n".join(f"{row[0]};" for row in rows)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        mode = "ro" if self._read_only else "rw"
        address = f"file:{quote(str(self._path))}?mode={mode}"
        with _explained(self._timeout):
            connection = sqlite3.connect(address, uri=True, timeout=self._timeout, check_same_thread=False)
        try:
            until = time.monotonic() + self._timeout
            connection.set_progress_handler(lambda: time.monotonic() > until, STEPS)
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_TEXT)
            if self._read_only:
                connection.set_authorizer(_allowed)
            yield connection
        finally:
            connection.close()


def _allowed(action: int, first: str | None, second: str | None, *_more: str | None) -> int:
    """Whether a reader may do something: SQLite's number of it, and what it is about."""
    if action == sqlite3.SQLITE_PRAGMA:
        return sqlite3.SQLITE_OK if first in _FACTS else sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and second in ("load_extension", "fts3_tokenizer", "readfile", "writefile"):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY


@contextlib.contextmanager
def _explained(timeout: float) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if "interrupted" in str(error):
            raise ToolboxError(f"the query took longer than {timeout:g} seconds and was stopped") from error
        raise ToolboxError(f"SQLite says: {error}") from error
    except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError, MemoryError) as error:
        raise ToolboxError(f"SQLite says: {error}") from error
