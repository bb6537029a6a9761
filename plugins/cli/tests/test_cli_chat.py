"""`core-plus chat`: with lines that are piped in, and at a terminal."""

from __future__ import annotations

import stat
import time

import pytest

TURNS = ("total = 2 + 3\nfinal_answer(total)", "final_answer(total * 10)", "final_answer('third')")


def test_tasks_that_are_piped_in_go_on_from_each_other(core_plus, script):
    done = core_plus("chat", "-q", "-m", script(*TURNS), stdin="Add.\n\nTimes ten.\n")
    assert (done.status, done.out, done.err) == (0, "5\n50\n", "")


@pytest.mark.parametrize("word", ["/exit", "/quit"])
def test_exit_leaves(core_plus, script, word):
    assert core_plus("chat", "-q", "-m", script(*TURNS), stdin=f"Add.\n{word}\nTimes ten.\n").out == "5\n"


def test_a_line_that_ends_in_a_backslash_goes_on(core_plus, spying):
    spy, host = spying()
    core_plus("chat", "-q", "-m", "spy:", stdin="First line \\\nsecond line\n", host=host)
    assert spy.task().text == "First line \nsecond line"


def test_the_last_task_may_end_without_a_line_break(core_plus, spying):
    spy, host = spying()
    assert core_plus("chat", "-q", "-m", "spy:", stdin="One \\", host=host).status == 0
    assert spy.task().text == "One"


def test_reset_begins_a_new_conversation(core_plus, script):
    model = script("total = 7\nfinal_answer(total)", "final_answer('remembered')")
    assert core_plus("chat", "-q", "-m", model, stdin="One.\n/reset\nTwo.\n").out == "7\n7\n"
    assert core_plus("chat", "-q", "-m", model, stdin="One.\nTwo.\n").out == "7\nremembered\n"


def test_tools_usage_and_help_are_shown(core_plus, script):
    done = core_plus("chat", "-q", "-m", script(*TURNS), stdin="/tools\nAdd.\n/usage\n/help\n/usge\n")
    assert "final_answer(answer: Any)" in done.out
    assert "1 task, 1 model call" in done.out
    assert "/reset" in done.out
    assert "There is no /usge; did you mean /usage?" in done.err


def test_what_comes_with_chat_goes_with_the_first_task_only(core_plus, spying):
    second = "Now.\n<code>\nfinal_answer(2)\n</code>"
    spy, host = spying(second, second)
    core_plus("chat", "-q", "-m", "spy:", "--var", "x=[1]", stdin="One.\nTwo.\n", host=host)
    tasks = [said.text for said in spy.requests[1].messages if said.role == "user"]
    assert "- x (list): [1]" in tasks[0]
    assert tasks[-1] == "Two."


def test_chat_and_run_go_on_with_each_other(core_plus, script, spying):
    core_plus("chat", "-q", "-m", script(*TURNS), stdin="My name is Ada.\n")
    spy, host = spying()
    assert core_plus("run", "-c", "Who am I?", "-m", "spy:", host=host).status == 0
    assert spy.task().text == "My name is Ada."


def test_a_failed_task_doesnt_end_the_chat_but_its_status_is_the_last_tasks(core_plus, spying):
    _, host = spying("Nothing.", plugins=[])
    done = core_plus("chat", "-q", "-m", "spy:", "--max-steps", "0", stdin="One.\nTwo.\n", host=host)
    assert done.status == 1
    assert done.err.count("failed: the model failed") == 1
    assert done.out == "Nothing.\n"


def test_at_a_terminal_ctrl_d_leaves_and_what_was_typed_is_kept_for_its_owner(terminal, script, home):
    chat = terminal("chat", "-q", "-m", script(*TURNS))
    chat.wait_for("> ")
    chat.type("Add.\n")
    chat.wait_for("5\r\n")
    chat.wait_for("> ")
    chat.type("\x04")
    assert chat.ended() == 0
    history = home / "state/core-plus/chat-history"
    assert history.read_text() == "Add.\n"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600


def test_at_a_terminal_ctrl_c_stops_the_task_and_not_the_chat(terminal, script):
    chat = terminal("chat", "-q", "-m", script("print('begun', flush=True)\nwhile True: pass", "final_answer('alive')"))
    chat.wait_for("> ")
    chat.type("Loop.\n")
    time.sleep(1.0)
    chat.type("\x03")
    chat.wait_for("interrupted")
    chat.wait_for("> ")
    chat.type("Go on.\n")
    chat.wait_for("alive")
    chat.wait_for("> ")
    chat.type("/exit\n")
    assert chat.ended() == 0


def test_at_a_terminal_ctrl_c_gives_up_the_line_that_was_typed(terminal, script):
    chat = terminal("chat", "-q", "-m", script(*TURNS))
    chat.wait_for("> ")
    chat.type("half a")
    time.sleep(0.3)
    chat.type("\x03")
    chat.wait_for("(Ctrl-D leaves)")
    chat.wait_for("> ")
    chat.type("Add.\n")
    chat.wait_for("5\r\n")
    chat.wait_for("> ")
    chat.type("\x04")
    assert chat.ended() == 0
