"""Databases: SQLite and PostgreSQL refuse to change anything, whatever the statement; a query has an end."""

from __future__ import annotations

import contextlib
import decimal
import importlib.util
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from core_plus import CodeAgent, ConfigurationError, Host, ModelResponse, message
from core_plus_toolbox import SqlQueryTool, SqlSchemaTool, ToolboxError, sql


@pytest.fixture
def path(tmp_path):
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute("CREATE TABLE sales (id INTEGER PRIMARY KEY, item TEXT, price REAL)")
        connection.executemany(
            "INSERT INTO sales (item, price) VALUES (?, ?)", [(f"item {n}", n / 2) for n in range(50)]
        )
        connection.execute("CREATE INDEX by_item ON sales (item)")
        connection.execute("CREATE VIEW dear AS SELECT * FROM sales WHERE price > 20")
    connection.close()
    return tmp_path / "shop.db"


@pytest.fixture
def query(path):
    return SqlQueryTool(f"sqlite:///{path}", timeout=20)


def test_a_query_gives_its_rows_as_data(query):
    assert query("SELECT item, price FROM sales WHERE id = 3") == {
        "columns": ["item", "price"],
        "rows": [{"item": "item 2", "price": 1.0}],
        "more": False,
    }


def test_no_more_rows_are_given_than_wanted_and_it_is_said(path):
    found = SqlQueryTool(str(path), max_rows=5)("SELECT id FROM sales")
    assert (len(found["rows"]), found["more"]) == (5, True)


def test_columns_of_one_name_are_told_apart(query):
    assert query("SELECT 1 AS a, 2 AS a, 3 AS a_2")["columns"] == ["a", "a_2", "a_2_2"]


def test_the_schema_says_what_there_is(path):
    assert "CREATE TABLE sales (id INTEGER" in SqlSchemaTool(str(path))()
    assert "CREATE VIEW dear" in SqlSchemaTool(str(path))()


WRITES = [
    "INSERT INTO sales (item) VALUES ('x')",
    "UPDATE sales SET price = 0",
    "DELETE FROM sales",
    "WITH gone AS (SELECT 1) DELETE FROM sales",
    "DROP TABLE sales",
    "CREATE TABLE t (a)",
    "CREATE TEMP TABLE t (a)",
    "CREATE TRIGGER t AFTER INSERT ON sales BEGIN SELECT 1; END",
    "ALTER TABLE sales RENAME TO other",
    "REPLACE INTO sales (id) VALUES (1)",
    "VACUUM",
    "VACUUM INTO '{folder}/copy.db'",
    "ATTACH '{folder}/new.db' AS other",
    "ATTACH '{folder}/secret.db' AS other",
    "ATTACH ':memory:' AS other",
    "DETACH main",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA query_only = OFF",
    "PRAGMA writable_schema = ON",
    "PRAGMA user_version = 7",
    "PRAGMA temp_store_directory = '/tmp'",
    "REINDEX",
    "ANALYZE",
    "BEGIN IMMEDIATE",
    "SAVEPOINT s",
    "SELECT load_extension('/tmp/evil.so')",
    "SELECT 1; DELETE FROM sales",
    "EXPLAIN DELETE FROM sales; DELETE FROM sales",
    "/* SELECT */ DELETE FROM sales",
    "SELECT writefile('{folder}/x', 'y')",
]


@pytest.mark.parametrize("statement", WRITES)
def test_sqlite_refuses_whatever_would_change_something_or_reach_another_file(statement, query, path):
    before, files = path.read_bytes(), {one.name for one in path.parent.iterdir()}
    with pytest.raises(ToolboxError, match="SQLite says"):
        query(statement.format(folder=path.parent))
    assert path.read_bytes() == before
    assert {one.name for one in path.parent.iterdir()} == files


def test_facts_about_tables_may_be_asked_for(query):
    assert [row["name"] for row in query("PRAGMA table_info(sales)")["rows"]] == ["id", "item", "price"]
    assert query("SELECT count(*) AS n FROM pragma_table_info('sales')")["rows"] == [{"n": 3}]
    assert query("EXPLAIN QUERY PLAN SELECT * FROM sales")["rows"]
    assert query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<5) SELECT sum(i) s FROM n")[
        "rows"
    ] == [{"s": 15}]


def test_tables_of_functions_can_be_read(query):
    assert query("SELECT value FROM json_each('[1, 2]')")["rows"] == [{"value": 1}, {"value": 2}]


