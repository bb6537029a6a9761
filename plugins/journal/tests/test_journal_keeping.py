"""What is kept of a run, in which order, and what is on disk before the world is changed."""

from __future__ import annotations

import asyncio

import pytest
from journal_doubles import Desk, Told, call, lines_of, records_of
from journal_rich import house, whole

from core_plus import Host, JournalError, RateLimitError, ToolCallingAgent, hookimpl, tool
from core_plus.effects import AskHuman, CallTool, Deny
from core_plus_journal.journal import Journal
from core_plus_journal.memory import MemoryStore
from core_plus_journal.records import End, Header, Intent, Outcome, Said


def clerk(world, host, *replies, **settings):
    replies = replies or (call("pay", "a", amount=5), "done")
    return ToolCallingAgent(model=Told(*replies), tools=world.tools(), host=host, **settings)


def keys(records, kind):
    return [record.key for record in records if isinstance(record, kind)]


# ---- the form ---------------------------------------------------------------


def test_the_header_says_what_was_asked_of_whom(world, host, store):
    journal = Journal(store, meta={"ticket": "T-1"})
    clerk(world, host, name="ann").run("Pay 5.", journal=journal, run_id="r", variables={"x": 1.5}, max_steps=7)
    header = records_of(store, "r")[0]
    assert isinstance(header, Header)
    assert (header.id, header.task, header.version) == ("r", "Pay 5.", 1)
    assert header.agent["class"] == "ToolCallingAgent"
    assert (header.agent["name"], header.agent["model"]) == ("ann", "told:test")
    assert set(header.tools) == {"pay", "send", "book", "look", "note", "final_answer"}
    assert header.options["max_steps"] == 7
    assert header.variables == {"x": 1.5}
    assert header.meta == {"ticket": "T-1"}
    (mark,) = [mark for mark in header.plugins if mark.name == "core-plus-journal"]
    assert (len(mark.hash), bool(mark.version)) == (64, True)
    assert header.began.endswith("+00:00")


def test_each_effect_is_an_intent_and_then_an_outcome(host):
    for face in ("run", "arun"):
        with house() as home:
            _, store = whole(home, face)
        records = records_of(store, "rich")
        begun: set[str] = set()
        for record in records:
            if isinstance(record, Intent):
                assert record.key not in begun
                begun.add(record.key)
            elif isinstance(record, Outcome):
                assert record.key in begun
        assert sorted(keys(records, Intent)) == sorted(keys(records, Outcome))
        assert {record.kind for record in records if isinstance(record, Intent)} == {
            "model", "tool", "code", "answers", "question", "callback",
        }  # fmt: skip


def test_the_clock_of_a_journal_never_goes_back(host):
    with house() as home:
        _, store = whole(home)
    at = [record.at for record in records_of(store, "rich") if isinstance(record, Intent | Outcome | End)]
    assert at == sorted(at)
    assert at[0] >= 0


def test_the_same_run_has_the_same_keys_again(host):
    with house() as home:
        one, other = (records_of(whole(home)[1], "rich") for _ in range(2))
    assert sorted(keys(one, Intent)) == sorted(keys(other, Intent))


def test_an_inner_runs_effects_name_the_agents_around_it():
    with house() as home:
        _, store = whole(home)
    inner = [one for one in records_of(store, "rich") if isinstance(one, Intent) and one.agent]
    assert {one.agent for one in inner} == {"clerk"}
    assert sorted(one.what["tool"] for one in inner if one.kind == "tool") == ["book", "pay", "send", "send"]


def test_the_last_record_says_how_the_run_ended(world, host, store):
    clerk(world, host).run("Pay 5.", journal=Journal(store), run_id="r")
    last = records_of(store, "r")[-1]
    assert isinstance(last, End)
    assert (last.state, last.error, last.output, last.tokens) == ("success", None, "'done'", 24)


