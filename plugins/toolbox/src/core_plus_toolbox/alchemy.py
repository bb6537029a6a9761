"""Any database that SQLAlchemy knows; PostgreSQL also to read only."""

from __future__ import annotations

import contextlib
import decimal
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, Final

from core_plus import ConfigurationError
from core_plus_toolbox.failures import ToolboxError

_CURSOR: Final = "core_plus_query"


class Alchemy:
    """A database behind a connection string. Each call has a connection of its own, and leaves nothing to the next.

    A reader of PostgreSQL works in a transaction that is read only, by a cursor: `DECLARE … CURSOR FOR` takes a query
    and nothing else, and a prepared statement is a single one
    (https://www.postgresql.org/docs/current/sql-declare.html, …/sql-set-transaction.html). Functions that reach beyond
    the database (pg_read_file, lo_export, dblink) are a matter of the user's rights: give a reader few.

    Args:
        url: What SQLAlchemy calls a database URL.
        read_only: Whether nothing may be changed.
        timeout: Seconds for a statement.

    Raises:
        ConfigurationError: It can't be used, or can't be kept from changing things.
    """

    def __init__(self, url: str, read_only: bool, timeout: float) -> None:
        sqlalchemy: Any = import_module("sqlalchemy")  # the extra "sql"
        try:
            address = sqlalchemy.make_url(url)
            if address.drivername == "postgresql":
                address = address.set(drivername="postgresql+psycopg")
            kind, driver = address.get_backend_name(), address.get_driver_name()
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise ConfigurationError(
                "the address of the database can't be read: kind://user:password@host/name"
            ) from error
        if read_only and (kind, driver) != ("postgresql", "psycopg"):
            raise ConfigurationError(
                f"{kind}+{driver} can't be kept from changing things here, only sqlite and postgresql+psycopg can: "
                "give it a user who may only read, and read_only=False"
            )
        more: dict[str, Any] = {}
        if kind == "postgresql" and driver == "psycopg":
            options = f"-c statement_timeout={int(timeout * 1000)}"
            options += " -c default_transaction_read_only=on" if read_only else ""
            # Prepared from the first time on: the simple protocol would take several statements at once.
            more = {
                "connect_args": {"options": options, "prepare_threshold": 0, "connect_timeout": max(2, int(timeout))}
            }
        self._engine = sqlalchemy.create_engine(
            address, poolclass=sqlalchemy.pool.NullPool, hide_parameters=True, **more
        )
        self._read_only = read_only

    def query(self, sql: str, most: int) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        """Column names and rows."""
        with self._connection() as connection:
            if self._read_only:
                connection.exec_driver_sql("SET TRANSACTION READ ONLY")
                connection.exec_driver_sql(f"DECLARE {_CURSOR} NO SCROLL CURSOR FOR {_doubled(sql)}")
                result = connection.exec_driver_sql(f"FETCH {int(most)} FROM {_CURSOR}")
            else:
                result = connection.exec_driver_sql(_doubled(sql))
            if not result.returns_rows:
                connection.commit()  # a reader's FETCH always has rows; what it did is rolled back
                return ["changed_rows"], [[result.rowcount]]
            names, rows = [*result.keys()], [[_plain(value) for value in row] for row in result.fetchmany(most)]
            if not self._read_only:
                connection.commit()
            return names, rows

    def schema(self) -> str:
        """The tables with their columns and keys."""
        sqlalchemy: Any = import_module("sqlalchemy")
        with self._connection() as connection:
            inspector = sqlalchemy.inspect(connection)
            lines = list[str]()
            for table in [*inspector.get_table_names(), *inspector.get_view_names()]:
                columns = [f"{one['name']} {one['type']}" for one in inspector.get_columns(table)]
                keys = [
                    f"({', '.join(one['constrained_columns'])}) -> {one['referred_table']}"
                    for one in inspector.get_foreign_keys(table)
                ]
                lines.append(f"{table}({', '.join(columns)}){'; ' if keys else ''}{', '.join(keys)}")
        return "\n".join(lines)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Any]:
        sqlalchemy: Any = import_module("sqlalchemy")
        try:
            with self._engine.connect() as connection:
                yield connection
        except sqlalchemy.exc.DBAPIError as error:
            said = " ".join(str(error.orig).split())
            raise ToolboxError(f"the database says: {said[:1000]}") from None  # its own text may hold the address
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise ToolboxError(f"the database can't be used: {type(error).__name__}") from None


def _doubled(sql: str) -> str:
    """A statement as drivers want it that look for their own parameters in it."""
    return sql.replace("%", "%%")


def _plain(value: Any) -> Any:
    """A value that data can carry."""
    known = (str, int, float, bool, bytes, decimal.Decimal, list, dict, type(None))
    if isinstance(value, memoryview):
        return bytes(value)
    return value if isinstance(value, known) or hasattr(value, "isoformat") else str(value)