def test_a_query_without_end_is_stopped(path):
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(ToolboxError, match=r"longer than 0\.3 seconds"):
        SqlQueryTool(str(path), timeout=0.3)(endless)


def test_a_value_that_would_fill_the_memory_is_refused(query):
    with pytest.raises(ToolboxError, match="too big"):
        query("SELECT hex(randomblob(1000000000))")


def test_whoever_allows_it_may_write(path):
    query = SqlQueryTool(str(path), read_only=False)
    query("DELETE FROM sales WHERE id > 10")
    assert query("SELECT count(*) AS n FROM sales")["rows"] == [{"n": 10}]
    assert (query.effect, SqlQueryTool(str(path)).effect) == ("write", "read")


def test_a_mistake_is_told_in_the_databases_words(query):
    with pytest.raises(ToolboxError, match="no such column: cost"):
        query("SELECT cost FROM sales")


def test_a_database_that_is_not_there_is_not_made(tmp_path, monkeypatch):
    monkeypatch.delenv("CORE_PLUS_SQL", raising=False)
    with pytest.raises(ConfigurationError, match="there is no database"):
        SqlQueryTool(f"sqlite:///{tmp_path}/gone.db")
    assert not (tmp_path / "gone.db").exists()
    with Host() as host, pytest.raises(ConfigurationError, match=r"tool\.sql_query"):
        host.tools("sql_query")


def test_a_path_with_odd_letters_is_that_file(tmp_path):
    odd = tmp_path / "a?mode=rwc#b %41.db"
    sqlite3.connect(odd).close()
    assert SqlQueryTool(str(odd))("SELECT 1 AS one")["rows"] == [{"one": 1}]


def test_the_database_may_stand_in_the_environment(path, monkeypatch):
    monkeypatch.setenv("CORE_PLUS_SQL", f"sqlite:///{path}")
    with Host() as host:
        assert [tool.name for tool in host.tools("sql")] == ["sql_query", "sql_schema"]


def test_an_agent_asks_the_database_that_its_host_names(path):
    code = "<code>\nrows = sql_query('SELECT sum(price) AS s FROM sales')['rows']\nfinal_answer(rows[0]['s'])\n</code>"

    class Says:
        def forward(self, request):
            return ModelResponse(message("assistant", code))

    with Host(config={"tool.sql": {"url": f"sqlite:///{path}"}}) as host:
        result = CodeAgent(model=Says(), tools=["sql"], host=host, executor="subprocess").run("go")
    assert result.output == 612.5


# ---- PostgreSQL -------------------------------------------------------------------

needs_alchemy = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("sqlalchemy", "psycopg")),
    reason="the extra sql isn't installed here",
)


@needs_alchemy
@pytest.mark.parametrize(
    "url", ["mysql+pymysql://u:s3cret@h/d", "postgresql+psycopg2://u:s3cret@h/d", "oracle://u:s3cret@h"]
)
def test_a_database_that_cannot_be_kept_from_changing_things_is_refused(url):
    with pytest.raises(ConfigurationError, match=r"can't be kept from|can't be read") as caught:
        SqlQueryTool(url)
    assert "s3cret" not in str(caught.value)


def test_without_the_extra_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"core-plus-toolbox\[sql\]"):
        SqlQueryTool("postgresql://u:p@h/d")


@pytest.fixture(scope="module")
def postgres():
    """A server of its own, as its strongest user, on a socket in a folder of its own."""
    if shutil.which("initdb") is None or sys.platform == "win32":
        pytest.skip("PostgreSQL isn't installed here")
    as_user = {"user": "postgres"} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    folder.chmod(0o777)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/", **as_user}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    subprocess.run(["initdb", "-D", f"{folder}/data", "-A", "trust", "-U", "boss", "--no-sync"], check=True, **quiet)
    command = ["postgres", "-D", f"{folder}/data", "-p", str(port), "-k", "", "-c", "listen_addresses=127.0.0.1", "-F"]
    server = subprocess.Popen(command, **quiet)
    try:
        limit = time.monotonic() + 60
        while time.monotonic() < limit:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"postgresql://boss@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def table(postgres):
    """The address of a database with a table."""
    write = SqlQueryTool(postgres, read_only=False)
    for _ in range(100):
        try:
            write("SELECT 1 AS one")
            break
        except ToolboxError:
            time.sleep(0.2)  # it listens before it is ready
    write("CREATE TABLE sales (id serial PRIMARY KEY, item text, price numeric(8,2), at date, raw bytea)")
    write(
        "INSERT INTO sales (item, price, at, raw) "
        "SELECT 'item%' || n, n, DATE '2024-01-01' + n, 'x' FROM generate_series(1, 50) n"
    )
    return postgres


