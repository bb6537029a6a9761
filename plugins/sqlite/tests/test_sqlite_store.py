"""A SQLite file that holds runs: what a disk, another program or another version may do to it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading

import pytest

from core_plus import Host, JournalError
from core_plus.errors import ConfigurationError
from core_plus_sqlite.store import FORM, SQLiteStore

HEADER = b'{"is":"run","id":"r"}'


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.sqlite"


@pytest.fixture
def store(path):
    with contextlib.closing(SQLiteStore(path)) as made:
        yield made


def written(store, *lines, run_id="r"):
    epoch = store.create(run_id, HEADER)
    for line in lines:
        store.append(run_id, epoch, [line])
    store.release(run_id, epoch)
    store.close()


# ---- the file ---------------------------------------------------------------------


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(JournalError, match=r"nowhere/runs\.sqlite: unable to open.*is its folder there"):
        SQLiteStore(tmp_path / "nowhere" / "runs.sqlite")


def test_a_file_that_is_no_database_is_refused_and_left_alone(path):
    path.write_text("dear diary, " * 100)
    with pytest.raises(JournalError, match=r"runs\.sqlite: file is not a database"):
        SQLiteStore(path)
    assert path.read_text().startswith("dear diary")


def test_a_database_of_something_else_is_refused_and_left_alone(path):
    with contextlib.closing(sqlite3.connect(path)) as base:
        base.execute("CREATE TABLE songs (name)")
        base.commit()
    with pytest.raises(JournalError, match="is a database of something else: give another file"):
        SQLiteStore(path)
    with contextlib.closing(sqlite3.connect(path)) as base:
        assert base.execute("SELECT name FROM sqlite_master").fetchall() == [("songs",)]


def test_a_file_of_a_later_form_is_refused(path, store):
    written(store)
    with contextlib.closing(sqlite3.connect(path)) as base:
        base.execute(f"PRAGMA user_version = {FORM + 1}")
    with pytest.raises(JournalError, match=f"has form {FORM + 1}, this core-plus-sqlite knows {FORM}"):
        SQLiteStore(path)


def test_two_stores_that_make_a_file_at_once_both_have_it(tmp_path):
    for n in range(10):
        path, ready, made = tmp_path / f"{n}.sqlite", threading.Barrier(2), []

        def make(path=path, ready=ready, made=made):
            ready.wait(10)
            made.append(SQLiteStore(path))

        threads = [threading.Thread(target=make) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(made) == 2
        made[0].create("r", HEADER)
        assert [*made[1].read("r")] == [HEADER]
        for one in made:
            one.close()


# ---- damage -----------------------------------------------------------------------


def changed(path, statement, *values):
    with contextlib.closing(sqlite3.connect(path)) as base:
        assert base.execute(statement, values).rowcount >= 1
        base.commit()


def test_a_record_that_was_changed_is_named(path, store):
    written(store, b'{"n":1}', b'{"n":2}', b'{"n":3}')
    changed(path, "UPDATE records SET line = ? WHERE place = 2", b'{"n":9}')
    with (
        contextlib.closing(SQLiteStore(path)) as later,
        pytest.raises(JournalError, match=r"record 2 of run r was damaged"),
    ):
        list(later.read("r"))


def test_a_record_that_is_missing_is_named(path, store):
    written(store, b'{"n":1}', b'{"n":2}', b'{"n":3}')
    changed(path, "DELETE FROM records WHERE place = 1")
    with (
        contextlib.closing(SQLiteStore(path)) as later,
        pytest.raises(JournalError, match=r"record 1 of run r is missing"),
    ):
        list(later.read("r"))


def test_a_run_without_records_is_named(path, store):
    written(store)
    changed(path, "DELETE FROM records")
    with (
        contextlib.closing(SQLiteStore(path)) as later,
        pytest.raises(JournalError, match="run r has lost all its records"),
    ):
        list(later.read("r"))


def test_other_runs_of_a_damaged_file_can_still_be_read(path, store):
    store.release("a", store.create("a", HEADER))
    written(store, b"1")
    changed(path, "UPDATE records SET line = ? WHERE run = 2 AND place = 1", b"x")
    with contextlib.closing(SQLiteStore(path)) as later:
        assert [*later.read("a")] == [HEADER]
        assert {info.id for info in later.runs()} == {"a", "r"}


@pytest.mark.parametrize("at", [0.3, 0.6, 0.95])
def test_a_file_that_was_overwritten_in_the_middle_is_a_clear_error_or_whole(path, store, at):
    written(store, *(b'{"n":%d,"text":"%s"}' % (n, b"x" * 300) for n in range(200)))
    data = bytearray(path.read_bytes())
    place = int(len(data) * at) // 4096 * 4096
    data[place : place + 2000] = os.urandom(2000)
    path.write_bytes(data)
    found: list[bytes] = []
    with contextlib.suppress(JournalError), contextlib.closing(SQLiteStore(path)) as later:
        found += later.read("r")
    assert found in ([], [HEADER, *(b'{"n":%d,"text":"%s"}' % (n, b"x" * 300) for n in range(200))])


@pytest.mark.parametrize("keep", [0, 1, 31, 100, 2000, 4000, 4151, 9000])
def test_a_log_that_was_torn_loses_the_last_writes_only(path, tmp_path, keep):
    """What a machine without power may leave: the write-ahead log is there to some byte."""
    store = SQLiteStore(path)
    epoch = store.create("r", HEADER)
    lines = [b'{"n":%d,"text":"%s"}' % (n, b"x" * 200) for n in range(40)]
    for line in lines:
        store.append("r", epoch, [line])
    log = path.with_name(path.name + "-wal")
    assert log.stat().st_size > keep
    torn = tmp_path / "torn.sqlite"
    torn.write_bytes(path.read_bytes())
    whole = log.read_bytes()
    torn.with_name(torn.name + "-wal").write_bytes(whole[: len(whole) - keep])
    store.close()
    with contextlib.closing(SQLiteStore(torn)) as later:
        found = [*later.read("r")] if later.has("r") else [HEADER]
    assert found == [HEADER, *lines][: len(found)]
    assert len(found) >= len(lines) + 1 - (keep // 200 + 3)


# ---- a disk without room ------------------------------------------------------------


@pytest.fixture
def small(tmp_path):
    """A file system of 256 kB."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("a small file system can be mounted by root on Linux only")
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this machine doesn't let a file system be mounted")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_is_said_and_what_was_kept_is_whole(small):
    with contextlib.closing(SQLiteStore(small / "runs.sqlite")) as store:
        epoch = store.create("r", HEADER)
        kept = [HEADER]

        def write():
            for n in range(1000):
                line = b'{"n":%d,"text":"%s"}' % (n, b"x" * 2000)
                store.append("r", epoch, [line])
                kept.append(line)

        with pytest.raises(JournalError, match=r"runs\.sqlite: .*full: make room, then resume the run"):
            write()
        assert len(kept) > 5
        assert [*store.read("r")] == kept
        with pytest.raises(JournalError):
            store.append("r", epoch, [b"x" * 100_000])


