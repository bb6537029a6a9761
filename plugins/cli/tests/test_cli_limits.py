"""`core-plus run` under a policy and within a budget."""

from __future__ import annotations

import json

import pytest

from core_plus import Host

TOOLS = """
from pathlib import Path

from core_plus import tool


@tool
def write_note(text: str) -> str:
    \"\"\"Write a note.

    Args:
        text: What.
    \"\"\"
    Path("note.txt").write_text(text)
    return "written"
"""


@pytest.fixture
def writes(tmp_path, script):
    """What makes a run call a tool that writes a file, as options."""
    (tmp_path / "notes.py").write_text(TOOLS)
    return "-t", "notes.py", "-m", script("write_note('hello')", "final_answer(write_note('again'))")


@pytest.fixture
def calls(tmp_path, writes):
    """The same by calls: where no code ran, a run goes on without asking for its interpreter."""
    turns = [{"tool_calls": [{"name": "write_note", "arguments": {"text": text}}]} for text in ("hello", "again")]
    (tmp_path / "turns.json").write_text(json.dumps([*turns, "written twice"]))
    return "-t", "notes.py", "-m", "scripted:turns.json", "--agent", "tool_calling"


@pytest.mark.parametrize(
    ("policy", "status", "note"),
    [("trust", 0, "again"), ("read-only", 1, None), ("careful", 3, None), (None, 0, "again")],
)
def test_a_policy_says_what_a_run_may_do(policy, status, note, core_plus, writes, tmp_path):
    done = core_plus("run", "Write.", *writes, *(["--approve", policy] if policy else []))
    assert done.status == status, done.err
    path = tmp_path / "note.txt"
    assert (path.read_text() if path.exists() else None) == note


def test_a_run_that_waits_is_answered_later_and_knows_what_was_granted(core_plus, calls, tmp_path):
    assert core_plus("run", "Write.", *calls, "--approve", "careful").status == 3
    done = core_plus("runs", "answer", "last", "yes")
    assert (done.status, (tmp_path / "note.txt").read_text()) == (3, "hello"), done.err
    assert "write_note(text='again')" in done.out + done.err
    done = core_plus("runs", "answer", "last", "always")
    assert (done.status, (tmp_path / "note.txt").read_text()) == (0, "again"), done.err


def test_what_was_allowed_for_the_rest_of_a_run_is_known_to_the_process_that_goes_on(core_plus, calls, tmp_path):
    assert core_plus("run", "Write.", *calls, "--approve", "careful").status == 3
    done = core_plus("runs", "answer", "last", "always")
    assert (done.status, (tmp_path / "note.txt").read_text()) == (0, "again"), done.err


def test_a_policy_may_be_a_file(core_plus, writes, tmp_path):
    rule = '[approval]\n[[approval.rules]]\nverdict = "deny"\ntool = "write_*"\nreason = "not on my disk"\n'
    (tmp_path / "rules.toml").write_text(rule)
    done = core_plus("run", "Write.", "-v", *writes, "--approve", "rules.toml")
    assert "not on my disk" in done.out
    assert not (tmp_path / "note.txt").exists()


def test_a_policy_that_does_not_exist_is_said_before_anything_runs(core_plus, writes):
    done = core_plus("run", "Write.", *writes, "--approve", "carefull")
    assert done.status == 2
    assert "did you mean careful" in done.err
    assert done.out == ""


@pytest.mark.parametrize(("option", "value"), [("--approve", "careful"), ("--max-tokens", "5")])
def test_a_plugin_that_is_not_there_is_named(option, value, core_plus, writes):
    with Host(block=["core-plus-approval", "core-plus-budget"]) as host:
        done = core_plus("run", "Write.", *writes, option, value, host=host)
    assert done.status == 2
    assert f"pip install core-plus-{'approval' if option == '--approve' else 'budget'}" in done.err


def test_a_run_ends_before_it_could_use_more_tokens(core_plus, writes):
    done = core_plus("run", "Write.", "--json", *writes, "--max-tokens", "100")
    found = json.loads(done.out)
    assert (done.status, found["state"]) == (1, "limit")
    assert "the run may use 100 tokens: 0 are used" in found["error"]


def test_a_run_with_a_price_that_nobody_knows_does_not_begin(core_plus, writes):
    done = core_plus("run", "Write.", "--json", *writes, "--max-cost", "0.50")
    assert "no price is known of the model 'scripted:turns.md'" in json.loads(done.out)["error"]


@pytest.mark.parametrize("value", ["0", "-1", "much", "nan", "1e9"])
def test_a_cost_that_is_none_is_wrong_usage(value, core_plus):
    done = core_plus("run", "Write.", f"--max-cost={value}")
    assert done.status == 2
    assert "no sum of money" in done.err
