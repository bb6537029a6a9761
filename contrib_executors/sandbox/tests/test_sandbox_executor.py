"""The executor's own settings, what it says of itself, and what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

import core_plus_sandbox
from core_plus.errors import ExecutorError
from core_plus.executors import Done, Executor, Limits, Paused, Setup
from core_plus_sandbox import SandboxExecutor, executor, machine
from core_plus_sandbox.inside.users import usable
from core_plus_sandbox.settings import WALLS
from core_plus_sandbox.zygote import Missing


def test_it_says_that_it_is_a_sandbox_and_which_walls_stand(executor_of, form):
    made: Executor = executor_of(form)
    assert (made.name, made.is_sandbox, made.imports) == ("sandbox", True, None)
    assert ("namespaces" in made.walls) is (form == "namespaces")
    assert {"seccomp", "rlimits"} <= set(made.walls)
    names, _, without = made.describe().partition(" (no cgroup: ")
    assert names == ", ".join(made.walls)
    assert bool(without) is ("cgroup" not in made.walls)
    assert made.describe().startswith("landlock ")
    assert ("own user" in made.walls) is (os.getuid() == 0)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"allow_missing": ["walls"]}, "allow_missing: 'walls' is no wall that may be left out; these are: namespaces"),
        ({"leave_out": ["rlimits"]}, "leave_out: 'rlimits'"),
        ({"preload": ["os; import x"]}, "preload: 'os; import x' is no module's name"),
        ({"scratch": 10}, "scratch=10: a sandbox needs at least 1 MB"),
    ],
)
def test_a_wrong_setting_is_named_at_once(settings, text):
    with pytest.raises(ExecutorError, match=text):
        SandboxExecutor(**settings)


def test_a_module_that_cant_be_preloaded_is_named_and_leaves_nothing(executor_of, left):
    before = left()
    with pytest.raises(ExecutorError, match="preload: no_such_module can't be imported: ModuleNotFoundError"):
        executor_of(preload=["no_such_module"]).open(Setup())
    assert left() == before


def test_what_is_preloaded_is_there(executor_of, form, value):
    pytest.importorskip("numpy")
    session = executor_of(form, preload=["numpy"]).open(Setup(limits=Limits(memory=200 << 20)))
    assert value(session, "import sys\n'numpy' in sys.modules") is True
    assert value(session, "import numpy as np\nint(np.arange(1_000_000).sum())") == 499999500000
    assert value(session, "float((np.ones((300, 300)) @ np.ones((300, 300)))[0, 0])") == 300.0
    error = session.start("np.ones(10**10)").error
    assert error is not None
    assert error.kind == "MemoryLimit"
    session.close()


def test_its_limits_stand_in_for_those_of_the_session(executor_of, form, run):
    session = executor_of(form, limits=Limits(seconds=0.2)).open(Setup(limits=Limits(seconds=60)))
    error = run(session, "while True: pass").error
    assert error is not None
    assert "0.2 s" in error.message


def test_an_executor_that_is_closed_says_so(executor_of):
    made = executor_of()
    made.close()
    made.close()
    with pytest.raises(ExecutorError, match="closed"):
        made.open(Setup())


def test_a_wall_that_is_missing_is_told_with_the_way_out(monkeypatch):
    def lack(config):
        for wall in ("namespaces", "landlock"):
            if wall not in config["missing"]:
                raise Missing(wall, "it isn't there")
        raise Missing("user", "root may not become another user here")

    monkeypatch.setattr(executor, "Zygote", lack)
    with pytest.raises(
        ExecutorError, match=r"can't start: namespaces: it isn't there; .* allow_missing=\['namespaces'\]"
    ):
        SandboxExecutor().open(Setup())
    with pytest.raises(ExecutorError, match=r"landlock: it isn't there; .* allow_missing=\['landlock'\]"):
        SandboxExecutor(allow_missing=["namespaces"]).open(Setup())
    with pytest.raises(ExecutorError, match=r"user: root may not become another user here$"):
        SandboxExecutor(allow_missing=WALLS).open(Setup())


NO_NAMESPACES = """
import ctypes, sys
from core_plus.errors import ExecutorError
from core_plus.executors import Setup
from core_plus_sandbox import SandboxExecutor
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(24, 21, 0, 0, 0):  # as root: no CAP_SYS_ADMIN for what is started from here
    sys.exit("no root")
