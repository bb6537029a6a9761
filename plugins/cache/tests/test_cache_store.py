"""Answers on disk: how many, how long, by how many at once."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from core_plus_cache import store as module
from core_plus_cache.store import Store


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    made = []

    def make(most=1e9, seconds=None):
        made.append(Store(tmp_path / "answers.sqlite", most, seconds, clock=clock))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_what_is_put_is_found_again_also_after_closing(store):
    kept = store()
    kept.put(b"k", b"v")
    kept.close()
    assert (kept.get(b"k"), kept.get(b"other")) == (b"v", None)
    kept.put(b"k", b"w")
    assert store().get(b"k") == b"w"


def test_an_answer_holds_as_long_as_it_was_said(store, clock):
    kept = store(seconds=60)
    kept.put(b"k", b"v")
    clock.now += 60
    assert kept.get(b"k") == b"v"
    clock.now += 1
    assert kept.get(b"k") is None
    kept.put(b"k", b"w")
    assert kept.get(b"k") == b"w"


def test_it_stays_within_its_size_and_what_was_asked_for_stays(store, clock, tmp_path):
    most = 400_000
    kept = store(most=most)
    kept.put(b"wanted", b"x" * 5000)
    for number in range(200):
        clock.now += module.STALE + 1
        assert kept.get(b"wanted") is not None
        kept.put(b"%d" % number, bytes(5000))
    assert kept.get(b"199") is not None
    assert kept.get(b"0") is None
    assert (tmp_path / "answers.sqlite").stat().st_size < most + 20_000


def test_an_answer_larger_than_all_there_may_be_is_left(store):
    kept = store(most=100_000)
    kept.put(b"small", b"v")
    kept.put(b"large", bytes(200_000))
    assert (kept.get(b"small"), kept.get(b"large")) == (b"v", None)


def test_a_database_that_another_holds_for_too_long_is_done_without(store, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    kept = store()
    kept.put(b"k", b"v")
    other = sqlite3.connect(tmp_path / "answers.sqlite", isolation_level=None)
    other.execute("begin exclusive")
    with caplog.at_level(logging.WARNING, "core_plus.cache"):
        assert kept.get(b"k") == b"v"
        for _ in range(2):
            kept.put(b"l", b"w")
    other.execute("commit")
    other.close()
    assert (kept.get(b"k"), kept.get(b"l")) == (b"v", None)
    assert [record.message.rpartition(": ")[2] for record in caplog.records] == ["database is locked"]


def test_threads_share_it(store):
    kept = store()

    def work(number):
        kept.put(b"%d" % number, b"v%d" % number)
        return kept.get(b"%d" % number)

    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(work, range(200))] == [b"v%d" % number for number in range(200)]


WRITER = """
import pathlib, sys
from core_plus_cache.store import Store

kept, name = Store(pathlib.Path(sys.argv[1]), 1e9, None), sys.argv[2]
for number in range(50):
    kept.put(f"{name}-{number}".encode(), name.encode() * 100)
    assert kept.get(f"{name}-{number}".encode()) == name.encode() * 100
kept.close()
"""


def test_processes_share_it_from_the_first_moment(store, tmp_path):
    path = tmp_path / "answers.sqlite"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, path, name]) for name in "abcd"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0, 0]
    kept = store()
    assert all(kept.get(f"{name}-{number}".encode()) == name.encode() * 100 for name in "abcd" for number in range(50))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_opens_its_own_connection(store):
    kept = store()
    kept.put(b"k", b"v")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            kept.put(b"child", b"v")
            status = 0 if kept.get(b"k") == b"v" else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert kept.get(b"child") == b"v"
