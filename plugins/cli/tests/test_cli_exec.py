"""`core-plus exec`: cells in one session, what they print and give, and what stopped them."""

from __future__ import annotations

import json
import signal
import time

import pytest

from core_plus import Ask, Deny, hookimpl
from core_plus.effects import CallTool, RunCode
from core_plus.host import Host
from core_plus_cli.cells import split

TOOLS = '''
import time
from core_plus import tool

@tool
def add(a: int, b: int) -> int:
    """Add.

    Args:
        a: One.
        b: The other.
    """
    return a + b

@tool
def wait(seconds: int) -> str:
    """Wait.

    Args:
        seconds: How long.
    """
    print("waiting", flush=True)
    time.sleep(seconds)
    return "done"

@tool(secret=True)
def password() -> str:
    """A secret."""
    return "hunter2"
'''


@pytest.fixture
def run(core_plus, tmp_path):
    """Runs cells, with tools in tools.py."""
    (tmp_path / "tools.py").write_text(TOOLS)

    def call(code, *options, host=None):
        (tmp_path / "cells.py").write_text(code)
        return core_plus("exec", "cells.py", *options, host=host)

    return call


# ---- cells -----------------------------------------------------------------------------


def test_a_line_of_two_percent_signs_begins_a_cell_and_what_follows_them_is_its_title():
    cells = split("a\n\n# %%\nb\n#%% third one\nc\nd\n")
    assert [(cell.line, cell.code, cell.title) for cell in cells] == [
        (1, "a", ""),
        (4, "b", ""),
        (6, "c\nd", "third one"),
    ]


def test_cells_without_code_are_left_out():
    assert [cell.code for cell in split("# a comment\n# %% one\n\n# %% two\nx\n# %%\n")] == ["x"]


@pytest.mark.parametrize("line", ["x = 1  # %%", "# 50 %% of it", "#%%matplotlib"])
def test_other_lines_with_percent_signs_separate_nothing(line):
    assert len(split(f"a\n{line}\nb")) == 1


def test_lines_of_a_cell_keep_their_numbers():
    assert split("a\n# %%\nb")[1].source.split("\n").index("b") == 2


# ---- what is shown ---------------------------------------------------------------------


def test_output_and_values_go_to_standard_output_and_all_else_to_standard_error(run):
    done = run("import sys\nprint('out')\nprint('err', file=sys.stderr)\n'val' + 'ue'")
    assert (done.status, done.out) == (0, "out\n'value'\n")
    assert sorted(done.err.splitlines()) == ["code runs in: walled (brick, mortar)", "err"]


def test_code_is_read_from_standard_input(core_plus):
    done = core_plus("exec", "-", stdin="6 * 7")
    assert (done.status, done.out) == (0, "42\n")


def test_variables_stay_from_cell_to_cell(run):
    done = run("x = 2\nx\n# %% twice\nx * 2\n# %%\nNone", "--var", "y=[1]")
    assert (done.status, done.out) == (0, "2\n4\n")
    assert "--- 2 of 3: twice" in done.err


def test_an_exception_is_shown_with_the_files_own_line_and_the_cells_after_it_are_not_run(run):
    done = run("x = 1\n# %%\ndef f():\n    return x / 0\nf()\n# %%\nprint('third')\n# %%\n4")
    assert (done.status, done.out) == (1, "")
    assert "line 4, in f" in done.err
    assert done.err.count("ZeroDivisionError: division by zero") == 1
    assert "2 more cells were not run" in done.err


def test_keep_going_runs_them_all(run):
    done = run("1 / 0\n# %%\n'third'", "--keep-going")
    assert (done.status, done.out) == (1, "'third'\n")


def test_a_final_answer_ends_its_cell_only(run):
    done = run("final_answer([1])\nprint('never')\n# %%\n2")
    assert (done.status, done.out) == (0, "[1]\n2\n")
    assert "final answer:" in done.err


def test_values_that_no_encoding_has_are_escaped(run):
    done = run("print('\\ud800')\n'\\ud800'")
    assert (done.status, done.out) == (0, "\\ud800\n'\\ud800'\n")


