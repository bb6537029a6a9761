"""Tools for a database: its tables, and queries that only read unless more is allowed."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from typing import Any, Protocol, TypedDict

from core_plus import ConfigurationError, Secret, Tool


class QueryResult(TypedDict):
    """What a query gave.

    Args:
        columns: The columns' names.
        rows: The rows, each a dict by column.
        more: Whether there were more rows than are given.
    """

    columns: list[str]
    rows: list[dict[str, Any]]
    more: bool


class Database(Protocol):
    """How a kind of database is asked. A call has a connection of its own, and a time limit."""

    def query(self, sql: str, most: int) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        """Column names, and no more rows than `most`.

        Args:
            sql: One statement.
            most: Rows.

        Raises:
            ToolboxError: The database refused it.
        """

    def schema(self) -> str:
        """The tables with their columns, as SQL or in words."""


def opened(url: str, read_only: bool, timeout: float) -> Database:
    """The database that a connection string names.

    Args:
        url: "sqlite:///file.db", a path to a file of SQLite, or any that SQLAlchemy knows.
        read_only: Whether the database itself shall refuse to change anything.
        timeout: Seconds for a statement.

    Raises:
        ConfigurationError: It can't be used, or can't be kept from changing things.
    """
    if "://" not in url or url.startswith("sqlite://"):
        from core_plus_toolbox.sqlite import SQLite

        return SQLite(url.removeprefix("sqlite:///"), read_only, timeout)
    kind = url.partition(":")[0]
    needed = ["sqlalchemy", *(["psycopg"] if kind in ("postgresql", "postgresql+psycopg") else [])]
    if any(importlib.util.find_spec(name) is None for name in needed):
        raise ConfigurationError(f"{kind} databases need SQLAlchemy: pip install 'core-plus-toolbox[sql]'")
    from core_plus_toolbox.alchemy import Alchemy

    return Alchemy(url, read_only, timeout)


class SqlQueryTool(Tool):
    """Asks a database. It is opened to read only, and the database itself sees to that.

    Args:
        url: "sqlite:///file.db", a path to a file of SQLite, or any that SQLAlchemy knows (the extra "sql"); else
            CORE_PLUS_SQL.
        read_only: Whether nothing may be changed.
        max_rows: Rows to give at the most.
        timeout: Seconds for a statement.
        database: Used instead of what the address names.

    Raises:
        ConfigurationError: The database isn't there, or can't be kept from changing things.
    """

    name = "sql_query"

    def __init__(
        self,
        url: str | Secret = "",
        *,
        read_only: bool = True,
        max_rows: int = 1000,
        timeout: float = 30.0,
        database: Database | None = None,
    ) -> None:
        self._database = database or opened(_address(url, self.name), read_only, timeout)
        self._most = max_rows
        self.effect = "read" if read_only else "write"
        kind = "Ask the database with one SQL statement" if read_only else "Run one SQL statement in the database"
        self.description = f"{kind}; it gives the first {max_rows:,} rows."

    def forward(self, sql: str) -> QueryResult:
        """Ask the database.

        Args:
            sql: One statement, without a semicolon at its end.

        Returns:
            The rows.
        """
        columns, rows = self._database.query(sql, self._most + 1)
        names = _distinct(columns)
        found = [dict(zip(names, row, strict=True)) for row in rows[: self._most]]
        return QueryResult(columns=names, rows=found, more=len(rows) > self._most)


class SqlSchemaTool(Tool):
    """Describes a database. For its arguments see `SqlQueryTool`."""

    name = "sql_schema"
    description = "Describe the database's tables and their columns."
    effect = "read"

    def __init__(self, url: str | Secret = "", *, timeout: float = 30.0, database: Database | None = None) -> None:
        self._database = database or opened(_address(url, self.name), True, timeout)

    def forward(self) -> str:
        """Describe the database.

        Returns:
            The tables.
        """
        return self._database.schema() or "There are no tables."


def sql(url: str | Secret = "", *, read_only: bool = True, max_rows: int = 1000, timeout: float = 30.0) -> list[Tool]:
    """The tools of a database.

    Args:
        url: As for `SqlQueryTool`.
        read_only: Whether nothing may be changed.
        max_rows: Rows to give at the most.
        timeout: Seconds for a statement.

    Raises:
        ConfigurationError: The database isn't there, or can't be kept from changing things.
    """
    database = opened(_address(url, "sql"), read_only, timeout)
    query = SqlQueryTool(read_only=read_only, max_rows=max_rows, database=database)
    return [query, SqlSchemaTool(database=database)]


def _address(url: str | Secret, name: str) -> str:
    text = Secret(url).reveal() or os.environ.get("CORE_PLUS_SQL", "")
    if not text:
        raise ConfigurationError(
            f"{name} must know its database: set CORE_PLUS_SQL, or Host(config={{'tool.{name}': {{'url': 'sqlite:///file.db'}}}})"
        )
    return text


def _distinct(columns: Sequence[str]) -> list[str]:
    """The columns' names, told apart where two are the same."""
    found = list[str]()
    for column in columns:
        name, n = column, 1
        while name in found:
            n += 1
            name = f"{column}_{n}"
        found.append(name)
    return found
