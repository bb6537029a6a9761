"""`core-plus runs`: kept runs are shown, gone on with, answered, forked, repeated, and moved between files."""

from __future__ import annotations

import json
import re

import pytest

ASKS = """
from core_plus import Ask, hookimpl
from core_plus.effects import RunCode

@hookimpl
def review_effect(run, effect):
    return Ask("May this code run?") if isinstance(effect, RunCode) and "secret_deed" in effect.code else None
"""


@pytest.fixture
def kept(core_plus, script):
    """A run of two steps that was done and kept."""

    def run(*snippets, task="Add them up.", more=()):
        return core_plus(
            "run", task, "-q", "-m", script(*(snippets or ("x = 2\nprint('two')", "final_answer(x + 3)"))), *more
        )

    return run


@pytest.fixture
def waiting(core_plus, script, installed):
    """A run that asks while nobody is there."""
    installed("hooks.extra", ASKS)
    return core_plus("run", "Do it.", "-m", script("x = 'secret_deed'", "final_answer(x.upper())"))


# ---- keeping --------------------------------------------------------------------


def test_a_run_is_kept_without_being_asked_to(kept, core_plus, home):
    assert kept().out == "5\n"
    listed = core_plus("runs")
    assert listed.status == 0
    assert re.search(r"^\w+ +\d{4}-\d\d-\d\d \d\d:\d\d  success +Add them up\.$", listed.out, re.MULTILINE)
    assert len([*(home / "state").rglob("runs.sqlite")]) == 1


def test_where_nothing_is_kept_it_says_how_to(core_plus):
    listed = core_plus("runs")
    assert (listed.status, listed.out) == (0, "")
    assert "no runs are kept yet" in listed.err


def test_the_variable_says_where_or_that_nothing_is_kept(kept, core_plus, tmp_path, monkeypatch):
    monkeypatch.setenv("CORE_PLUS_JOURNAL", str(tmp_path / "own.sqlite"))
    kept()
    assert (tmp_path / "own.sqlite").exists()
    monkeypatch.setenv("CORE_PLUS_JOURNAL", "none")
    kept()
    refused = core_plus("runs")
    assert refused.status == 2
    assert "no runs are kept, for the journal is 'none': give --journal FILE" in refused.err
    assert len(core_plus("runs", "--journal", str(tmp_path / "own.sqlite")).out.splitlines()) == 1


def test_a_journal_by_option_is_used_for_all(kept, core_plus, tmp_path):
    file = str(tmp_path / "mine.sqlite")
    kept(more=["--journal", file])
    assert "Add them up." in core_plus("runs", "list", "--journal", file).out
    assert core_plus("runs").out == ""


# ---- looking --------------------------------------------------------------------


def test_the_list_has_the_newest_first(kept, core_plus):
    kept(task="One.")
    kept(task="Two.")
    assert [line.split()[-1] for line in core_plus("runs").out.splitlines()] == ["Two.", "One."]


def test_the_list_as_json(kept, core_plus):
    kept()
    (one,) = json.loads(core_plus("runs", "--json").out)
    assert (one["state"], one["task"], one["output"], one["meta"]["arguments"][0]) == (
        "success",
        "Add them up.",
        "5",
        "Add them up.",
    )


def test_show_tells_each_effect_and_how_it_ended(kept, core_plus):
    kept()
    shown = core_plus("runs", "show", "last")
    assert shown.status == 0
    for words in ("Add them up.", "step 1", "step 2", "model ", "code ", "x = 2", "two", "end ", "state: success"):
        assert words in shown.out


def test_show_whole_and_as_json(kept, core_plus):
    kept("x = 2\nprint('y' * 300)", "final_answer(x)")
    assert "y" * 300 not in core_plus("runs", "show", "last").out
    assert "y" * 300 in core_plus("runs", "show", "last", "-v").out
    found = json.loads(core_plus("runs", "show", "last", "--json").out)
    assert found["lines"][0]["kind"] == "model"


def test_what_a_page_smuggled_in_does_not_act_on_the_terminal(kept, core_plus):
    kept("print('\\x1b[2Jgone\\r')", "final_answer('\\x1b]0;x\\x07')")
    shown = core_plus("runs", "show", "last")
    assert "\x1b" not in shown.out
    assert "\x1b" not in core_plus("runs").out


def test_a_run_is_named_by_the_beginning_of_its_id(kept, core_plus):
    kept()
    run_id = json.loads(core_plus("runs", "--json").out)[0]["id"]
    assert core_plus("runs", "show", run_id[:4]).status == 0
    none = core_plus("runs", "show", "zzz")
    assert none.status == 1
    assert "no run begins with 'zzz'; `core-plus runs` lists those that are kept" in none.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["dance"], "there is no 'dance': there are list, show, resume"),
        (["show"], "which run? Give the beginning of its id, or last"),
        (["fork", "last"], "from which step? Give --at-step N"),
        (["answer", "last"], "what is the answer?"),
        (["list", "--nonsense"], "nonsense"),
        (["import", "nowhere.jsonl"], "nowhere.jsonl: No such file"),
    ],
)
def test_wrong_usage_is_said(kept, core_plus, arguments, words):
    kept()
    done = core_plus("runs", *arguments)
    assert done.status == 2
    assert words in done.err


