"""Where code runs: the best sandbox, another executor by name, no sandbox only with `--unsafe`."""

from __future__ import annotations

import pytest

from core_plus import hookimpl
from core_plus.host import Host
from core_plus_cli import places

WAYS = {
    "run": ["run", "Do.", "-q", "-m", "scripted:turns.md"],
    "chat": ["chat", "-q", "-m", "scripted:turns.md"],
    "exec": ["exec", "cells.py"],
    "demo": ["demo", "-q"],
}


@pytest.fixture(params=WAYS)
def way(request, script, tmp_path) -> dict[str, object]:
    """A command that runs code, and its standard input."""
    script("final_answer(1)")
    (tmp_path / "cells.py").write_text("1 + 1")
    return {"arguments": WAYS[request.param], "stdin": "Do.\n" if request.param == "chat" else None}


def test_an_executor_that_is_no_sandbox_is_refused_with_the_reason_and_the_ways_out(core_plus, way):
    done = core_plus(*way["arguments"], "--executor", "subprocess", stdin=way["stdin"])
    assert (done.status, done.out) == (2, "")
    for said in ("'subprocess' is no sandbox", "your rights", "Leave --executor out", "--unsafe"):
        assert said in done.err


@pytest.mark.parametrize("more", [["--unsafe"], ["--unsafe", "--executor", "subprocess"]])
def test_unsafe_takes_it(core_plus, way, no_sandbox, more):
    done = core_plus(*way["arguments"], *more, stdin=way["stdin"], host=no_sandbox)
    assert done.status == 0
    assert done.out


def test_unsafe_is_no_obstacle_to_a_sandbox(core_plus, tmp_path):
    (tmp_path / "cells.py").write_text("1 + 1")
    done = core_plus("exec", "cells.py", "--unsafe", "--executor", "walled")
    assert (done.status, done.err) == (0, "code runs in: walled (brick, mortar)\n")


def test_without_a_sandbox_nothing_runs_and_each_executor_is_accounted_for(core_plus, way, no_sandbox):
    done = core_plus(*way["arguments"], stdin=way["stdin"], host=no_sandbox)
    assert (done.status, done.out) == (2, "")
    for said in ("there is no sandbox here", "subprocess: is no sandbox; --unsafe takes it", "core-plus-sandbox"):
        assert said in done.err


class Executors:
    """Offers executors of every sort."""

    @hookimpl
    def register_executors(self, register):
        def lacking():
            raise AssertionError("never made where something lacks")

        def failing():
            raise RuntimeError("no region")

        def named():
            return type("Named", (), {"name": "named", "is_sandbox": True})()

        lacking.missing = lambda: "Landlock is off in this kernel"
        failing.preference = named.preference = -1
        for factory in (lacking, failing, named):
            register(factory.__name__, factory, summary="")


def test_what_is_missing_is_said_of_each_executor():
    with Host(discover=False, plugins=[Executors()]) as host:
        text = places.nowhere(host)
    assert text.splitlines()[1:-1] == [
        "  failing: RuntimeError: no region",
        "  lacking: Landlock is off in this kernel",
        "  named: must be asked for: --executor named",
    ]


def test_where_none_is_installed_that_is_said():
    with Host(discover=False) as host:
        assert "no executor is installed" in places.nowhere(host)


def test_what_auto_finds_is_refused_where_it_is_no_sandbox(no_sandbox):
    with pytest.raises(places.PluginError, match="there is no sandbox here"):
        places.best(no_sandbox)


def test_settings_reach_the_executor_that_is_named(core_plus, tmp_path):
    (tmp_path / "cells.py").write_text("import os\nos.environ['MODE']")
    done = core_plus("exec", "cells.py", "--executor", "walled", "--set", 'env={"MODE": "test"}')
    assert (done.status, done.out) == (0, "'test'\n")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--set", "spare=1"], "add --executor NAME"),
        (["--executor", "walled", "--set", "spar=1"], "doesn't take that"),
        (["--executor", "walled", "--set", "spare"], "must look like NAME=JSON"),
        (["--executor", "waled"], "did you mean walled?"),
    ],
)
def test_what_fits_no_executor_is_named(core_plus, tmp_path, options, said):
    (tmp_path / "cells.py").write_text("1")
    done = core_plus("exec", "cells.py", *options)
    assert (done.status, done.out) == (2, "")
    assert said in done.err


def test_an_executor_is_told_with_its_walls_if_it_says_them():
    class Made:
        name, is_sandbox = "made", True

    assert places.in_words(Made()) == "made"
    Made.walls = lambda self: ["landlock", "seccomp"]
    assert places.in_words(Made()) == "made (landlock, seccomp)"
    Made.is_sandbox = False
    assert places.in_words(Made()) == "made (NO sandbox)"
