"""What is Monty's own: snapshots, what it lacks, its processes."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Final

import msgspec
import pytest

import core_plus_monty
from core_plus.errors import ExecutorError
from core_plus.executors import Answer, Done, Executor, Limits, Paused, Setup
from core_plus_monty import MontyExecutor, MontySession

HOST = """
import sys
from core_plus.executors import Limits, Setup
from core_plus_monty import MontyExecutor
session = MontyExecutor(spare=0).open(Setup(limits=Limits(seconds=1)))
sys.stdout.write(str(session._engine.worker.worker_pid) + chr(10))
sys.stdout.flush()
session.start("while True: pass")
"""

ODD: Final = {
    "brackets": "(" * 50_000,
    "signs": "-" * 100_000 + "1",
    "assignments": "x = " * 5_000,
    "attributes": "a." * 50_000 + "a",
    "a null": "\0",
    "a long name": "ü" * 2_000_000,
}


@dataclasses.dataclass
class Point:
    x: int
    names: list[str]


@pytest.fixture(scope="module")
def executor() -> Iterator[MontyExecutor]:
    made = MontyExecutor()
    yield made
    made.close()


def done(session: MontySession, code: str) -> Done:
    turn = session.start(code)
    assert isinstance(turn, Done)
    return turn


def value(session: MontySession, code: str) -> object:
    end = done(session, code)
    assert end.error is None, end.error
    return end.value


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def pid_of(session: MontySession) -> int:
    assert session._engine is not None
    pid = session._engine.worker.worker_pid
    assert pid is not None
    return pid


def test_it_is_a_sandbox_that_says_which_modules_it_has(executor):
    one: Executor = executor
    assert (one.name, one.is_sandbox) == ("monty", True)
    session = executor.open(Setup())
    for module in executor.imports:
        assert done(session, f"import {module}").error is None, module
    session.close()


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        ("class A(B): pass", "NotImplementedError", "class inheritance and metaclasses can't be run here: this"),
        ("del x", "NotImplementedError", "the 'del' statement can't be run here: .*write it another way"),
        ("import numpy", "ModuleNotFoundError", "'numpy' in this executor, which has only: asyncio, .*unicodedata$"),
        ("bytearray(3)", "NameError", "'bytearray' is not defined: this executor runs a part of Python"),
        ("import sys\nsys.exit(1)", "AttributeError", "no attribute 'exit' in this executor: write it another way"),
        ("sorted([1], key=f)", "NotImplementedError", r"f\(\) can't be called by map, .* call it in a loop"),
    ],
)
def test_what_it_cant_run_is_named_in_one_line(executor, code, kind, text):
    session = executor.open(Setup(functions=("f",)))
    error = done(session, code).error
    assert error is not None
    assert error.kind == kind
    assert "\n" not in error.message
    with pytest.raises(ValueError, match=text):
        raise ValueError(error.message)
    session.close()


def test_a_session_is_written_down_and_goes_on_elsewhere(executor):
    setup = Setup(functions=("f",), variables={"given": 1}, limits=Limits(seconds=5))
    first = executor.open(setup)
    value(first, "given = 2\ndef twice(n): return f(n) * 2\nown = [given]\nown.append(own[0])")
    data = first.snapshot()
    value(first, "own = None")
    other = MontyExecutor(spare=0)
    second = other.restore(data, setup)
    assert value(second, "[given, own]") == [2, [2, 2]]
    turn = second.start("twice(4)")
    assert isinstance(turn, Paused)
    end = second.resume([Answer(1, turn.requests[0].args[0])])
    assert isinstance(end, Done)
    assert end.value == 8
    error = done(second, "\nunknown").error
    assert error is not None
    assert error.line == 2
    for session in (first, second):
        session.close()
    other.close()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda data: b"", "no snapshot of the executor 'monty'"),
        (lambda data: b"\x93\x01", "no snapshot"),
        (lambda data: changed(data, 0, "other 1"), "no snapshot"),
        (lambda data: changed(data, 1, "0.1"), "of pydantic-monty 0.1; here is .*: run the code again"),
        (lambda data: changed(data, 2, b"rubbish"), "the session can't be restored"),
        (lambda data: changed(data, 4, 7.0), "holds limits.seconds=7.0, which can't be changed to 5"),
    ],
)
def test_what_cant_be_restored_says_why(executor, change, text):
    setup = Setup(limits=Limits(seconds=5))
    session = executor.open(setup)
    data = session.snapshot()
    session.close()
    with pytest.raises(ExecutorError, match=text):
        executor.restore(change(data), setup)


def changed(data, place, new):
    fields = msgspec.msgpack.decode(data)
    fields[place] = new
    return msgspec.msgpack.encode(fields)


def test_a_snapshot_is_made_between_snippets_only(executor):
    session = executor.open(Setup(functions=("f",)))
    session.start("f()")
    with pytest.raises(ExecutorError, match="still running"):
        session.snapshot()
    session.close()


def test_a_snapshot_that_doesnt_fit_in_memory_is_told(executor):
    session = executor.open(Setup(variables={"given": 1}, limits=Limits(memory=60 << 20)))
    value(session, "x = 'a' * 30_000_000\n0")
    with pytest.raises(ExecutorError, match=r"can't be saved, and all variables are lost.*raise limits.memory"):
        session.snapshot()
    assert value(session, "given") == 1
    session.close()


@pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal that Windows hasn't")
def test_a_worker_that_is_killed_is_told_and_replaced(executor):
    session = executor.open(Setup(functions=("f",), variables={"given": 5}))
    value(session, "own = 1")
    turn = session.start("print('before')\nf()")
    assert isinstance(turn, Paused)
    os.kill(pid_of(session), signal.SIGKILL)
    end = session.resume([Answer(1)])
    assert isinstance(end, Done)
    assert end.error is not None
    assert (end.error.kind, end.error.lost, end.stdout) == ("Lost", "all variables", "before\n")
    assert value(session, "given") == 5
    error = done(session, "own").error
    assert error is not None
    assert error.kind == "NameError"
    session.close()


@pytest.mark.skipif(sys.platform == "win32", reason="looks for processes as POSIX has them")
def test_closing_leaves_no_process():
    executor = MontyExecutor(spare=2)
    one, two, left = (executor.open(Setup(functions=("f",))) for _ in range(3))
    pids = [pid_of(session) for session in (one, two, left)]
    one.close()
    two.start("f()")
    two.close()
    left.start("f()")
    executor.close()
    executor.close()
    deadline = time.monotonic() + 10
    while any(map(is_alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(map(is_alive, pids))
    with pytest.raises(ExecutorError, match="closed"):
        executor.open(Setup())


@pytest.mark.skipif(sys.platform == "win32", reason="looks for processes as POSIX has them")
def test_the_work_of_a_host_that_was_killed_ends_at_its_time_limit():
    host = subprocess.Popen([sys.executable, "-c", HOST], stdout=subprocess.PIPE, text=True)
    assert host.stdout is not None
    with host, host.stdout as said:
        worker = int(said.readline())
        time.sleep(0.1)
        host.kill()
    deadline = time.monotonic() + 20
    while is_alive(worker) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(worker)


def test_memory_is_limited_where_nobody_named_a_limit():
    executor = MontyExecutor(memory=20 << 20)
    session = executor.open(Setup())
    error = done(session, "x = 'a' * 100_000_000").error
    assert error is not None
    assert (error.kind, "20,971,520 bytes" in error.message) == ("MemoryLimit", True)
    assert value(session, "len('a' * 1000)") == 1000
    session.close()
    executor.close()


def test_a_value_that_is_small_in_monty_and_vast_when_written_down_stays_there(executor):
    session = executor.open(Setup(functions=("f",), limits=Limits(result=1 << 20, seconds=10)))
    code = "x = [0] * 10\nfor i in range(40): x = [x] * 10\n"
    assert "more than the 1,048,576 that may leave the code" in str(done(session, f"{code}x").value)
    assert value(session, "try:\n    f(x)\nexcept ValueError as error:\n    text = str(error)\n'f()' in text") is True
    end = done(session, "final_answer(x)")
    assert end.error is not None
    assert not end.is_final
    session.close()


def test_what_monty_has_no_type_for_is_refused_by_name(executor):
    with pytest.raises(ExecutorError, match=r"the variable 'b' can't be given .* no type for range"):
        executor.open(Setup(variables={"a": 1, "b": range(3)}))
    with pytest.raises(ExecutorError, match="'c' can't be given to the code: text with half a surrogate pair"):
        executor.open(Setup(variables={"c": ["\ud800"]}))
    session = executor.open(Setup(functions=("f",)))
    session.start("try:\n    f()\nexcept ToolError as error:\n    text = str(error)\ntext")
    end = session.resume([Answer(1, object())])
    assert isinstance(end, Done)
    assert "the result of f() can't be given to the code" in str(end.value)
    session.close()


def test_records_of_the_host_have_their_fields(executor):
    session = executor.open(Setup(functions=("f",), variables={"p": Point(1, ["a"])}))
    assert value(session, "p.x, p.names[0]") == (1, "a")
    session.start("f(p).x + 1")
    end = session.resume([Answer(1, Point(5, []))])
    assert isinstance(end, Done)
    assert end.value == 6
    assert value(session, "p")["names"] == ["a"]
    session.close()


def test_code_that_sleeps_too_long_keeps_its_variables(executor):
    session = executor.open(Setup(limits=Limits(seconds=1.5)))
    for code in ("x = 1\nimport time\ntime.sleep(60)", "x = 1\nimport asyncio\nawait asyncio.sleep(60)"):
        began = time.monotonic()
        error = done(session, code).error
        assert time.monotonic() - began < 50
        assert error is not None
        assert (error.kind, error.lost) == ("TimeLimit", "")
        assert value(session, "x") == 1
    session.close()


def test_time_asleep_and_time_at_work_are_one_limit(executor):
    session = executor.open(Setup(limits=Limits(seconds=2)))
    began = time.monotonic()
    error = done(session, "import time\ntime.sleep(1.9)\nwhile True: pass").error
    assert time.monotonic() - began < 3.8  # and not twice the limit
    assert error is not None
    assert error.kind == "TimeLimit"
    session.close()


def test_a_final_answer_counts_even_if_the_code_goes_astray_after_it(executor):
    session = executor.open(Setup(limits=Limits(seconds=0.3)))
    end = done(session, "try:\n    final_answer(42)\nfinally:\n    while True: pass")
    assert (end.value, end.is_final, end.error) == (42, True, None)
    assert "all variables are lost" in end.stderr
    session.close()


@pytest.mark.parametrize(
    "code",
    [
        "try:\n    final_answer(1)\nexcept(BaseException, ValueError)as e:\n    print('no')",
        "try: final_answer(1)\nexcept:print('no')",
        "def ü():\n    try: final_answer('ü')\n    except BaseException as e: print('no')\nü()\nü()",
        "x = 'é'; y = 2\ntry:\n    final_answer(y)\nexcept (ValueError, BaseException): print('no')",
    ],
)
def test_handlers_that_catch_all_are_passed_however_they_are_written(executor, code):
    session = executor.open(Setup())
    end = done(session, code)
    assert (end.is_final, end.stdout, end.error) == (True, "", None)
    session.close()


def test_modules_that_werent_named_cant_be_imported(executor):
    session = executor.open(Setup(imports=("math", "json.*")))
    assert value(session, "import math, json\nfrom math import pi as three\nmath.floor(three)") == 3
    for code in ("import os", "import math, os.path", "from os import path", "def f():\n    import re as math\nf()"):
        error = done(session, code).error
        assert error is not None
        assert (error.kind, "allowed are: math, json.*" in error.message) == ("ImportError", True)
    session.close()


@pytest.mark.parametrize("what", ODD)
def test_odd_code_is_an_error_and_no_crash(executor, what):
    session = executor.open(Setup())
    assert done(session, ODD[what]).error is not None
    assert value(session, "1") == 1
    session.close()


def test_the_plugin_declares_the_executor_and_says_what_it_needs(monkeypatch):
    declared = {}

    def register(name, factory, *, summary, config=None):
        declared[name] = (factory, summary)

    core_plus_monty.register_executors(register)
    factory, summary = declared["monty"]
    assert isinstance(factory(spare=0), MontyExecutor)
    assert (factory.preference > 0, factory.missing(), "a sandbox" in summary) == (True, "", True)
    monkeypatch.setattr("core_plus_monty.presence.PROGRAM", "no such program")
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert "pip install pydantic-monty-runtime" in factory.missing()
    monkeypatch.setattr("core_plus_monty.presence.find_spec", lambda name: None)
    assert "pydantic-monty isn't installed" in factory.missing()
    with pytest.raises(AttributeError, match="no attribute 'Other'"):
        _ = core_plus_monty.Other
    found = [point for point in entry_points(group="core_plus") if point.name == "executor.monty"]
    assert [point.value for point in found] == ["core_plus_monty"]


def test_a_program_that_isnt_there_is_told():
    executor = MontyExecutor(binary="/no/such/monty")
    with pytest.raises(ExecutorError, match=r"can't start: .*install pydantic-monty anew"):
        executor.open(Setup())
