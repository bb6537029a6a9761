"""The executor's own settings, and what it leaves behind."""

import os
import sys
import time
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import core_plus_subprocess
from core_plus.errors import ExecutorError
from core_plus.executors import Done, Executor, Limits, Session, Setup
from core_plus_subprocess import SubprocessExecutor


@pytest.fixture
def make():
    made = []

    def make_(**settings):
        made.append(SubprocessExecutor(**settings))
        return made[-1]

    yield make_
    for executor in made:
        executor.close()


def descriptors() -> list[str]:
    """The open descriptors of this process, where the system tells."""
    return sorted(os.listdir("/proc/self/fd")) if sys.platform == "linux" else []  # noqa: PTH208  # names are enough


def value(session: Session, code: str) -> object:
    done = session.start(code)
    assert isinstance(done, Done)
    assert done.error is None
    return done.value


def test_it_says_that_it_is_no_sandbox(make):
    executor: Executor = make()
    assert (executor.name, executor.is_sandbox) == ("subprocess", False)
    assert executor.imports is None
    assert "NO sandbox" in (SubprocessExecutor.__doc__ or "")


def test_code_sees_no_secret_of_the_host(make, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "secret")
    monkeypatch.setenv("TZ", "UTC")
    session = make(env={"MODE": "test"}).open(Setup())
    env = value(session, "import os\ndict(os.environ)")
    assert isinstance(env, dict)
    assert set(env) <= {"PATH", "HOME", "TMPDIR", "LANG", "LC_CTYPE", "PYTHONHASHSEED", "TZ", "LD_LIBRARY_PATH", "MODE"}
    assert (env["MODE"], env["TZ"]) == ("test", "UTC")
    assert "secret" not in str(env)
    session.close()


def test_each_session_has_an_empty_directory_that_is_removed_with_it(make):
    executor = make()
    one, two = executor.open(Setup()), executor.open(Setup())
    code = "import os\nprint(os.listdir(), file=open('note.txt', 'w'))\n(os.getcwd(), open('note.txt').read())"
    (first, listed), (second, _) = value(one, code), value(two, code)
    assert first != second
    assert listed == "[]\n"
    value(one, "import os\nos.makedirs('a/b')\nopen('a/b/c', 'w').close()\nos.chmod('a/b', 0)\nos.chmod('a', 0o500)")
    for session in (one, two):
        session.close()
    assert not Path(first).exists()
    assert not Path(second).exists()


def test_folders_without_an_end_are_removed_too(make):
    session = make().open(Setup())
    folder = value(session, "import os\nhome = os.getcwd()\nfor _ in range(3000): os.mkdir('d'); os.chdir('d')\nhome")
    session.close()
    assert not Path(str(folder)).exists()


def test_files_outlive_an_interpreter_that_was_lost(make):
    session = make().open(Setup())
    done = session.start("open('kept', 'w').write('x')\nimport os\nos._exit(1)")
    assert isinstance(done, Done)
    assert done.error is not None
    assert value(session, "open('kept').read()") == "x"
    session.close()


def test_a_directory_that_was_given_is_used_and_kept(make, tmp_path):
    session = make(cwd=tmp_path).open(Setup())
    value(session, "open('made', 'w').close()")
    session.close()
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_the_python_on_the_path_is_the_one_that_runs_the_code(make):
    session = make().open(Setup())
    assert value(session, "import shutil, sys\nshutil.which('python3') or sys.executable")
    assert value(session, "import sys\nsys.executable") == sys.executable
    session.close()


def test_its_limits_stand_in_for_those_of_the_session(make):
    session = make(limits=Limits(seconds=0.2)).open(Setup(limits=Limits(seconds=60)))
    done = session.start("while True: pass")
    assert isinstance(done, Done)
    assert done.error is not None
    assert "0.2 s" in done.error.message
    session.close()


@pytest.mark.parametrize(
    ("settings", "limits", "text"),
    [
        ({"python": "/no/python"}, Limits(), "/no/python can't be started.*give the executor python="),
        ({"cwd": "/no/directory"}, Limits(), "can't be started in /no/directory"),
        ({"python": "/bin/true"}, Limits(), "the worker didn't start: it ended: exit status 0"),
        ({"python": "/bin/cat"}, Limits(), "the worker didn't start.*it printed: "),
        ({}, Limits(processes=5), r"can't hold limits.processes=5: leave it None, or use an executor with walls"),
        ({}, Limits(memory=1000), "less than the interpreter itself needs"),
    ],
)
def test_what_cant_start_says_why_and_leaves_nothing(make, settings, limits, text, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = descriptors()
    with pytest.raises(ExecutorError, match=f"(?s){text}"):
        make(**settings).open(Setup(limits=limits))
    assert list(tmp_path.iterdir()) == []
    assert descriptors() == before


def test_a_variable_that_cant_be_sent_is_named(make):
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(
        ExecutorError, match="the variable 'b' can't be given to the code: a value that contains itself"
    ):
        make().open(Setup(variables={"a": 1, "b": loop}))


def test_a_spare_worker_is_used_and_replaced_and_ended(make):
    executor = make(spare=1)
    first = executor.open(Setup())
    (waiting,) = executor._waiting
    second = executor.open(Setup())
    assert value(second, "import os\nos.getpid()") == waiting.process.pid
    (waiting,) = executor._waiting
    os.kill(waiting.process.pid, 9)
    deadline = time.monotonic() + 20
    while waiting.process.is_alive:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    third = executor.open(Setup())
    assert value(third, "1") == 1
    for session in (first, second, third):
        session.close()
    (waiting,) = executor._waiting
    executor.close()
    executor.close()
    assert not waiting.process.is_alive
    with pytest.raises(ExecutorError, match="closed"):
        executor.open(Setup())


def test_the_plugin_declares_the_executor_and_makes_it():
    declared = {}

    def register(name, factory, *, summary, config=None):
        declared[name] = (factory, summary)

    core_plus_subprocess.register_executors(register)
    factory, summary = declared["subprocess"]
    assert isinstance(factory(spare=0), SubprocessExecutor)
    assert "no sandbox" in summary
    with pytest.raises(AttributeError, match="no attribute 'Other'"):
        _ = core_plus_subprocess.Other


def test_the_entry_point_names_kind_and_name():
    found = [point for point in entry_points(group="core_plus") if point.name == "executor.subprocess"]
    assert [point.value for point in found] == ["core_plus_subprocess"]


def test_variables_may_be_given_between_two_snippets():
    session = SubprocessExecutor().open(Setup(variables={"a": 1}))
    try:
        assert session.start("a").value == 1
        session.assign({"b": [2, b"three"]})
        assert session.start("[a, *b]").value == [1, 2, b"three"]
    finally:
        session.close()


def test_variables_given_later_outlive_the_worker():
    session = SubprocessExecutor().open(Setup(variables={"a": 1}))
    try:
        session.assign({"b": 2})
        assert session.start("import os\nos._exit(1)").error.kind == "Lost"
        session.assign({"c": 3})
        assert session.start("[a, b, c]").value == [1, 2, 3]
    finally:
        session.close()