# ---- answering ---------------------------------------------------------------------


def test_a_run_that_asks_with_nobody_there_waits_and_says_how_to_answer(waiting, core_plus):
    assert waiting.status != 0
    assert "May this code run?" in waiting.out + waiting.err
    assert " suspended " in core_plus("runs").out
    shown = core_plus("runs", "show", "last").out
    assert "May this code run? -> nobody has answered yet" in shown
    assert re.search(r"it waits for an answer: core-plus runs answer \w+ ANSWER", shown)


def test_answered_from_another_process_it_goes_on(waiting, core_plus, program):
    with program("runs", "answer", "last", "yes", "-q") as process:
        out, err = process.communicate(timeout=100)
    assert (process.returncode, out) == (0, "SECRET_DEED\n"), err
    assert "state: success" in core_plus("runs", "show", "last").out


def test_a_no_is_what_the_model_reads(waiting, core_plus):
    done = core_plus("runs", "answer", "last", "no", "-q")
    assert done.status != 0
    shown = core_plus("runs", "show", "last").out
    assert "May this code run? -> 'no'" in shown
    assert "SECRET_DEED" not in shown


def test_who_has_answered_already_is_told(waiting, core_plus):
    core_plus("runs", "answer", "last", "yes", "-q")
    late = core_plus("runs", "answer", "last", "yes", "-q")
    assert late.status == 1
    assert "doesn't wait for an answer" in late.err


# ---- going on, repeating, another way ----------------------------------------------------


def test_a_run_that_failed_goes_on(kept, core_plus, script):
    assert kept("x = 2\nprint(x)").status == 1
    script("x = 2\nprint(x)", "final_answer(x + 40)")  # the model knows more now
    done = core_plus("runs", "resume", "last", "-q", "--unknown", "run it again")
    assert (done.status, done.out) == (0, "42\n"), done.err


def test_a_run_that_ended_ends_the_same_again(kept, core_plus):
    kept()
    assert core_plus("runs", "resume", "last", "-q").out == "5\n"


def test_replay_shows_it_again_and_asks_nobody(kept, core_plus, script, tmp_path):
    kept(f"open({str(tmp_path / 'deeds')!r}, 'a').write('x')", "final_answer('done')")
    assert (tmp_path / "deeds").read_text() == "x"
    script("print('nobody asks this')")
    again = core_plus("runs", "replay", "last")
    assert again.status == 0
    assert "final_answer('done')" in again.out
    assert (tmp_path / "deeds").read_text() == "x"


def test_fork_goes_another_way_and_leaves_the_first_as_it_is(kept, core_plus, script):
    kept()
    script("x = 2\nprint('two')", "final_answer(x * 100)")
    done = core_plus("runs", "fork", "last", "--at-step", "2", "--task", "Multiply instead.", "-q")
    assert done.status != 0  # code outside a sandbox isn't run again without being asked
    done = core_plus("runs", "answer", "last", "run it again", "-q")
    assert (done.status, done.out) == (0, "200\n"), done.err
    assert len(core_plus("runs").out.splitlines()) == 2
    assert re.search(r"\(from \w+, step 2\)", core_plus("runs").out)
    assert "forked from" in core_plus("runs", "show", "last").out


def test_a_run_that_a_program_began_is_gone_on_with_there(core_plus, tmp_path):
    from core_plus import Host, ToolCallingAgent
    from core_plus_scripted import ScriptedModel

    file = str(tmp_path / "own.sqlite")
    with Host(only=["core-plus-journal", "core-plus-sqlite", "core-plus-scripted"]) as host:
        ToolCallingAgent(model=ScriptedModel(["done"]), host=host).run("Go", journal=file, run_id="r1")
    done = core_plus("runs", "resume", "r1", "--journal", file)
    assert done.status == 1
    assert "was begun by a program, which alone has its agent" in done.err


# ---- moving ---------------------------------------------------------------------


def test_a_run_is_exported_struck_and_imported_elsewhere(kept, core_plus, tmp_path):
    kept("key = 'sk-123abc'\nprint(key)", "final_answer(1)")
    whole = core_plus("runs", "export", "last").out
    struck = core_plus("runs", "export", "last", "--strike", r"sk-\w+").out
    assert ("sk-123abc" in whole, "sk-123abc" in struck, "***" in struck) == (True, False, True)
    file, other = tmp_path / "run.jsonl", str(tmp_path / "other.sqlite")
    file.write_text(whole, encoding="utf-8")
    taken = core_plus("runs", "import", str(file), "--journal", other)
    assert taken.status == 0
    assert core_plus("runs", "export", taken.out.strip(), "--journal", other).out == whole
    twice = core_plus("runs", "import", str(file), "--journal", other)
    assert twice.status == 1
    assert "already" in twice.err


def test_a_run_is_imported_from_standard_input(kept, core_plus, tmp_path):
    kept()
    whole = core_plus("runs", "export", "last").out
    assert core_plus("runs", "import", "-", "--journal", str(tmp_path / "o.sqlite"), stdin=whole).status == 0


def test_a_deleted_run_is_gone(kept, core_plus):
    kept()
    assert core_plus("runs", "delete", "last").status == 0
    assert core_plus("runs").out == ""
