"""A kept run is repeated offline with the same events: no model is asked, no tool called, no code run."""

from __future__ import annotations

import asyncio

import pytest
from journal_doubles import Desk, Told, Untouched, World, call, code, cut, ended, lines_of, told
from journal_executors import ThreadExecutor
from journal_rich import agent, house, user_input

from core_plus import Ask, CodeAgent, Continue, Divergence, Edit, Stop, ToolCallingAgent, message
from core_plus.events import ActionStep, ModelDelta, NoteStep
from core_plus.models import FinishDelta, TextDelta
from core_plus_journal import replay, replayed
from core_plus_journal.journal import Journal


class Nobody(Told):
    """A model that must not be asked."""

    def forward(self, request):
        raise AssertionError("the model was asked")


async def collected(stream):
    return [event async for event in stream]


def events_of(made, face, store, **options):
    """The events of a kept run."""
    options = {"journal": Journal(store), "run_id": "r", **options}
    if face == "astream":
        return asyncio.run(collected(made.astream("Go", **options)))
    return list(made.stream("Go", **options))


def again(made, face, store, **options):
    """The events of its repetition."""
    stream = replay(made, "r", journal=Journal(store), **options)
    return asyncio.run(collected(stream)) if face == "astream" else list(stream)


def words(events):
    return [repr(event) for event in told(events)]


faces = pytest.mark.parametrize("face", ["stream", "astream"])
backs = pytest.mark.parametrize("back", ["stream", "astream"])


@faces
@backs
def test_a_run_of_everything_has_the_same_events_again(store, face, back):
    with house() as home:
        first = events_of(agent(World(), home), face, store, ui=Desk("red"))
        assert ended(first).state == "success"
        code_runs = ThreadExecutor()
        second = again(agent(Untouched(), home, model=Nobody(), executor=code_runs), back, store)
    assert words(second) == words(first)
    assert code_runs.opened == 0


@faces
def test_a_repetition_writes_nothing_and_claims_nothing(store, face):
    with house() as home:
        events_of(agent(World(), home), face, store, ui=Desk("red"))
        before = lines_of(store, "r")
        epoch = store.claim("r")
        again(agent(Untouched(), home, model=Nobody()), face, store)
    store.append("r", epoch, [])
    assert lines_of(store, "r") == before


@faces
def test_where_the_journal_ends_the_repetition_is_interrupted(store, host, face):
    made = ToolCallingAgent(model=Told(call("pay", "a", amount=5), "done"), tools=World().tools(), host=host)
    events_of(made, face, store)
    lines = lines_of(store, "r")
    for number in range(1, len(lines) - 2):
        found = again(made, face, cut(lines[:number], "r"))
        assert ended(found).state == "interrupted", number


PARALLEL = """
import asyncio
async def late(name, wait):
    await asyncio.sleep(wait)
    return await send(name)
some = await asyncio.gather(late("a", 0.02), late("b", 0), send("c", 0.01), look("x"))
first, rest = await asyncio.wait([asyncio.ensure_future(send(x, w)) for x, w in (("d", 0.03), ("e", 0.0))],
                                 return_when=asyncio.FIRST_COMPLETED)
print(some, [task.result() for task in first])
for task in rest:
    await task
final_answer(some)
"""


@faces
@backs
def test_code_that_does_several_things_at_once_has_the_same_events_again(store, host, worker, face, back):
    made = CodeAgent(model=Told(code(PARALLEL)), tools=World().tools(), executor=worker, host=host)
    first = events_of(made, face, store)
    assert ended(first).output == ["sent a", "sent b", "sent c", "X"]
    before = worker.opened
    assert words(again(made, back, store)) == words(first)
    assert worker.opened == before


@faces
def test_tools_that_are_called_together_come_back_in_the_order_in_which_they_ended(store, host, face):
    calls = [call("send", f"c{n}", letter=f"l{n}", wait=0.02 - n / 250) for n in range(5)]
    made = ToolCallingAgent(model=Told(calls, "done"), tools=World().tools(), host=host)
    first = events_of(made, face, store)
    assert words(again(made, face, store)) == words(first)


class Streaming(Told):
    """A model that streams."""

    def stream(self, request):
        for word in self.forward(request).message.text.split():
            yield TextDelta(f"{word} ")
        yield FinishDelta("stop")


