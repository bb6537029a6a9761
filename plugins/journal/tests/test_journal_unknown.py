"""Effects that were begun and never seen to end: harmless ones are repeated, of others a person says what became."""

from __future__ import annotations

import asyncio

import pytest
from journal_doubles import Desk, Told, call, cut, lines_of, records_of

from core_plus import ConfigurationError, JournalError, RunContext, ToolCallingAgent, tool
from core_plus_journal.journal import Journal
from core_plus_journal.memory import MemoryStore
from core_plus_journal.records import Intent, Outcome


def clerk(world, host, *replies):
    replies = replies or (call("pay", "a", amount=5), heard)
    return ToolCallingAgent(model=Told(*replies), tools=world.tools(), host=host)


def heard(request):
    """The model repeats what it read last."""
    return f"heard: {request.messages[-1].parts[0].parts[0].text}"


def lost(world, host, *replies, tool="pay"):
    """A store with a run whose process was lost while a tool was at work; what it did is done."""
    store = MemoryStore()
    clerk(world, host, *replies).run("Go", journal=Journal(store), run_id="r")
    lines, records = lines_of(store, "r"), records_of(store, "r")
    place = next(n for n, one in enumerate(records) if isinstance(one, Intent) and one.what.get("tool") == tool)
    return cut(lines[: place + 1], "r")


faces = pytest.mark.parametrize("face", ["resume", "aresume"])


def go_on(made, face, *args, **options):
    begun = getattr(made, face)(*args, **options)
    return asyncio.run(begun) if face == "aresume" else begun


@faces
def test_a_read_is_done_again(world, host, face):
    looked = []
    world.at = looked.append
    store = lost(world, host, call("look", "a", at="x"), heard, tool="look")
    assert (
        go_on(clerk(world, host, call("look", "a", at="x"), heard), face, "r", journal=Journal(store)).output
        == "heard: X"
    )
    assert looked == ["look x", "look x"]


@faces
def test_an_idempotent_tool_is_called_again_with_the_same_key(world, host, face):
    keys = []

    @tool(effect="idempotent")
    def charge(context: RunContext, amount: int) -> str:
        """Charge.

        Args:
            amount: How much.
        """
        keys.append(context.idempotency_key)
        return "charged"

    world.tools = lambda: [charge]
    store = lost(world, host, call("charge", "a", amount=1), "done", tool="charge")
    assert go_on(clerk(world, host, call("charge", "a", amount=1), "done"), face, "r", journal=Journal(store)).output
    assert keys[0] == keys[1]
    assert keys[0].startswith("r/")


@faces
def test_a_write_is_asked_about_and_not_done(world, host, face):
    store = lost(world, host)
    waiting = go_on(clerk(world, host), face, "r", journal=Journal(store))
    assert (waiting.state, world.deeds) == ("suspended", ["pay 5"])
    (question,) = waiting.questions
    assert question.choices == ("it happened", "it didn't happen", "stop")
    assert question.details == {"tool": "pay", "arguments": {"amount": 5}}
    assert "pay was being called when the run was lost" in question.text


ANSWERS = [
    ({"it happened": "paid five"}, "success", "heard: paid five", 1),
    ("it happened", "success", "heard: null", 1),
    ("It didn\N{RIGHT SINGLE QUOTATION MARK}t happen ", "success", "heard: paid 5", 2),
    ("stop", "interrupted", None, 1),
]


@faces
@pytest.mark.parametrize(("answer", "state", "output", "times"), ANSWERS)
def test_what_the_person_says_holds(world, host, face, answer, state, output, times):
    store = lost(world, host)
    made = clerk(world, host)
    waiting = go_on(made, face, "r", journal=Journal(store))
    if face == "resume":
        result = made.resume(waiting, answer)
    else:  # another loop, another process: by the run's id
        result = go_on(clerk(world, host), face, "r", answer=answer, journal=Journal(store))
    assert (result.state, result.answer if output is None or "null" not in output else result.state) in [
        (state, output), ("success", "success"),
    ]  # fmt: skip
    assert world.deeds == ["pay 5"] * times


