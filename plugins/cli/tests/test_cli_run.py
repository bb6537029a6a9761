"""`core-plus run`: what it prints, and how it ends."""

from __future__ import annotations

import json
import stat

import pytest

from core_plus import Ask, hookimpl
from core_plus.effects import RunCode


class AsksForCode:
    """Wants a person to allow code."""

    @hookimpl
    def review_effect(self, run, effect):
        return Ask("May this code run?") if isinstance(effect, RunCode) else None


def test_quiet_prints_the_answer_and_nothing_else(core_plus, script):
    done = core_plus("run", "Add.", "-q", "-m", script("total = 2 + 3", "final_answer(total)"))
    assert (done.status, done.out, done.err) == (0, "5\n", "")


def test_the_screen_shows_task_code_and_totals(core_plus, script):
    done = core_plus("run", "Add them up.", "-m", script("print('so' + 'far')", "final_answer(5)"))
    assert done.status == 0
    for shown in (
        "Add them up.",
        "print('so' + 'far')",
        "sofar",
        "final_answer(5)",
        "2 steps",
        "walled (brick, mortar)",
    ):
        assert shown in done.out


def test_json_is_one_object_on_standard_output_and_nothing_else(core_plus, script):
    done = core_plus("run", "Add.", "--json", "-m", script("final_answer({'sum': 5})"))
    found = json.loads(done.out)
    assert (done.status, done.err) == (0, "")
    assert (found["output"], found["state"], found["error"]) == ({"sum": 5}, "success", None)
    assert [step["type"] for step in found["steps"]] == ["TaskStep", "ActionStep", "FinalAnswerStep"]
    assert found["plugins"]["core-plus-cli"]


def test_json_of_a_failed_run_says_why_and_keeps_its_steps(core_plus, script):
    done = core_plus("run", "Add.", "--json", "-m", script("print(1)"))
    found = json.loads(done.out)
    assert (done.status, found["state"], found["output"]) == (1, "failed", None)
    assert "turn 2" in found["error"]
    assert len(found["steps"]) == 2


@pytest.mark.parametrize(
    ("snippets", "more", "status"),
    [
        (["final_answer(1)"], [], 0),
        (["print(1)", "print(2)", "print(3)"], ["--max-steps", "2"], 0),  # the last call answers with what there is
        (["print(1)"], [], 1),
        (["final_answer(1)"], ["--max-steps", "some"], 2),
        (["final_answer(1)"], ["--nonsense"], 2),
        (["final_answer(1)"], ["--agent", "poet"], 2),
    ],
)
def test_the_exit_status_tells_how_it_ended(core_plus, script, snippets, more, status):
    assert core_plus("run", "Do.", "-q", "-m", script(*snippets), *more).status == status


def test_a_run_that_must_ask_with_nobody_there_ends_with_3_and_says_what_was_asked(core_plus, spying):
    _, host = spying(plugins=[AsksForCode()])
    done = core_plus("run", "Do.", "-m", "spy:", host=host)
    assert done.status == 3
    assert "nobody could be asked: May this code run?" in done.err


def test_questions_of_a_waiting_run_stand_in_its_json(core_plus, spying):
    _, host = spying(plugins=[AsksForCode()])
    done = core_plus("run", "Do.", "--json", "-m", "spy:", host=host)
    assert done.status == 3
    assert json.loads(done.out)["questions"][0]["text"] == "May this code run?"


def test_without_a_ui_the_bare_answer_is_printed(core_plus, script, monkeypatch):
    monkeypatch.setenv("CORE_PLUS_BLOCK", "core-plus-rich")
    done = core_plus("run", "Do.", "-m", script("print(1)", "final_answer([1, 2])"))
    assert (done.status, json.loads(done.out)) == (0, [1, 2])
    assert done.err == "code runs in: walled (brick, mortar)\n"


def test_half_a_character_in_an_answer_is_escaped_in_json(core_plus, script):
    done = core_plus("run", "Do.", "--json", "-m", script(r"final_answer('\ud800')"))
    assert (done.status, json.loads(done.out)["output"]) == (0, "\ud800")


def test_without_a_ui_a_failure_is_told_on_standard_error(core_plus, script, monkeypatch):
    monkeypatch.setenv("CORE_PLUS_BLOCK", "core-plus-rich")
    done = core_plus("run", "Do.", "-m", script("print(1)"))
    assert (done.status, done.out) == (1, "")
    assert "\nfailed: the model failed" in done.err


@pytest.mark.parametrize("pieces", [True, False])
def test_stream_says_whether_replies_come_piece_by_piece(core_plus, script, monkeypatch, pieces):
    from core_plus_scripted import ScriptedModel

    streamed = []
    real = ScriptedModel.stream
    monkeypatch.setattr(ScriptedModel, "stream", lambda *given: streamed.append(1) or real(*given))
    done = core_plus("run", "Do.", "--stream" if pieces else "--no-stream", "-m", script("final_answer(1)"))
    assert (done.status, bool(streamed)) == (0, pieces)


# ---- which agent ---------------------------------------------------------------------


def test_the_options_reach_the_agent(core_plus, spying):
    spy, host = spying()
    options = ["--instructions", "Be brief.", "--import", "decimal_like", "--var", "limits=[1, 2]", "--max-steps", "7"]
    assert core_plus("run", "Do.", "-m", "spy:", *options, host=host).status == 0
    assert "Be brief." in spy.system()
    assert "decimal_like" in spy.system()
    assert "limits (list): [1, 2]" in spy.task().text


