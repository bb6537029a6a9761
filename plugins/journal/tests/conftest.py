"""Fixtures of the journal's tests. The doubles stand in journal_doubles.py: `from journal_doubles import Told`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from core_plus import Host

sys.path.insert(0, str(Path(__file__).parent))  # pytest's importlib mode puts no folder of tests there


@pytest.fixture
def host():
    with Host(only=["core-plus-journal"]) as made:
        yield made


@pytest.fixture
def store():
    from core_plus_journal.memory import MemoryStore

    return MemoryStore()


@pytest.fixture
def world():
    from journal_doubles import World

    return World()


@pytest.fixture(scope="session")
def worker():
    from journal_executors import WorkerExecutor

    made = WorkerExecutor()
    yield made
    made.close()