@pytest.mark.parametrize(("answer", "state", "output", "times"), ANSWERS)
def test_a_rule_says_it_without_a_question(world, host, answer, state, output, times):
    store = lost(world, host)
    asked = []

    def rule(effect):
        asked.append((effect.call.name, effect.call.arguments))
        return answer

    result = clerk(world, host).resume("r", journal=Journal(store), unknown=rule)
    assert (result.state, asked) == (state, [("pay", {"amount": 5})])
    assert world.deeds == ["pay 5"] * times


@pytest.mark.parametrize("rule", [lambda effect: "ask", lambda effect: None])
def test_a_rule_may_leave_it_to_the_person(world, host, rule):
    desk = Desk("it happened")
    result = clerk(world, host).resume("r", journal=Journal(lost(world, host)), unknown=rule, ui=desk)
    assert (result.state, len(desk.asked), world.deeds) == ("success", 1, ["pay 5"])


def test_a_word_instead_of_a_rule_holds_for_all(world, host):
    result = clerk(world, host).resume("r", journal=Journal(lost(world, host)), unknown="it didn't happen")
    assert (result.output, world.deeds) == ("heard: paid 5", ["pay 5", "pay 5"])


def test_a_rule_that_is_none_is_refused_before_anything_is_done(world, host):
    store = lost(world, host)
    with pytest.raises(ConfigurationError, match=r"unknown='whatever'.*it happened"):
        clerk(world, host).resume("r", journal=Journal(store), unknown="whatever")
    store.release("r", store.claim("r"))  # nobody has it


def test_an_answer_that_answers_nothing_does_nothing(world, host):
    store = lost(world, host)
    result = clerk(world, host).resume("r", journal=Journal(store), ui=Desk("perhaps"))
    assert (result.state, world.deeds) == ("failed", ["pay 5"])
    assert "it is one of it happened, it didn't happen, stop" in str(result.error)
    waiting = clerk(world, host).resume("r", journal=Journal(store))
    assert waiting.state in ("suspended", "failed")
    assert world.deeds == ["pay 5"]


def test_who_said_what_became_of_it_stands_in_the_journal(world, host):
    store = lost(world, host)
    clerk(world, host).resume("r", journal=Journal(store), unknown=lambda effect: {"it happened": "paid five"})
    (outcome,) = [one for one in records_of(store, "r") if isinstance(one, Outcome) and one.by]
    assert (outcome.by, outcome.value) == ("a person", "paid five")


def test_a_call_that_is_lost_twice_is_asked_about_twice(world, host):
    store = lost(world, host)
    clerk(world, host).resume("r", journal=Journal(store), unknown="it didn't happen")
    records = records_of(store, "r")
    places = [n for n, one in enumerate(records) if isinstance(one, Intent) and one.what.get("tool") == "pay"]
    assert len(places) == 2
    store = cut(lines_of(store, "r")[: places[1] + 1], "r")
    waiting = clerk(world, host).resume("r", journal=Journal(store))
    assert (waiting.state, world.deeds) == ("suspended", ["pay 5", "pay 5"])
    result = clerk(world, host).resume("r", journal=Journal(store), answer={"it happened": "paid 5"})
    assert (result.output, world.deeds) == ("heard: paid 5", ["pay 5", "pay 5"])


