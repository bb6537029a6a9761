"""Sandboxes for the tests: with namespaces and without."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core_plus.executors import Done, Limits, Session, Setup
from core_plus_sandbox import SandboxExecutor
from core_plus_sandbox.machine import lacking

FORMS = {"namespaces": (), "no namespaces": ("namespaces",)}


def need(form: str) -> tuple[str, ...]:
    """The walls that a form leaves out; a machine that can't have it skips the test."""
    lack = lacking(FORMS[form])
    if lack:
        pytest.skip(lack)
    return FORMS[form]


@pytest.fixture(scope="session", autouse=True)
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where sandboxes of these tests have their folders: apart from other tests, and passable for every user."""
    tmp_path_factory.getbasetemp()  # pytest's own folders are elsewhere
    folder = Path(tempfile.mkdtemp(prefix="sandbox-tests-"))
    folder.chmod(0o711)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))
        patch.setenv("TMPDIR", str(folder))
        yield folder
    assert list(folder.iterdir()) == []
    folder.rmdir()


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    """Each of the two forms of a sandbox."""
    need(request.param)
    return str(request.param)


@pytest.fixture
def executor_of() -> Iterator[Callable[..., SandboxExecutor]]:
    """Makes executors of a form, by their settings, and closes them."""
    made: list[SandboxExecutor] = []

    def make(form: str = "no namespaces", **settings: Any) -> SandboxExecutor:
        made.append(SandboxExecutor(leave_out=need(form), **settings))
        return made[-1]

    yield make
    for executor in made:
        executor.close()


@pytest.fixture(scope="session")
def _shared(folders: Path) -> Iterator[dict[str, SandboxExecutor]]:
    executors = {form: SandboxExecutor(leave_out=walls) for form, walls in FORMS.items()}
    yield executors
    for executor in executors.values():
        executor.close()


@pytest.fixture
def shared(form: str, _shared: dict[str, SandboxExecutor]) -> SandboxExecutor:
    """An executor of each of the two forms, for tests that do it no harm."""
    return _shared[form]


@pytest.fixture
def shared_of(_shared: dict[str, SandboxExecutor]) -> Callable[[str], SandboxExecutor]:
    """Gives the executor of one form, for tests that do it no harm."""

    def shared_of_(form: str) -> SandboxExecutor:
        need(form)
        return _shared[form]

    return shared_of_


@pytest.fixture
def session(shared: SandboxExecutor) -> Iterator[Session]:
    """A session in each of the two forms."""
    session = shared.open(Setup(limits=Limits(seconds=20.0, memory=400 << 20)))
    yield session
    session.close()


def run(session: Session, code: str) -> Done:
    """Run code that calls nobody."""
    done = session.start(code)
    assert isinstance(done, Done)
    return done


@pytest.fixture(name="run")
def run_() -> Callable[[Session, str], Done]:
    """Runs code that calls nobody."""
    return run


@pytest.fixture
def value() -> Callable[[Session, str], Any]:
    """What code that must end well gives."""

    def value_(session: Session, code: str) -> Any:
        done = run(session, code)
        assert done.error is None, done.error
        return done.value

    return value_


@pytest.fixture
def left(folders: Path) -> Callable[[], tuple[list[str], list[int], list[str]]]:
    """What this process has: descriptors, processes, folders of sandboxes."""

    def left_() -> tuple[list[str], list[int], list[str]]:
        descriptors = sorted(path.name for path in Path("/proc/self/fd").iterdir())
        return descriptors, children(os.getpid()), sorted(path.name for path in folders.iterdir())

    return left_


@pytest.fixture(name="children")
def children_() -> Callable[[int], list[int]]:
    """Gives the processes that a process started."""
    return children


def children(pid: int) -> list[int]:
    """The processes that a process started, and those that they started."""
    found: list[int] = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in file.read_text().split():
            found += [int(child), *children(int(child))]
    return sorted(found)