try:
    SandboxExecutor().open(Setup())
except ExecutorError as error:
    print(error)
executor = SandboxExecutor(allow_missing=["namespaces"])
print(executor.open(Setup()).start("6 * 7").value, executor.walls)
executor.close()
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give up the right to make namespaces")
def test_a_machine_that_forbids_namespaces_is_refused_unless_that_is_allowed(folders):
    done = subprocess.run([sys.executable, "-c", NO_NAMESPACES], capture_output=True, text=True, check=True)
    refusal, walls = done.stdout.strip().split("\n")
    assert "namespaces: " in refusal
    assert "CAP_SYS_ADMIN" in refusal
    assert "allow_missing=['namespaces']" in refusal
    assert walls.startswith("42 ")
    assert "'namespaces'" not in walls


def test_what_this_machine_lacks_is_tried_and_told_once(monkeypatch):
    made = []

    class Tried:
        def __init__(self, **settings):
            made.append(settings)

        def start(self):
            raise ExecutorError("the kernel has no Landlock")

        def close(self):
            """Nothing was started."""

    machine.lacking.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(executor, "SandboxExecutor", Tried)
        assert machine.lacking(()) == machine.lacking(()) == "the kernel has no Landlock"
        assert made == [{"allow_missing": ()}]
    machine.lacking.cache_clear()


def test_other_systems_are_told_that_it_needs_linux(monkeypatch):
    machine.lacking.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "darwin")
        assert machine.lacking(()) == "it needs Linux"
    machine.lacking.cache_clear()


def test_the_plugin_declares_the_executor_twice_and_prefers_the_stronger_one():
    declared = {}

    def register(name, factory, *, summary, config=None):
        declared[name] = factory

    core_plus_sandbox.register_executors(register)
    strict, lenient = declared["sandbox"], declared["sandbox_without_namespaces"]
    assert strict.preference > lenient.preference > 0
    assert strict()._settings.allow_missing == ()
    assert lenient()._settings.allow_missing == ("namespaces",)
    assert strict(allow_missing=["namespaces"])._settings.allow_missing == ("namespaces",)
    assert lenient.missing() in ("", strict.missing())
    with pytest.raises(AttributeError, match="no attribute 'Other'"):
        _ = core_plus_sandbox.Other


def test_the_entry_points_name_kind_and_name():
    found = {point.name: point.value for point in entry_points(group="core_plus") if "sandbox" in point.name}
    assert found == {
        "executor.sandbox": "core_plus_sandbox",
        "executor.sandbox_without_namespaces": "core_plus_sandbox",
    }


def test_sessions_call_functions_and_keep_variables(executor_of, form):
    session = executor_of(form).open(Setup(functions=("f",), variables={"a": 1}))
    turn = session.start("b = f(a)")
    assert isinstance(turn, Paused)
    assert turn.requests[0].args == (1,)
    session.interrupt()
    done = session.resume([])
    assert isinstance(done, Done)
    session.close()


def test_users_are_taken_from_what_a_container_has(monkeypatch, tmp_path):
    rows = {"0 0 4294967295": (1_879_048_192, 1 << 28), "0 100000 65536": (45536, 20000), "0 1000 1": (0, 1)}
    for text, expected in rows.items():
        file = tmp_path / "uid_map"
        file.write_text(text)
        monkeypatch.setattr("builtins.open", lambda path, opened=open, file=file: opened(file))
        assert usable() == expected
        monkeypatch.undo()