@faces
def test_of_calls_that_were_made_together_each_is_asked_about(world, host, face):
    calls = [
        call("pay", "a", amount=1),
        call("pay", "b", amount=2),
        call("look", "c", at="x"),
        call("pay", "d", amount=3),
    ]
    store = lost_together(world, host, calls)
    waiting = go_on(clerk(world, host, calls, "done"), face, "r", journal=Journal(store))
    assert waiting.state == "suspended"
    assert sorted(one.details["arguments"]["amount"] for one in waiting.questions) == [1, 2, 3]
    answers = {one.id: {"it happened": f"paid {one.details['arguments']['amount']}"} for one in waiting.questions}
    with pytest.raises(JournalError, match="waits for 3 answers: give a dict"):
        go_on(clerk(world, host, calls, "done"), face, "r", answer="it happened", journal=Journal(store))
    result = go_on(clerk(world, host, calls, "done"), face, "r", answer=answers, journal=Journal(store))
    assert result.output == "done"
    assert sorted(world.deeds) == ["pay 1", "pay 2", "pay 3"]


def lost_together(world, host, calls):
    """All calls were begun, none was seen to end."""
    store = MemoryStore()
    clerk(world, host, calls, "done").run("Go", journal=Journal(store), run_id="r")
    kept = []
    for line, record in zip(lines_of(store, "r"), records_of(store, "r"), strict=True):
        if isinstance(record, Outcome) and kept and b'"kind":"tool"' in b"".join(kept):
            continue
        if isinstance(record, Intent) and record.kind == "model" and b'"kind":"tool"' in b"".join(kept):
            break
        kept.append(line)
    return cut(kept, "r")


def test_some_answers_now_and_some_later(world, host):
    calls = [call("pay", "a", amount=1), call("pay", "b", amount=2)]
    store = lost_together(world, host, calls)
    waiting = clerk(world, host, calls, "done").resume("r", journal=Journal(store))
    first, second = sorted(waiting.questions, key=lambda one: one.details["arguments"]["amount"])
    waiting = clerk(world, host, calls, "done").resume("r", answer={first.id: "it happened"}, journal=Journal(store))
    assert [one.id for one in waiting.questions] == [second.id]
    result = clerk(world, host, calls, "done").resume("r", answer="it didn't happen", journal=Journal(store))
    assert result.output == "done"
    assert sorted(world.deeds) == ["pay 1", "pay 2", "pay 2"]


@pytest.mark.parametrize("answer", ["it happened", "it didn't happen"])
def test_a_run_that_is_cut_again_after_the_answer_goes_on_without_asking_what_was_answered(world, host, answer):
    store = lost(world, host)
    before = len(lines_of(store, "r"))
    clerk(world, host).resume("r", journal=Journal(store), ui=Desk(answer))
    lines, records = lines_of(store, "r"), records_of(store, "r")
    done = [*world.deeds]
    for number in range(before, len(lines) + 1):
        last = [one for one in records[:number] if isinstance(one, Intent) and one.what.get("tool") == "pay"]
        seen = [one.key for one in records[:number] if isinstance(one, Outcome)]
        asked = Desk(answer)
        result = clerk(world, host).resume("r", journal=Journal(cut(lines[:number], "r")), ui=asked)
        assert result.state == "success", number
        is_open = last[-1].key not in seen
        was_answered = any(key.startswith(f"{last[-1].key}!{len(last)}") for key in seen)
        assert len(asked.asked) == (is_open and not was_answered), number
        assert len(world.deeds) == len(done) + (is_open and answer == "it didn't happen"), number
        world.deeds[:] = done


def test_a_secret_tools_arguments_are_not_shown_in_the_question(world, host):
    @tool(secret=True)
    def unlock(code: str) -> str:
        """Unlock.

        Args:
            code: The code.
        """
        world.do("unlock")
        return "hunter2"

    world.tools = lambda: [unlock]
    # The model's words can't be repeated, so the question comes only where the call is the loop's own.
    store = lost(world, host, call("unlock", "a", code="1234"), "done", tool="unlock")
    result = clerk(world, host, call("unlock", "a", code="1234"), "done").resume("r", journal=Journal(store))
    assert result.state == "failed"
    assert "can't be repeated: it calls a tool marked secret" in str(result.error)
    assert world.deeds == ["unlock"]