def test_what_a_tool_raised_is_kept_with_its_class(world, host, store):
    @tool
    def fail() -> None:
        """Fails."""
        raise OSError("no such door")

    ToolCallingAgent(model=Told(call("fail", "a"), "done"), tools=[fail], host=host).run(
        "Go", journal=Journal(store), run_id="r"
    )
    (kept,) = [one.error for one in records_of(store, "r") if isinstance(one, Outcome) and one.error]
    assert kept["class"] == "AgentToolExecutionError"
    assert "OSError: no such door" in kept["text"]


def test_what_plugins_said_is_kept():
    with house() as home:
        _, store = whole(home)
    said = [(one.key.rpartition(":")[2], one.word) for one in records_of(store, "rich") if isinstance(one, Said)]
    assert ("review", {"Deny": {"reason": "13 brings bad luck"}}) in said
    assert ("review", {"Allow": {"reason": "it is little", "max_tokens": None}}) in said
    assert ("retry", {"Retry": [0.001, None, "no room"]}) in said


def test_a_question_is_kept_with_its_answer(world, host, store):
    @tool
    def user_input(question: str):
        """Asks.

        Args:
            question: What.
        """
        from core_plus import Question

        return (yield AskHuman(question=Question(text=question)))

    made = ToolCallingAgent(
        model=Told(call("user_input", "a", question="Which?"), "done"), tools=[user_input], host=host
    )
    made.run("Go", journal=Journal(store), run_id="r", ui=Desk("red"))
    records = records_of(store, "r")
    (asked,) = [one for one in records if isinstance(one, Intent) and one.kind == "question"]
    (answered,) = [one for one in records if isinstance(one, Outcome) and one.key == asked.key]
    assert (asked.what["question"]["text"], answered.value) == ("Which?", "red")


def test_no_record_holds_the_history(world, host, store):
    turns = [call("pay", f"c{n}", amount=n) for n in range(1, 60)]
    clerk(world, host, *turns, "done", max_steps=80).run("Pay.", journal=Journal(store), run_id="r")
    lines = lines_of(store, "r")[1:-1]
    assert max(map(len, lines[-40:])) <= max(map(len, lines[:40])) + 20


def test_a_run_that_is_kept_nowhere_has_no_keeper(world, host):
    result = clerk(world, host).run("Pay 5.")
    assert result.run.keeper is None


# ---- what is on disk, when ---------------------------------------------------------


@pytest.mark.parametrize("face", ["run", "arun"])
@pytest.mark.parametrize("name", ["pay", "send"])
def test_when_a_writing_tool_begins_its_intent_is_kept(world, host, store, face, name):
    kept = []
    world.at = lambda deed: kept.append([one for one in records_of(store, "r") if isinstance(one, Intent)][-1].what)
    wanted = {"amount": 5} if name == "pay" else {"letter": "x"}
    made = clerk(world, host, call(name, "a", **wanted), "done")
    begun = getattr(made, face)("Go", journal=Journal(store), run_id="r")
    _ = asyncio.run(begun) if face == "arun" else begun
    (what,) = kept
    assert (what["tool"], what["call"], what["effect"]) == (name, "a", "write")
    assert what["arguments"].items() >= wanted.items()


def test_when_the_model_is_asked_again_the_tools_outcome_is_kept(world, host, store):
    def look(request):
        ends = [one for one in records_of(store, "r") if isinstance(one, Outcome)]
        assert ends[-1].value == "paid 5"
        return "done"

    assert clerk(world, host, call("pay", "a", amount=5), look).run("Go", journal=Journal(store), run_id="r").output


def test_while_a_person_is_asked_the_question_is_kept(world, store):
    class Asking:
        @hookimpl
        def review_effect(self, effect):
            from core_plus import Ask

            return Ask() if isinstance(effect, CallTool) else None

    def look(question):
        assert records_of(store, "r")[-1].what["question"]["id"] == question.id
        return "yes"

    with Host(only=["core-plus-journal"], plugins=[Asking()]) as home:
        clerk(world, home).run("Go", journal=Journal(store), run_id="r", ui=Desk(look))
    assert world.deeds == ["pay 5"]


