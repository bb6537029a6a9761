"""Ctrl-C and closed pipes, with the program as it is started by people."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import pytest

SLOW = '''
import time
from core_plus import tool

@tool
def slow(seconds: int) -> str:
    """Wait.

    Args:
        seconds: How long.
    """
    print("waiting", flush=True)
    time.sleep(seconds)
    return "done"
'''


def test_ctrl_c_stops_the_run_at_once_and_says_what_is_kept(program, script, home):
    model = script("print('first step')", "while True: pass")
    with program("run", "Loop.", "-m", model) as process:
        shown = ""
        while "while True" not in shown:
            shown += process.stdout.readline()
        time.sleep(0.3)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert time.monotonic() - began < 3
    assert process.returncode == 130
    assert "interrupted" in out
    assert "2 steps are kept: core-plus runs resume" in err
    assert "Traceback" not in err
    kept = json.loads((home / "state/core-plus/conversation.json").read_text())
    assert any("first step" in str(step) for step in kept)


def test_a_second_ctrl_c_ends_the_command(program, script, tmp_path):
    (tmp_path / "slow.py").write_text(SLOW)
    with program("run", "Wait.", "-q", "-t", "slow.py", "-m", script("slow(60)")) as process:
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)  # the tool gets a moment to return
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        process.communicate(timeout=20)
        assert time.monotonic() - began < 1.5
    assert process.returncode == 130


def test_ctrl_c_before_anything_runs_is_quiet(program):
    with program("run", stdin=subprocess.PIPE) as process:
        assert "reading standard input" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in err


def test_a_reader_who_leaves_ends_the_run_quietly(program, script):
    many = [f"print({number})" for number in range(200)]
    with program("run", "Count.", "-m", script(*many), "--max-steps", "200") as process:
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        err = process.stderr.read()
        status = process.wait(30)
    assert (status, err) == (141, "")


def test_a_reader_who_leaves_a_list_ends_it_quietly(program):
    read, write = os.pipe()
    os.close(read)
    for command in (["plugins"], ["run", "--help"], ["doctor", "--json"]):
        with program(*command, stdout=write) as process:
            err = process.stderr.read()
            assert (process.wait(30), err) == (141, "")
    os.close(write)


ASKING = """
from core_plus import Ask, hookimpl
from core_plus.effects import RunCode

@hookimpl
def review_effect(run, effect):
    return Ask("May this code run?") if isinstance(effect, RunCode) else None
"""


@pytest.mark.parametrize(("typed", "status"), [("yes\n", 0), ("\x03", 130), ("\x04", 3)])
def test_at_a_terminal_a_question_is_answered_or_stopped_by_ctrl_c_or_left_open_by_ctrl_d(
    terminal, installed, script, typed, status
):
    installed("hooks.asking", ASKING)
    asked = terminal("run", "Do.", "-m", script("final_answer('allowed')"))
    asked.wait_for("May this code run?")
    time.sleep(0.5)  # what is typed before the question stands there is no answer
    asked.type(typed)
    assert asked.ended() == status
    assert ("interrupted" in asked.seen) == (status == 130)
    assert ("nobody could be asked" in asked.seen) == (status == 3)
    assert "Traceback" not in asked.seen
