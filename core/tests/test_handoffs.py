"""Hand-offs: an agent gives the whole conversation to another, whose answer is the run's."""

from __future__ import annotations

import asyncio

import pytest
from kernel_doubles import Scripted, ThreadExecutor, call

from core_plus import CodeAgent, ConfigurationError, Text, ToolCallingAgent
from core_plus.events import RunStarted


def desk(*replies, **settings):
    return ToolCallingAgent(model=Scripted(*replies), name="desk", description="Knows refunds.", **settings)


def front(host, *replies, other, **settings):
    return ToolCallingAgent(model=Scripted(*replies), handoffs=[other], host=host, **settings)


@pytest.mark.parametrize("face", ["run", "arun"])
def test_the_answer_of_who_was_handed_to_is_the_answer_of_the_run(host, face):
    other = desk("You get it back.")
    agent = front(host, call("hand_off_to_desk", message="A refund."), other=other)
    result = agent.run("I want my money.") if face == "run" else asyncio.run(agent.arun("I want my money."))
    assert (result.state, result.output) == ("success", "You get it back.")
    assert len(agent.model.requests) == 1
    assert result.usage.calls == 2


def test_the_other_reads_the_conversation_and_the_message(host):
    other = desk("x")
    front(host, [Text("I look."), call("nothing")], call("hand_off_to_desk", message="A refund."), other=other).run(
        "Money!"
    )
    said = [message.text for message in other.model.requests[0].messages]
    assert "Money!" in said
    assert "I look." in said
    assert said[-1] == "A refund."
    assert "hand_off_to_desk" not in said[0]


def test_every_call_in_the_conversation_handed_over_has_its_result(host):
    other = desk("x")
    replies = [call("nothing", "a"), call("hand_off_to_desk", "b", message="m")]
    front(host, *replies, other=other).run("Go.")
    messages = other.model.requests[0].messages
    called = [made.id for said in messages for made in said.tool_calls]
    results = [part.id for said in messages if said.role == "tool" for part in said.parts]
    assert called == results == ["a"]


def test_the_run_of_the_other_is_nested_in_the_stream(host):
    stream = front(host, call("hand_off_to_desk", message="m"), other=desk("x")).stream("Go.")
    assert [event.path for event in stream if isinstance(event, RunStarted)] == [(), ("desk",)]


def test_a_hand_off_beside_other_calls_is_refused(host):
    agent = front(host, [call("hand_off_to_desk", "a", message="m"), call("nothing", "b")], "alone", other=desk("x"))
    result = agent.run("Go.")
    assert result.output == "alone"
    assert "alone" in agent.model.requests[1].messages[-1].parts[0].text


def test_a_hand_off_from_code_ends_the_run_with_the_others_answer(host):
    code = "hand_off_to_desk('A refund.')\nprint('never')"
    model = Scripted(f"<code>\n{code}\n</code>", "<code>\nfinal_answer('no')\n</code>")
    agent = CodeAgent(model=model, handoffs=[desk("You get it back.")], executor=ThreadExecutor(), host=host)
    result = agent.run("Money!")
    assert result.output == "You get it back."
    assert result.steps[1].stdout == ""


def test_a_hand_off_while_planning_ends_the_run_before_any_step(host):
    other = desk("You get it back.")
    agent = front(host, call("hand_off_to_desk", message="m"), other=other, planning_interval=1)
    result = agent.run("Money!")
    assert (result.state, result.output) == ("success", "You get it back.")
    assert len(agent.model.requests) == 1


def test_who_is_handed_to_needs_a_name_and_a_description(host):
    with pytest.raises(ConfigurationError, match="name and a description"):
        front(host, "x", other=ToolCallingAgent(model=Scripted("x"), name="desk")).run("Go.")


def test_a_hand_off_that_fails_is_read_by_who_handed_over(host):
    agent = front(host, call("hand_off_to_desk", message="m"), "I do it myself.", other=desk(RuntimeError("down")))
    result = agent.run("Go.")
    assert result.output == "I do it myself."
    assert "down" in agent.model.requests[1].messages[-1].parts[0].text