def test_what_may_be_done_again_costs_one_write(world, host):
    class Counting(MemoryStore):
        writes = 0

        def append(self, run_id, epoch, records):
            self.writes += 1
            super().append(run_id, epoch, records)

    def written(name, **arguments):
        store = Counting()
        clerk(world, host, call(name, "a", **arguments), "done").run("Go", journal=Journal(store))
        return store.writes

    assert written("look", at="x") == written("book", seat=1) == written("pay", amount=1) - 1


# ---- what can't be kept ------------------------------------------------------------


class Full(MemoryStore):
    """A store that has room for so many records, and then none."""

    def __init__(self, room):
        super().__init__()
        self.room = room

    def append(self, run_id, epoch, records):
        self.room -= len(records)
        if self.room < 0:
            raise JournalError("no room is left")
        super().append(run_id, epoch, records)


@pytest.mark.parametrize("face", ["run", "arun"])
def test_what_cannot_be_kept_is_not_done(world, host, face):
    store = Full(2)
    made = clerk(world, host)
    begun = getattr(made, face)("Go", journal=Journal(store), run_id="r")
    result = asyncio.run(begun) if face == "arun" else begun
    assert result.state == "failed"
    assert "no room is left" in str(result.error)
    assert isinstance(result.error, JournalError)
    assert world.deeds == []
    store.room = 100
    assert made.resume("r", journal=Journal(store)).output == "done"
    assert world.deeds == ["pay 5"]


def test_a_deed_whose_outcome_cannot_be_kept_ends_the_run_and_is_asked_about(world, host):
    store = Full(3)
    made = clerk(world, host)
    result = made.run("Go", journal=Journal(store), run_id="r")
    assert (result.state, world.deeds) == ("failed", ["pay 5"])
    store.room = 100
    waiting = made.resume("r", journal=Journal(store))
    assert waiting.state == "suspended"
    assert "nobody knows whether it did its work" in waiting.questions[0].text
    assert made.resume(waiting, {"it happened": "paid 5"}).output == "done"
    assert world.deeds == ["pay 5"]


def test_a_run_that_cannot_be_kept_is_not_begun(world, host, store):
    made = clerk(world, host)
    made.run("Go", journal=Journal(store), run_id="r")
    with pytest.raises(JournalError, match="there is a run r already"):
        made.run("Go", journal=Journal(store), run_id="r")
    assert world.deeds == ["pay 5"]


def test_a_value_that_contains_itself_ends_the_run_not_the_process(world, host, store):
    @tool
    def loop() -> list:
        """Gives a list that contains itself."""
        found: list = []
        found.append(found)
        return found

    made = ToolCallingAgent(model=Told(call("loop", "a"), "done"), tools=[loop], host=host)
    result = made.run("Go", journal=Journal(store), run_id="r")
    assert result.state == "failed"
    assert "can't be kept in the journal" in str(result.error)


def test_a_denied_tool_leaves_no_intent(world, store):
    class Denying:
        @hookimpl
        def review_effect(self, effect):
            return Deny("never") if isinstance(effect, CallTool) else None

    with Host(only=["core-plus-journal"], plugins=[Denying()]) as home:
        clerk(world, home).run("Go", journal=Journal(store), run_id="r")
    assert not [one for one in records_of(store, "r") if isinstance(one, Intent) and one.kind == "tool"]
    assert world.deeds == []


def test_a_failed_model_call_keeps_what_the_provider_said(world, host, store):
    refused = RateLimitError("slow down", provider="told", status=429, retry_after=7.0)
    clerk(world, host, refused).run("Go", journal=Journal(store), run_id="r")
    (error,) = [one.error for one in records_of(store, "r") if isinstance(one, Outcome) and one.error]
    assert error == {
        "class": "RateLimitError", "text": "slow down", "provider": "told", "status": 429, "retry_after": 7.0,
    }  # fmt: skip
