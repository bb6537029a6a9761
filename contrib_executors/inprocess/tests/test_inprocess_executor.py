"""What is the in-process executor's own: live objects, guards, what it can't stop."""

import random
import threading
import time
from importlib.metadata import entry_points

import pytest

import core_plus_inprocess
from core_plus.errors import ExecutorError
from core_plus.executors import Answer, Done, Executor, Limits, Paused, Setup
from core_plus_inprocess import InProcessExecutor


class Table:
    """A live object."""

    secret = "hidden"

    def __init__(self) -> None:
        self.rows = [1, 2]
        self.name = "t"

    def total(self) -> int:
        return sum(self.rows)


def ran(code, *, executor=None, **setup):
    session = (executor or InProcessExecutor()).open(Setup(**setup))
    try:
        turn = session.start(code)
        while isinstance(turn, Paused):
            turn = session.resume([Answer(request.id, request.args) for request in turn.requests])
        return turn
    finally:
        session.close()


def value(code, **setup):
    end = ran(code, **setup)
    assert end.error is None, end.error
    return end.value


def test_it_says_that_it_is_no_sandbox():
    executor: Executor = InProcessExecutor()
    assert (executor.name, executor.is_sandbox) == ("inprocess", False)
    assert "NO sandbox" in (InProcessExecutor.__doc__ or "")
    assert "math" in (executor.imports or ())
    executor.close()


def test_values_are_the_very_objects():
    table, session = Table(), None
    session = InProcessExecutor().open(Setup(variables={"t": table}, functions=("f",)))
    turn = session.start("t.rows.append(3)\nf(t)")
    assert isinstance(turn, Paused)
    assert turn.requests[0].args[0] is table
    end = session.resume([Answer(1, table.rows)])
    assert isinstance(end, Done)
    assert end.value is table.rows
    assert table.total() == 6
    session.assign({"u": table})
    end = session.start("u.total()")
    assert isinstance(end, Done)
    assert end.value == 6
    session.close()


def test_objects_of_the_host_are_changed_only_where_that_was_allowed():
    table = Table()
    error = ran("t.name = 'x'", variables={"t": table}).error
    assert error is not None
    assert (error.kind, table.name) == ("TypeError", "t")
    assert "may not change objects of the host: a Table" in error.message
    assert value("t.name = 'x'\nt.name", variables={"t": table}, executor=InProcessExecutor(writable=(Table,))) == "x"
    assert table.name == "x"


OWN = "class A:\n    def __init__(self): self.x = 1\n    def __add__(self, o): return self.x + o.x\n"
DECORATOR = "import functools\ndef d(f):\n    @functools.wraps(f)\n    def g(): return f() + 1\n    return g\n"
TASK = "import asyncio\nasync def f(): pass\nt = asyncio.ensure_future(f())\n"

ALLOWED = {
    "classes of its own": f"{OWN}A() + A()",
    "dataclasses": "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int = 2\nP().x",
    "enums": "from enum import Enum\nclass E(Enum):\n    A = 2\nE.A.value",
    "exceptions": "class E(ValueError): pass\ntry:\n    raise E(2)\nexcept E as e:\n    r = e.args[0]\nr",
    "properties": "class A:\n    @property\n    def x(self): return 2\nA().x",
    "inheritance": "class A:\n    def f(self): return 1\nclass B(A):\n    def f(self): return super().f() + 1\nB().f()",
    "generators": "def g():\n    yield from (0, 2)\nlist(g())[1]",
    "augmented assignments": "d = {'a': 1}\nd['a'] += 1\nd['a']",
    "augmented attributes": f"{OWN}a = A()\na.x += 1\na.x",
    "format": "int('{:d}'.format(2))",
    "names of classes": "len(type(1).__name__) - 1",
    "nonlocal": "def f():\n    n = 1\n    def g():\n        nonlocal n\n        n += 1\n    g()\n    return n\nf()",
    "unpacking": "(a, b), *c = (1, 2), 3\nb",
    "managers": "import contextlib\n@contextlib.contextmanager\ndef m(): yield 2\nwith m() as x: pass\nx",
    "decorators": f"{DECORATOR}@d\ndef h(): return 1\nh()",
}


@pytest.mark.parametrize("what", ALLOWED)
def test_code_may_use(what):
    assert value(ALLOWED[what]) == 2