def test_at_a_terminal_nothing_that_code_prints_acts_on_it(terminal, tmp_path):
    (tmp_path / "cells.py").write_text(r"print('\x1b]0;owned\x07 and \x9b2J'); print('open', end='')" + "\n1")
    shown = terminal("exec", "cells.py")
    assert shown.ended() == 0
    assert r"\x1b]0;owned\x07 and \x9b2J" in shown.seen
    assert "open\r\n1" in shown.seen


# ---- what stops it ---------------------------------------------------------------------


def test_a_time_limit_stops_a_cell_and_says_so(run):
    done = run("print('begun')\nwhile True: pass", "--timeout", "0.3")
    assert (done.status, done.out) == (1, "begun\n")
    assert "stopped: TimeLimit: the code ran longer than 0.3 s" in done.err


def test_what_is_lost_with_an_interpreter_is_said_and_the_next_cell_finds_a_fresh_one(run):
    done = run("x = 1\n# %%\nimport os\nos._exit(3)\n# %%\n'x' in globals()", "-k")
    assert (done.status, done.out) == (1, "False\n")
    assert "lost: all variables" in done.err


def test_memory_is_limited(run):
    done = run("x = 'x' * (1 << 30)", "--memory", "512M")
    assert done.status == 1
    assert "MemoryLimit" in done.err


def test_imports_are_limited_where_one_is_allowed(run):
    done = run("import statistics, decimal_like", "--import", "decimal_like")
    assert done.status == 1
    assert "decimal_like" in done.err
    assert "socket" in run("import socket", "--import", "decimal_like").err


def test_ctrl_c_stops_the_code_and_says_so(program, tmp_path):
    (tmp_path / "cells.py").write_text("print('begun', flush=True)\nwhile True: pass\n# %%\nprint('never')")
    with program("exec", "cells.py") as process:
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        out, err = process.communicate(timeout=20)
        assert time.monotonic() - began < 3
    assert (process.returncode, out) == (130, "")
    assert "Interrupted: the code was interrupted" in err
    assert "core-plus exec: interrupted" in err
    assert 'Traceback (most recent call last):\n  File "<code' in err  # where the code was, nothing of ours
    assert "core_plus" not in err


def test_ctrl_c_stops_code_whose_tool_works(program, tmp_path):
    (tmp_path / "tools.py").write_text(TOOLS)
    (tmp_path / "cells.py").write_text("print('said')\nwait(60)")
    with program("exec", "cells.py", "-t", "tools.py", "--json") as process:
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    found = json.loads(out)
    assert (process.returncode, found["state"]) == (130, "interrupted")
    assert (found["cells"][0]["stdout"], found["cells"][0]["error"]["kind"]) == ("said\n", "Interrupted")


def test_a_reader_who_leaves_ends_it_quietly(program, tmp_path):
    (tmp_path / "cells.py").write_text("for number in range(10**9): print(number)")
    with program("exec", "cells.py") as process:
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        err = process.stderr.read()
        assert process.wait(30) == 141
    assert "Traceback" not in err


# ---- tools and reviews -----------------------------------------------------------------


def test_tools_are_really_called_on_the_host(run):
    done = run("print(add(1, b=2))\nadd('x', 1)", "-t", "tools.py")
    assert (done.status, done.out) == (1, "3\n")
    assert "  add(a=1, b=2) -> 3\n" in done.err
    assert "  add(…) failed: a: expected int" in done.err


def test_the_value_of_a_secret_tool_is_not_shown(run):
    done = run("print(len(password()))", "-t", "tools.py", "--json")
    assert json.loads(done.out)["cells"][0]["stdout"] == "7\n"
    assert "hunter2" not in done.out + done.err


class Reviews:
    """Says a word to each effect of a kind."""

    def __init__(self, kind, word):
        self._kind, self._word = kind, word

    @hookimpl
    def review_effect(self, run, effect):
        return self._word if isinstance(effect, self._kind) else None