def test_an_agent_that_calls_tools_can_be_had(core_plus, tmp_path):
    turns = [{"tool_calls": [{"name": "final_answer", "arguments": {"answer": "called"}}]}]
    (tmp_path / "calls.json").write_text(json.dumps(turns))
    done = core_plus("run", "Do.", "-q", "--agent", "tool_calling", "-m", "scripted:calls.json")
    assert (done.status, done.out) == (0, "called\n")


@pytest.mark.parametrize("option", [["--import", "numpy"], ["--executor", "x"], ["--unsafe"], ["--set", "a=1"]])
def test_options_about_code_are_refused_for_an_agent_that_writes_none(core_plus, script, option):
    done = core_plus("run", "Do.", "--agent", "tool_calling", *option, "-m", script("1"))
    assert done.status == 2
    assert "are about code" in done.err


def test_a_plan_is_made_where_it_is_asked_for(core_plus, tmp_path):
    (tmp_path / "plan.md").write_text("1. Answer.\n---\nNow.\n<code>\nfinal_answer('as planned')\n</code>")
    done = core_plus("run", "Do.", "--json", "--plan-every", "3", "-m", "scripted:plan.md")
    steps = json.loads(done.out)["steps"]
    assert steps[1]["type"] == "PlanningStep"
    assert steps[1]["plan"] == "1. Answer."


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-m", "scriptd:x.md"], "did you mean scripted?"),
        (["-m", "scripted:nothing.md"], "nothing.md"),
        (["-m", "scripted:turns.md", "--executor", "subproces"], "did you mean subprocess"),
        (["-m", "scripted:turns.md", "-t", "no_such_tool"], "no plugin offers tool 'no_such_tool'"),
        (["-m", "scripted:turns.md", "--base-url", "http://127.0.0.1:1/v1"], "leave --base-url out"),
        (["-m", "scripted:turns.md", "--file", "gone.pdf"], "there is no file 'gone.pdf'"),
        (["-m", "scripted:turns.md", "--image", "."], "is a folder"),
        (["-m", "scripted:turns.md", "--var", "city=Oslo"], """write 'city="Oslo"'"""),
        (["-m", "scripted:turns.md", "--var", "2x=1"], "must look like NAME=JSON"),
        (["-m", "scripted:turns.md", "--plan-every", "0"], "no whole number from 1 on"),
        (["-m", "scripted:turns.md", "-c"], "no conversation to go on with"),
        (["-m", "openai:gpt-x"], "core-plus keys set openai"),
    ],
)
def test_what_is_wrong_is_named_with_the_way_out_before_anything_starts(core_plus, script, options, said):
    script("final_answer(1)")
    done = core_plus("run", "Do.", *options)
    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert "Traceback" not in done.err


def test_wrong_usage_points_to_the_help_in_one_line(core_plus):
    done = core_plus("run", "Do.", "--max-steps", "-3")
    assert done.err.count("\n") == 1
    assert "core-plus run --help" in done.err


def test_help_shows_examples_and_exit_statuses(core_plus):
    done = core_plus("run", "--help")
    assert (done.status, done.err) == (0, "")
    for shown in ("--base-url URL", "examples:", "git diff | core-plus run", "exit status: 0 answered"):
        assert shown in done.out


# ---- going on ------------------------------------------------------------------------


def test_continue_goes_on_with_the_last_conversation(core_plus, spying, home):
    first, host = spying()
    assert core_plus("run", "My name is Ada.", "-m", "spy:", host=host).status == 0
    second, host = spying()
    assert core_plus("run", "-c", "What is my name?", "-m", "spy:", host=host).status == 0
    said = [message.text for message in second.requests[0].messages if message.role == "user"]
    assert said[0] == first.task().text == "My name is Ada."
    assert said[-1] == "What is my name?"
    third, host = spying()
    core_plus("run", "-c", "And now?", "-m", "spy:", host=host)
    assert [m.text for m in third.requests[0].messages if m.text in ("My name is Ada.", "What is my name?")] != []
    assert len(third.requests[0].messages) > len(second.requests[0].messages)


def test_a_run_without_continue_begins_anew(core_plus, spying):
    _, host = spying()
    core_plus("run", "My name is Ada.", "-m", "spy:", host=host)
    spy, host = spying()
    core_plus("run", "What is my name?", "-m", "spy:", host=host)
    assert spy.task().text == "What is my name?"


def test_a_failed_run_can_be_gone_on_with(core_plus, script, spying):
    assert core_plus("run", "My name is Ada.", "-q", "-m", script("print(1)")).status == 1
    spy, host = spying()
    assert core_plus("run", "-c", "Try again.", "-m", "spy:", host=host).status == 0
    assert spy.task().text == "My name is Ada."


def test_only_its_owner_can_read_a_saved_conversation(core_plus, script, home):
    core_plus("run", "Do.", "-q", "-m", script("final_answer(1)"))
    saved = home / "state/core-plus/conversation.json"
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert stat.S_IMODE(saved.parent.stat().st_mode) == 0o700


def test_a_saved_conversation_that_cant_be_read_is_named(core_plus, script, home):
    saved = home / "state/core-plus/conversation.json"
    saved.parent.mkdir(parents=True)
    saved.write_text('[{"type": "Unknown"}]')
    done = core_plus("run", "-c", "Do.", "-m", script("final_answer(1)"))
    assert done.status == 2
    assert str(saved) in done.err


def test_an_answer_is_given_even_where_the_conversation_cant_be_kept(core_plus, script, home):
    (home / "state").write_text("a file where a folder should be")
    done = core_plus("run", "Do.", "-q", "-m", script("final_answer(1)"))
    assert (done.status, done.out) == (0, "1\n")
    assert "isn't kept for -c" in done.err
