"""Branches of a generator of effects that begins some, and does others together."""

from __future__ import annotations

from kernel_doubles import Scripted, call

from core_plus import RunContext, ToolCallingAgent, tool
from core_plus.effects import AskHuman, Begin, FirstDone, Question, Together


def value(found):
    """A branch that gives a value."""
    yield from ()
    return found


def test_what_is_done_together_is_kept_apart_from_what_was_begun_before(host):
    @tool
    def mixed():
        """Begins one branch, does two together, and collects the first."""
        yield Begin(key=0, branch=value("begun"))
        together = yield Together(branches=[value("a"), value("b")])
        key, outcome = yield FirstDone()
        return [[one.value for one in together], key, outcome.value]

    agent = ToolCallingAgent(model=Scripted([call("mixed")], "done"), tools=[mixed], host=host)
    result = agent.run("Go.")
    assert result.steps[1].calls[0].value == [["a", "b"], 0, "begun"]


def test_the_value_of_a_secret_tool_is_in_no_event_of_its_own(host):
    @tool(secret=True)
    def password(context: RunContext) -> str:
        """The password."""
        return "hunter2"

    agent = ToolCallingAgent(model=Scripted([call("password")], "done"), tools=[password], host=host)
    ended = [event for event in agent.stream("Go.") if type(event).__name__ == "ToolFinished"]
    assert [event.value for event in ended] == ["***"]


def test_an_effect_as_a_branch_may_wait_for_a_person(host):
    @tool
    def asking():
        """Asks two things at once."""
        asked = [AskHuman(question=Question(text=text)) for text in ("one?", "two?")]
        return [outcome.value for outcome in (yield Together(branches=asked))]

    agent = ToolCallingAgent(model=Scripted([call("asking")], "done"), tools=[asking], host=host)
    waiting = agent.run("Go.")
    answers = {question.id: question.text.upper() for question in waiting.questions}
    assert agent.resume(waiting, answers).steps[1].calls[0].value == ["ONE?", "TWO?"]
