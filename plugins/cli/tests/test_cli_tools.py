"""`-t`: tools of plugins, files and modules."""

from __future__ import annotations

import sys

import pytest

from core_plus import hookimpl, tool

MARKED = '''
from core_plus import tool
from helper import GREETING

@tool
def greet(name: str) -> str:
    """Greet somebody.

    Args:
        name: Whom.
    """
    return f"{GREETING}, {name}"

def not_a_tool(anything):
    return anything
'''
PLAIN = '''
import os
from json import dumps

def double(number: int) -> int:
    """Twice a number.

    Args:
        number: Any.
    """
    return 2 * number

def half(number: int) -> int:
    """Half a number.

    Args:
        number: Any.
    """
    return number // 2

def _private(x):
    return x

SETTING = 3
'''


class Weather:
    """Offers a tool by name."""

    @hookimpl
    def register_tools(self, register):
        @tool
        def weather(city: str) -> str:
            """The weather.

            Args:
                city: Where.
            """
            return f"rain in {city}"

        register("weather", lambda: weather, summary="the weather")


@pytest.fixture
def files(tmp_path):
    (tmp_path / "marked.py").write_text(MARKED)
    (tmp_path / "helper.py").write_text('GREETING = "Hello"')
    (tmp_path / "plain.py").write_text(PLAIN)
    (tmp_path / "broken.py").write_text("import this_is_not_there")
    (tmp_path / "empty.py").write_text("x = 1")
    (tmp_path / "bare.py").write_text("def add(a, b):\n    return a + b\n")
    yield tmp_path
    for name in ("helper", "plain", "marked"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("source", "call", "gives"),
    [
        ("marked.py", "greet('Ada')", "Hello, Ada"),
        ("marked.py:greet", "greet('Ada')", "Hello, Ada"),
        ("plain.py", "double(half(8))", "8"),
        ("plain.py:double", "double(4)", "8"),
        ("plain:double", "double(4)", "8"),
        ("weather", "weather('Oslo')", "rain in Oslo"),
    ],
)
def test_a_tool_is_found_wherever_it_is_and_code_can_call_it(core_plus, spying, files, source, call, gives):
    snippet = f"Now.\n<code>\nfinal_answer({call})\n</code>"
    _, host = spying(snippet, plugins=[Weather()])
    done = core_plus("run", "Do.", "-q", "-m", "spy:", "-t", source, host=host)
    assert (done.status, done.out) == (0, f"{gives}\n")


def test_several_tools_can_be_given(core_plus, spying, files):
    spy, host = spying()
    assert core_plus("run", "Do.", "-m", "spy:", "-t", "marked.py", "-t", "plain.py", host=host).status == 0
    for name in ("greet(", "double(", "half("):
        assert name in spy.system()
    assert "_private" not in spy.system()
    assert "not_a_tool" not in spy.system()
    assert "dumps" not in spy.system()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("gone.py", "there is no file gone.py"),
        ("marked.py:gret", "did you mean greet?"),
        ("plain:doubel", "did you mean double?"),
        ("plain.py:SETTING", "that is int 3, not a tool"),
        ("broken.py", "broken.py can't be loaded: ModuleNotFoundError: No module named 'this_is_not_there'"),
        ("broken:f", "importing broken raised ModuleNotFoundError"),
        ("empty.py", "it holds no tool; mark a typed function with @tool"),
        ("bare.py", "type hint"),
        ("wether", "did you mean weather?"),
        ("nowhere:f", "no plugin offers tool 'nowhere:f'"),
    ],
)
def test_what_is_wrong_with_a_tool_is_named(core_plus, spying, files, source, said):
    _, host = spying(plugins=[Weather()])
    done = core_plus("run", "Do.", "-m", "spy:", "-t", source, host=host)
    assert (done.status, done.out) == (2, "")
    assert said in done.err


def test_the_search_path_is_left_as_it_was(core_plus, spying, files):
    before = list(sys.path)
    _, host = spying()
    core_plus("run", "Do.", "-m", "spy:", "-t", "marked.py", "-t", "plain:double", host=host)
    assert sys.path == before