@faces
def test_what_was_streamed_comes_again_though_in_other_pieces(store, host, face):
    made = ToolCallingAgent(model=Streaming("It is all done."), host=host)
    first = events_of(made, face, store)
    second = again(made, face, store)
    deltas = [[one.delta for one in events if isinstance(one, ModelDelta)] for events in (first, second)]
    said = ["".join(delta.text for delta in some if isinstance(delta, TextDelta)) for some in deltas]
    assert said[0] == said[1] == "It is all done. "
    assert words(first) == words(second)


# ---- callbacks that steer ----------------------------------------------------------


def steered(word, host, **settings):
    """An agent whose callback says a word after the first step; the callback of the repetition must not be called."""

    def steer(step: ActionStep):
        return word if step.number == 1 else None

    options = {"model": Told(call("look", "a", at="x"), "done"), "tools": World().tools(), "callbacks": [steer]}
    return ToolCallingAgent(host=host, **{**options, **settings})


@faces
@pytest.mark.parametrize(
    ("word", "state"),
    [
        (Stop(output={"so": [1, b"x"]}), "stopped"),
        (Stop(reason="enough"), "stopped"),
        (Continue(), "success"),
        (None, "success"),
        (Ask("Go on?"), "success"),
        (
            Edit((NoteStep(number=1, messages=(message("user", "Forget it."), message("assistant", "Yes."))),)),
            "success",
        ),
    ],
    ids=repr,
)
def test_a_word_of_a_callback_comes_again(store, host, face, word, state):
    first = events_of(steered(word, host), face, store, ui=Desk("yes"))
    assert ended(first).state == state

    def unheard(step: ActionStep):
        raise AssertionError("the callback was called")

    unheard.__name__ = "steer"
    assert words(again(steered(word, host, callbacks=[unheard]), face, store)) == words(first)


def test_a_callback_that_raised_raises_again(store, host):
    def steer(step: ActionStep):
        raise ZeroDivisionError("by nothing")

    first = events_of(steered(None, host, callbacks=[steer]), "stream", store)
    assert "by nothing" in ended(first).error
    second = again(steered(None, host, callbacks=[steer]), "stream", store)
    assert ended(second).state == ended(first).state == "failed"
    assert "by nothing" in ended(second).error


# ---- runs that ended otherwise -----------------------------------------------------


@faces
@pytest.mark.parametrize(
    ("replies", "options", "state"),
    [
        ([ValueError("broken")], {}, "failed"),
        ([call("look", "a", at="x"), "no more"], {"max_steps": 1}, "max_steps"),
        ([call("nobody", "a"), call("look", "b", where="x"), "done"], {}, "success"),
        (["not final"], {"ui": Desk("yes")}, "success"),
    ],
)
def test_a_run_that_ended_otherwise_ends_so_again(store, host, face, replies, options, state):
    made = ToolCallingAgent(model=Told(*replies), tools=[*World().tools(), user_input], host=host)
    first = events_of(made, face, store, **options)
    assert ended(first).state == state
    assert words(again(made, face, store)) == words(first)


# ---- as a test of a run from production --------------------------------------------


def test_a_run_in_a_file_is_a_test(store, host, tmp_path):
    made = ToolCallingAgent(model=Told(call("pay", "a", amount=5), "done"), tools=World().tools(), host=host)
    events_of(made, "stream", store)
    file = tmp_path / "run.jsonl"
    file.write_bytes(b"\n".join(Journal(store).export("r")) + b"\n")
    mended = ToolCallingAgent(model=Nobody(), tools=Untouched().tools(), host=host)
    result = replayed(mended, file)
    assert (result.output, result.run_id) == ("done", "r")
    assert result.steps[1].calls[0].value == "paid 5"


def test_a_run_in_a_file_that_the_agent_does_not_do_any_more_fails_the_test(store, host, tmp_path):
    made = ToolCallingAgent(model=Told(call("pay", "a", amount=5), "done"), tools=World().tools(), host=host)
    events_of(made, "stream", store)
    file = tmp_path / "run.jsonl"
    file.write_bytes(b"\n".join(Journal(store).export("r")))
    poor = [tool for tool in Untouched().tools() if tool.name != "pay"]
    with pytest.raises(Divergence, match="it wants to end, where the journal has the tool pay"):
        replayed(ToolCallingAgent(model=Nobody(), tools=poor, host=host), file)