def test_with_room_again_it_goes_on(small):
    ballast = small / "ballast"
    ballast.write_bytes(b"x" * 150_000)
    with contextlib.closing(SQLiteStore(small / "runs.sqlite")) as store:
        epoch = store.create("r", HEADER)
        kept = [HEADER]
        with contextlib.suppress(JournalError):
            for n in range(1000):
                store.append("r", epoch, [b"%d" % n * 500])
                kept.append(b"%d" % n * 500)
        ballast.unlink()
        store.release("r", epoch)
        later = store.claim("r")
        store.append("r", later, [b"on"])
        assert [*store.read("r")] == [*kept, b"on"]


# ---- processes, threads, time ---------------------------------------------------------


def test_a_store_goes_through_a_fork_and_is_another_owner_there(path, store):
    store.create("r", HEADER)
    source = f"""
import os
from core_plus.errors import JournalError
from core_plus_sqlite.store import SQLiteStore
store = SQLiteStore({str(path)!r})
epoch = store.create("own", b"h")
pid = os.fork()
if pid == 0:
    refused = 0
    try:
        store.append("own", epoch, [b"x"])
    except JournalError:
        refused = 1
    try:
        store.claim("own")
    except JournalError:
        refused += 1
    mine = store.create("child", b"h")
    store.append("child", mine, [b"1"])
    os._exit(refused)
_, status = os.waitpid(pid, 0)
store.append("own", epoch, [b"2"])
print(os.WEXITSTATUS(status), [*store.read("own")], [*store.read("child")])
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "2 [b'h', b'2'] [b'h', b'1']"


def test_an_owner_on_another_machine_keeps_its_run_until_it_is_silent_for_long(path, store):
    store.create("r", HEADER)
    changed(path, "UPDATE runs SET owner = ?", "another boot\n1\n5\ntoken\nfar")
    with contextlib.closing(SQLiteStore(path)) as other:
        with pytest.raises(JournalError, match="the run r is in progress: process 1 on far has it"):
            other.claim("r")
        changed(path, "UPDATE runs SET heard = heard - 601")
        assert other.claim("r") == 2
    with pytest.raises(JournalError, match="taken over by another process: nothing was written"):
        store.append("r", 1, [b"stale"])


def test_a_process_number_that_was_given_again_is_another_owner(path, store):
    store.create("r", HEADER)
    text = store._owner.text().split("\n")
    changed(path, "UPDATE runs SET owner = ?", "\n".join([text[0], str(os.getppid()), "12345", "token", "here"]))
    with contextlib.closing(SQLiteStore(path)) as other:
        assert other.claim("r") == 2


def test_what_a_forgotten_store_of_this_process_held_may_be_taken(path):
    SQLiteStore(path).create("r", HEADER)
    import gc

    gc.collect()
    with contextlib.closing(SQLiteStore(path)) as other:
        assert other.claim("r") == 2


def test_who_writes_for_too_long_is_named(path, store):
    store.create("r", HEADER)
    with contextlib.closing(SQLiteStore(path, patience=0.05)) as hasty:
        epoch = hasty.create("s", HEADER)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as base:
            base.execute("BEGIN IMMEDIATE")
            with pytest.raises(JournalError, match="another process has been writing for too long"):
                hasty.append("s", epoch, [b"1"])
            base.execute("ROLLBACK")
        hasty.append("s", epoch, [b"2"])
        assert [*hasty.read("s")] == [HEADER, b"2"]


# ---- settings ---------------------------------------------------------------------


@pytest.mark.parametrize(("durability", "synchronous"), [("process", 1), ("power", 2)])
def test_durability_is_a_setting(path, durability, synchronous):
    with Host(only=["core-plus-sqlite"], config={"store.sqlite": {"durability": durability}}) as host:
        made = host.make("store", "sqlite", str(path))
        assert made._open().execute("PRAGMA synchronous").fetchone() == (synchronous,)
        assert made._open().execute("PRAGMA journal_mode").fetchone() == ("wal",)
        made.close()


def test_a_durability_that_is_none_is_refused(path):
    host = Host(only=["core-plus-sqlite"], config={"store.sqlite": {"durability": "forever"}})
    with host, pytest.raises(ConfigurationError, match=r"durability is 'process' or 'power', not 'forever'"):
        host.make("store", "sqlite", str(path))
