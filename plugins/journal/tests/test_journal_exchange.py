"""Runs as lines of JSON: out of one journal and into another, whole or with texts struck out; and told to people."""

from __future__ import annotations

import json

import pytest
from journal_doubles import Desk, Told, Untouched, World, call, lines_of, records_of
from journal_rich import agent, house

from core_plus import Ask, Host, JournalError, ToolCallingAgent, hookimpl, message
from core_plus.effects import CallTool
from core_plus_journal import replay
from core_plus_journal.journal import Journal
from core_plus_journal.memory import MemoryStore
from core_plus_journal.records import record_of


@pytest.fixture(scope="module")
def home():
    with house() as made:
        yield made


@pytest.fixture(scope="module")
def rich(home):
    """A store with a run of everything."""
    store = MemoryStore()
    agent(World(), home).run("Go", journal=Journal(store), run_id="r", ui=Desk("red"))
    return store


def test_what_is_exported_is_lines_of_json(rich):
    lines = list(Journal(rich).export("r"))
    assert all(b"\n" not in line and isinstance(json.loads(line), dict) for line in lines)
    assert lines == lines_of(rich, "r")


def test_what_is_imported_is_the_same_and_repeats_the_same(rich, home):
    other = Journal(MemoryStore())
    assert other.take(Journal(rich).export("r")) == ["r"]
    assert list(other.export("r")) == list(Journal(rich).export("r"))
    result = replay(agent(Untouched(), home, model=Told()), "r", journal=other).finish()
    assert result.output == ["paid 1", "All done.", "they said red", "seat 3paid 4"]


def test_several_runs_are_imported_from_one_file(host, store):
    made = ToolCallingAgent(model=Told("done"), host=host)
    for name in "abc":
        made.run("Go", journal=Journal(store), run_id=name)
    lines = [line for name in "abc" for line in [*Journal(store).export(name), b"", b"  "]]
    other = Journal(MemoryStore())
    assert other.take(lines) == ["a", "b", "c"]
    assert {one.state for one in other.runs()} == {"success"}


def test_what_is_there_already_is_not_imported(rich):
    with pytest.raises(JournalError, match="there is a run r already"):
        Journal(rich).take(Journal(rich).export("r"))


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([b"{"], "the file, line 1: this is no record"),
        ([b'{"is":"intent","key":"1","kind":"model","at":0}'], "line 1: a run begins with its header, not with Intent"),
        ([], "the file holds no run"),
        ([b"  "], "the file holds no run"),
    ],
)
def test_what_is_no_run_is_named_with_its_line(lines, words):
    with pytest.raises(JournalError, match=words):
        Journal(MemoryStore()).take(lines, "the file")


def test_a_damaged_line_imports_nothing(rich):
    lines = list(Journal(rich).export("r"))
    other = Journal(MemoryStore())
    with pytest.raises(JournalError, match=r"the file, line 9: this is no record"):
        other.take([*lines[:8], lines[8][:-5], *lines[9:]], "the file")
    assert other.runs() == []


def test_struck_texts_are_in_no_line(host, store):
    made = ToolCallingAgent(
        model=Told(call("pay", "a", amount=5), "the key is sk-123abc"), tools=World().tools(), host=host
    )
    history = [message("user", "my key: sk-999zzz"), message("assistant", "Thanks.")]
    made.run("Go with sk-123abc", journal=Journal(store), run_id="r", message_history=history, variables={"k": "sk-5x"})
    struck = b"\n".join(Journal(store).export("r", [r"sk-\w+"]))
    assert b"sk-" not in struck
    assert struck.count(b"***") >= 4
    for line in struck.splitlines():
        record_of(line, "here")


def test_a_key_of_a_dict_is_struck_too(host, store):
    made = ToolCallingAgent(model=Told("done"), host=host)
    made.run("Go", journal=Journal(store), run_id="r", variables={"k": {"sk-5x": 1}})
    assert b"sk-5x" not in b"".join(Journal(store).export("r", [r"sk-\w+"]))


def test_an_expression_that_is_none_is_refused(rich):
    with pytest.raises(JournalError, match="this is no regular expression"):
        list(Journal(rich).export("r", ["("]))


# ---- told to people --------------------------------------------------------------------


def test_a_kept_run_is_told_line_by_line(rich):
    story = Journal(rich).story("r")
    kinds = [line.kind for line in story]
    assert kinds[0] == "model"
    assert kinds[-1] == "end"
    assert story[-1].what == "success"
    (paid,) = [line for line in story if line.what == "pay(amount=4)"]
    assert (paid.outcome, paid.state, paid.step) == ("'paid 4'", "done", 3)
    (inner,) = [line for line in story if line.what == "pay(amount=6)"]
    assert inner.agent == "clerk"


def test_the_list_says_how_each_run_stands(host, store):
    class Careful:
        @hookimpl
        def review_effect(self, effect):
            return Ask() if isinstance(effect, CallTool) else None

    done = ToolCallingAgent(model=Told("done"), host=host)
    done.run("One", journal=Journal(store, {"by": "a test"}), run_id="a")
    ToolCallingAgent(model=Told(ValueError("broken")), host=host).run("Two", journal=Journal(store), run_id="b")
    with Host(only=["core-plus-journal"], plugins=[Careful()]) as careful:
        made = ToolCallingAgent(model=Told(call("pay", "x", amount=1), "done"), tools=World().tools(), host=careful)
        made.run("Three", journal=Journal(store), run_id="c")
    cut_off = lines_of(store, "a")[:-1]
    store._runs["d"], store._epochs["d"] = cut_off, 1
    found = Journal(store).runs()
    assert [(one.id, one.state, one.task) for one in found] == [
        ("d", "broken off", "One"), ("c", "suspended", "Three"), ("b", "failed", "Two"), ("a", "success", "One"),
    ]  # fmt: skip
    assert found[3].meta == {"by": "a test"}
    assert "broken" in found[2].error


def test_a_deleted_run_is_gone(host, store):
    ToolCallingAgent(model=Told("done"), host=host).run("Go", journal=Journal(store), run_id="a")
    Journal(store).delete("a")
    assert Journal(store).runs() == []
    with pytest.raises(JournalError, match="no run a"):
        Journal(store).delete("a")


def test_every_prefix_of_a_run_can_be_told(rich):
    lines = lines_of(rich, "r")
    for number in range(1, len(lines) + 1):
        store = MemoryStore()
        store._runs["r"], store._epochs["r"] = lines[:number], 1
        assert len(Journal(store).runs()) == 1
        Journal(store).story("r")
    assert len(records_of(rich, "r")) == len(lines)