FORBIDDEN = {
    "attributes with underscores": "().__class__",
    "them by name": "getattr((), '__class__')",
    "names with underscores": "__builtins__",
    "modules behind modules": "import statistics\nstatistics.sys",
    "frames": "def g(): yield\ng().gi_frame",
    "formats that look into objects": "'{0.__class__}'.format(1)",
    "formats by the class": "str.format('{0.real}', 1)",
    "evaluation": "eval('1')",
    "files": "open('/etc/hostname')",
    "other modules": "import os",
    "submodules": "import asyncio.subprocess",
    "tasks of others": "import asyncio\nasync def f(): return asyncio.current_task()\nt = await f()",
    "loops behind tasks": f"{TASK}await t\nl = t.get_loop()\nl.run_in_executor",
    "wraps with other names": "import functools\nfunctools.wraps(len, assigned=('__self__',))",
    "types that are made": "type('A', (), {})",
    "the host's functions from within": "f.later.__globals__",
    "attributes that are augmented": "f.later += 1",
    "hidden attributes that are augmented": "f.__globals__ += 1",
    "matching by attributes": "match 1:\n    case int(real=x): x",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_guards_keep_code_from(what):
    error = ran(FORBIDDEN[what], functions=("f",)).error
    assert error is not None
    assert error.kind in ("SyntaxError", "AttributeError", "ImportError", "NameError", "TypeError", "ValueError")


def test_the_hosts_dice_and_modules_stay_as_they_are():
    random.seed(7)
    before = random.getstate()
    value("import random\nrandom.seed(1)\nrandom.random()")
    assert random.getstate() == before


def test_text_of_codes_own_objects_is_never_asked_for_outside_its_thread():
    asked = []
    code = "class B(Exception):\n    def __str__(self):\n        note()\n        raise SystemExit\nraise B"
    end = ran(code, variables={"note": lambda: asked.append(threading.current_thread().name)})
    assert end.error is not None
    assert (end.error.kind, "can't be had: SystemExit" in end.error.message) == ("B", True)
    assert set(asked) == {"core-plus-code"}


def test_code_in_c_is_left_behind_and_that_is_said():
    free = threading.Event()
    session = InProcessExecutor().open(Setup(variables={"wait": free.wait, "given": 1}, limits=Limits(seconds=0.2)))
    end = session.start("mine = 1\nwait(60)")
    assert isinstance(end, Done)
    assert end.error is not None
    assert (end.error.kind, end.error.lost) == ("TimeLimit", "all variables")
    assert "runs on until that ends" in end.error.message
    assert session.start("given").value == 1
    assert session.start("mine").error.kind == "NameError"
    session.close()
    free.set()


def test_closing_leaves_no_thread():
    def left() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name == "core-plus-code"]

    session = InProcessExecutor().open(Setup(functions=("f",)))
    session.start("import asyncio\nawait asyncio.gather(f(1), asyncio.sleep(60))")
    session.close()
    deadline = time.monotonic() + 20
    while left() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert left() == []


def test_a_code_s_own_keyboard_interrupt_isnt_taken_for_a_limit():
    end = ran("try:\n    raise KeyboardInterrupt\nexcept BaseException as error:\n    x = type(error).__name__\nx")
    assert (end.value, end.error) == ("KeyboardInterrupt", None)


@pytest.mark.parametrize("limits", [Limits(memory=1 << 30), Limits(cpu_seconds=1), Limits(processes=1)])
def test_limits_that_cant_be_held_are_refused(limits):
    with pytest.raises(ExecutorError, match=r"can't hold limits\.\w+=.*use an executor with walls"):
        InProcessExecutor().open(Setup(limits=limits))


def test_its_limits_stand_in_for_those_of_the_session():
    error = ran("while True: pass", executor=InProcessExecutor(limits=Limits(seconds=0.1))).error
    assert error is not None
    assert "0.1 s" in error.message


def test_the_plugin_declares_the_executor_which_auto_never_takes():
    declared = {}

    def register(name, factory, *, summary, config=None):
        declared[name] = (factory, summary)

    core_plus_inprocess.register_executors(register)
    factory, summary = declared["inprocess"]
    assert isinstance(factory(), InProcessExecutor)
    assert (factory.preference < 0, "no sandbox" in summary) == (True, True)
    with pytest.raises(AttributeError, match="no attribute 'Other'"):
        _ = core_plus_inprocess.Other
    found = [point for point in entry_points(group="core_plus") if point.name == "executor.inprocess"]
    assert [point.value for point in found] == ["core_plus_inprocess"]