CHANGES = [
    "INSERT INTO sales (item) VALUES ('x')",
    "DELETE FROM sales",
    "DROP TABLE sales",
    "CREATE TEMP TABLE t (a int)",
    "SELECT * INTO copied FROM sales",
    "WITH gone AS (DELETE FROM sales RETURNING *) SELECT * FROM gone",
    "SELECT 1; DELETE FROM sales",
    "SELECT 1; COMMIT; DELETE FROM sales",
    "COMMIT",
    "COMMIT; SET default_transaction_read_only = off; DELETE FROM sales",
    "ROLLBACK; BEGIN READ WRITE; DELETE FROM sales; COMMIT",
    "SET TRANSACTION READ WRITE",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
    "SELECT set_config('transaction_read_only', 'off', false)",
    "SELECT nextval('sales_id_seq')",
    "SELECT * FROM sales FOR UPDATE",
    "COPY sales TO '/tmp/core-plus-test-copy'",
    "COPY (SELECT 1) TO PROGRAM 'touch /tmp/core-plus-test-copy'",
    "DO $$ BEGIN DELETE FROM sales; END $$",
    "DO $$ BEGIN COMMIT; DELETE FROM sales; END $$",
    "CALL pg_catalog.pg_sleep(0)",
    "TRUNCATE sales",
    "VACUUM sales",
    "ALTER SYSTEM SET work_mem = '1MB'",
    "NOTIFY somebody",
    "PREPARE p AS DELETE FROM sales",
    "CLOSE core_plus_query",
    "SELECT 1 -- \n; DELETE FROM sales",
    "EXPLAIN ANALYZE DELETE FROM sales",
]


@needs_alchemy
@pytest.mark.slow
@pytest.mark.parametrize("statement", CHANGES)
def test_postgresql_refuses_whatever_would_change_something(statement, table):
    with pytest.raises(ToolboxError, match="the database says"):
        SqlQueryTool(table)(statement)
    assert SqlQueryTool(table)("SELECT count(*) AS n FROM sales")["rows"] == [{"n": 50}]
    assert not Path("/tmp/core-plus-test-copy").exists()


@needs_alchemy
@pytest.mark.slow
def test_what_a_function_of_postgresql_changes_all_the_same_is_rolled_back(table):
    with contextlib.suppress(ToolboxError):
        SqlQueryTool(table)("SELECT lo_create(0)")  # refused from PostgreSQL 16 on
    assert SqlQueryTool(table)("SELECT count(*) AS n FROM pg_largeobject_metadata")["rows"] == [{"n": 0}]


@needs_alchemy
@pytest.mark.slow
def test_what_postgresql_gives_is_data(table):
    import datetime

    tools = {tool.name: tool for tool in sql(table, max_rows=2)}
    found = tools["sql_query"](
        "SELECT item, price, at, raw, ARRAY[1,2] AS list FROM sales WHERE item LIKE 'item%' ORDER BY id"
    )
    assert found["rows"][0] == {
        "item": "item%1",
        "price": decimal.Decimal("1.00"),
        "at": datetime.date(2024, 1, 2),
        "raw": b"x",
        "list": [1, 2],
    }
    assert (len(found["rows"]), found["more"]) == (2, True)
    assert "sales(id INTEGER, item TEXT, price NUMERIC(8, 2), at DATE, raw BYTEA)" in tools["sql_schema"]()


@needs_alchemy
@pytest.mark.slow
def test_a_query_of_postgresql_without_end_is_stopped(table):
    with pytest.raises(ToolboxError, match="statement timeout"):
        SqlQueryTool(table, timeout=0.3)("SELECT pg_sleep(60)")


@needs_alchemy
@pytest.mark.slow
def test_a_password_stands_in_no_error(postgres):
    url = postgres.replace("boss@", "nobody:s3cret@")
    with pytest.raises(ToolboxError) as caught:
        SqlQueryTool(url)("SELECT 1")
    assert "s3cret" not in repr(caught.value) + repr(caught.value.__cause__) + repr(vars(SqlQueryTool(url)))