def test_reviews_hold_for_tools_that_code_calls(run):
    with Host(plugins=[Reviews(CallTool, Deny("not today"))]) as host:
        done = run("try:\n    add(1, 2)\nexcept Exception as error:\n    print(error)", "-t", "tools.py", host=host)
    assert done.status == 0
    assert "add was denied: not today" in done.out


def test_reviews_hold_for_code(run):
    with Host(plugins=[Reviews(RunCode, Deny("not today"))]) as host:
        done = run("print('never')", host=host)
    assert (done.status, done.out) == (1, "")
    assert "not today" in done.err


def test_with_nobody_to_ask_it_ends_with_3_and_says_what_was_asked(run):
    with Host(plugins=[Reviews(RunCode, Ask("May this code run?"))]) as host:
        done = run("print('never')", "--json", host=host)
    assert (done.status, json.loads(done.out)["questions"]) == (3, ["May this code run?"])


def test_at_a_terminal_a_person_is_asked(terminal, installed, tmp_path):
    asking = "from core_plus import Ask, hookimpl\nfrom core_plus.effects import RunCode\n"
    asking += (
        "@hookimpl\ndef review_effect(run, effect):\n    return Ask('May it run?') if type(effect) is RunCode else None"
    )
    installed("hooks.asking", asking)
    (tmp_path / "cells.py").write_text("'all' + 'owed'")
    asked = terminal("exec", "cells.py")
    asked.wait_for("May it run?")
    time.sleep(0.5)  # what is typed before the question stands there is no answer
    asked.type("yes\n")
    assert asked.ended() == 0
    assert "'allowed'" in asked.seen


# ---- as JSON, and what can't be run ----------------------------------------------------


def test_json_is_one_object_with_a_cell_each(run):
    done = run("print('a')\n{(1, 2): {3}}\n# %% fails\nadd(1, 2)\n1 / 0\n# %%\n3", "--json", "-t", "tools.py")
    found = json.loads(done.out)
    first, second = found.pop("cells")
    assert (done.status, done.err) == (1, "")
    assert found == {
        "executor": {"name": "walled", "is_sandbox": True, "walls": ["brick", "mortar"]},
        "state": "failed",
        "error": None,
        "questions": [],
        "not_run": 1,
    }
    assert (first["line"], first["stdout"], first["has_value"], first["error"]) == (1, "a\n", True, None)
    assert "3" in str(first["value"])
    assert (second["line"], second["title"], second["has_value"]) == (4, "fails", False)
    assert (second["error"]["kind"], second["error"]["line"]) == ("ZeroDivisionError", 5)
    assert second["calls"][0]["arguments"] == {"a": 1, "b": 2}
    assert second["calls"][0]["value"] == 3


def test_an_executor_that_cant_start_is_told_with_the_way_out(run):
    done = run("1", "--executor", "walled", "--set", 'python="/no/python"')
    assert (done.status, done.out) == (2, "")
    assert "/no/python can't be started" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["gone.py"], "gone.py can't be read"),
        (["."], "Is a directory"),
        (["empty.py"], "there is no code in empty.py"),
        (["binary.py"], "no text in UTF-8"),
        (["cells.py", "--timeout", "0"], "no number of seconds above 0"),
        (["cells.py", "--timeout", "nan"], "no number of seconds above 0"),
        (["cells.py", "--memory", "5X"], "no size"),
        (["cells.py", "-t", "no_such_tool"], "no plugin offers tool"),
        ([], "FILE"),
    ],
)
def test_what_is_wrong_is_named_before_anything_runs(core_plus, tmp_path, options, said):
    (tmp_path / "cells.py").write_text("print('ran')")
    (tmp_path / "empty.py").write_text("# nothing\n")
    (tmp_path / "binary.py").write_bytes(b"\xff\xfe\0")
    done = core_plus("exec", *options)
    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(("text", "bytes_"), [("1000", 1000), ("2k", 2048), ("1.5G", 3 << 29), ("64MiB", 64 << 20)])
def test_sizes_are_read_as_people_write_them(text, bytes_):
    from core_plus_cli.parsing import size

    assert size(text) == bytes_
