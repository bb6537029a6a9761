"""The tool action: calls as providers make them, or as JSON in words; every call is answered, in order."""

from __future__ import annotations

import asyncio
import json
import threading
import time

import pytest
from kernel_doubles import Scripted, Watcher, call

from core_plus import Message, Text, Thinking, ToolCallingAgent, tool
from core_plus.events import ActionStep, ToolFinished, ToolStarted


@tool
def square(number: int) -> int:
    """A number times itself.

    Args:
        number: Any.
    """
    if number < 0:
        raise ValueError(f"{number} is negative")
    return number * number


@pytest.fixture
def agent_of(host):
    def make(*replies, **settings):
        settings = {"tools": [square], "host": host, "max_steps": 6, **settings}
        return ToolCallingAgent(model=Scripted(*replies), **settings)

    return make


def answered(messages):
    """Check that each call is answered, at once and in order; (call id, result's text) of all."""
    found = []
    for said, after in zip(messages, [*messages[1:], None], strict=True):
        if said.tool_calls:
            assert after is not None
            assert after.role == "tool"
            assert [part.id for part in after.parts] == [made.id for made in said.tool_calls]
            assert [part.name for part in after.parts] == [made.name for made in said.tool_calls]
            found += [(part.id, part.text) for part in after.parts]
    results = [part.id for said in messages if said.role == "tool" for part in said.parts]
    assert results == [made for made, _ in found]
    assert len(set(results)) == len(results)
    return found


# ---- native calls ----------------------------------------------------------


def test_a_native_call_is_performed_and_answered_in_the_next_request(agent_of):
    agent = agent_of([Text("I square."), call("square", "id1", number=3)], "nine")
    result = agent.run("Square 3.")
    assert result.output == "nine"
    step = result.steps[1]
    assert (step.thought, step.calls[0].value, step.error) == ("I square.", 9, None)
    assert answered(agent.model.requests[1].messages) == [("id1", "9")]


def test_the_model_is_told_of_every_tool_and_of_the_final_answer(agent_of):
    agent = agent_of("x")
    agent.run("Go.")
    assert [spec.name for spec in agent.model.requests[0].tools] == ["square", "final_answer"]


def test_tool_specs_and_system_message_are_the_same_objects_in_every_request(agent_of):
    agent = agent_of(call("square", number=1), call("square", number=2), "x")
    agent.run("Go.")
    agent.run("Again.")
    requests = agent.model.requests
    assert all(request.messages[0] is requests[0].messages[0] for request in requests)
    assert all(request.tools[0] is requests[0].tools[0] for request in requests)


def test_earlier_messages_are_the_same_objects_in_later_requests(agent_of):
    agent = agent_of(call("square", number=1), call("square", number=2), "x")
    agent.run("Go.")
    before, after = agent.model.requests[1].messages, agent.model.requests[2].messages
    assert all(old is new for old, new in zip(before, after, strict=False))


def test_a_final_answer_by_native_call_ends_the_run_with_its_value(agent_of):
    result = agent_of(call("final_answer", answer={"sum": [1, 2]})).run("Go.")
    assert (result.state, result.output) == ("success", {"sum": [1, 2]})
    assert result.steps[-2].is_final


def test_thinking_goes_back_with_the_call_unchanged(agent_of):
    thinking = Thinking("hm", "signed", "anthropic", {"opaque": 1})
    reply = Message("assistant", (thinking, call("square", "a", number=1)), {"vendor": {"item": 7}})
    agent = agent_of(reply, "x")
    agent.run("Go.")
    sent = agent.model.requests[1].messages[2]
    assert sent.parts[0] == thinking
    assert sent.data == {"vendor": {"item": 7}}


def test_what_a_provider_wants_back_with_a_call_is_kept(agent_of):
    from core_plus import ToolCall

    agent = agent_of(ToolCall("a", "square", {"number": 2}, {"thought_signature": "xyz"}), "x")
    agent.run("Go.")
    assert agent.model.requests[1].messages[2].tool_calls[0].data == {"thought_signature": "xyz"}


# ---- several calls ---------------------------------------------------------


@pytest.mark.parametrize("face", ["run", "arun"])
def test_parallel_calls_overlap_and_their_results_keep_the_order_of_the_calls(host, face):
    together = threading.Barrier(3)

    @tool
    def meet(seconds: float) -> str:
        """Waits for the others, then a while.

        Args:
            seconds: How long.
        """
        together.wait(5)
        time.sleep(seconds)
        return f"after {seconds}"

    calls = [call("meet", "a", seconds=0.06), call("meet", "b", seconds=0.03), call("meet", "c", seconds=0.0)]
    agent = ToolCallingAgent(model=Scripted(calls, "x"), tools=[meet], host=host)
    watcher = Watcher()
    options = {"observers": [watcher]}
    result = agent.run("Go.", **options) if face == "run" else asyncio.run(agent.arun("Go.", **options))
    assert [record.value for record in result.steps[1].calls] == ["after 0.06", "after 0.03", "after 0.0"]
    assert answered(agent.model.requests[1].messages) == [("a", "after 0.06"), ("b", "after 0.03"), ("c", "after 0.0")]
    assert [event.call.id for event in watcher.of(ToolStarted)] == ["a", "b", "c"]
    assert {event.call.id for event in watcher.of(ToolFinished)} == {"a", "b", "c"}


@pytest.mark.parametrize("face", ["run", "arun"])
def test_one_failing_call_does_not_lose_the_others(agent_of, face):
    calls = [
        call("square", "a", number=2),
        call("square", "b", number=-1),
        call("nothing", "c"),
        call("square", "d", number=3),
    ]
    agent = agent_of(calls, "x")
    result = agent.run("Go.") if face == "run" else asyncio.run(agent.arun("Go."))
    found = answered(agent.model.requests[1].messages)
    assert found[0] == ("a", "4")
    assert "-1 is negative" in found[1][1]
    assert "there is no tool 'nothing'" in found[2][1]
    assert found[3] == ("d", "9")
    marks = [part.is_error for part in agent.model.requests[1].messages[-1].parts]
    assert marks == [False, True, True, False]
    assert result.steps[1].error.kind == "AgentToolExecutionError"
    assert [record.error is None for record in result.steps[1].calls] == [True, False, False, True]


@pytest.mark.parametrize(
    "ids",
    [["", ""], ["same", "same"], ["a", "a", "a"], ["", "x", ""], ["call_rrrrrr_1_2", ""]],
    ids=["empty", "equal", "three equal", "some empty", "one that looks like the kernel's own"],
)
def test_calls_get_ids_that_are_unique_and_their_own_results(agent_of, ids):
    calls = [call("square", given, number=n) for n, given in enumerate(ids, 1)]
    agent = agent_of(calls, "x")
    agent.run("Go.", run_id="r" * 16)
    found = answered(agent.model.requests[1].messages)
    assert [text for _, text in found] == [str(n * n) for n in range(1, len(ids) + 1)]
    assert all(made for made, _ in found)


def test_an_id_used_again_in_a_later_step_becomes_unique(agent_of):
    agent = agent_of(call("square", "0", number=2), call("square", "0", number=3), "x")
    agent.run("Go.")
    assert [text for _, text in answered(agent.model.requests[2].messages)] == ["4", "9"]


def test_a_final_answer_beside_other_calls_is_refused_and_the_others_are_performed(agent_of):
    agent = agent_of(
        [call("square", "a", number=2), call("final_answer", "b", answer="too early")],
        call("final_answer", "c", answer=4),
    )
    result = agent.run("Go.")
    assert result.output == 4
    (_, squared), (_, refused) = answered(agent.model.requests[1].messages)
    assert squared == "4"
    assert "final_answer alone" in refused
    assert [type(step) for step in result.steps].count(ActionStep) == 2


def test_two_final_answers_at_once_are_both_refused(agent_of):
    agent = agent_of([call("final_answer", "a", answer=1), call("final_answer", "b", answer=2)], "three")
    result = agent.run("Go.")
    assert result.output == "three"
    assert all("alone" in text for _, text in answered(agent.model.requests[1].messages))


def test_a_tool_that_is_final_ends_the_run_with_its_value(host):
    @tool(final=True)
    def submit(report: str) -> str:
        """Hand in a report.

        Args:
            report: The text.
        """
        return report.upper()

    result = ToolCallingAgent(model=Scripted(call("submit", report="done")), tools=[submit], host=host).run("Go.")
    assert (result.state, result.output) == ("success", "DONE")


# ---- calls in words --------------------------------------------------------

CALL = {"name": "square", "arguments": {"number": 5}}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(CALL),
        f"I square.\nAction:\n{json.dumps(CALL, indent=2)}",
        f"```json\n{json.dumps(CALL)}\n```",
        f"<tool_call>{json.dumps(CALL)}</tool_call>",
        json.dumps([CALL]),
        json.dumps({"tool_calls": [{"id": "x", "type": "function", "function": CALL}]}),
        '{"tool": "square", "parameters": {"number": 5}}',
        '{"action": "square", "action_input": {"number": 5}}',
        '{"name": "square", "arguments": "{\\"number\\": 5}"}',
    ],
)
def test_a_call_written_as_json_in_words_is_performed(agent_of, text):
    agent = agent_of(text, "x")
    result = agent.run("Go.")
    assert result.steps[1].calls[0].value == 25
    answered(agent.model.requests[1].messages)


def test_several_calls_written_in_words_are_performed_in_order(agent_of):
    text = "\n".join(json.dumps({"name": "square", "arguments": {"number": n}}) for n in (1, 2, 3))
    agent = agent_of(text, "x")
    agent.run("Go.")
    assert [found for _, found in answered(agent.model.requests[1].messages)] == ["1", "4", "9"]


def test_a_final_answer_written_in_words_ends_the_run(agent_of):
    result = agent_of('{"name": "final_answer", "arguments": {"answer": "forty-two"}}').run("Go.")
    assert result.output == "forty-two"


# ---- prose -----------------------------------------------------------------


def test_prose_is_the_answer_where_that_is_allowed(agent_of):
    result = agent_of("It is 25.").run("Square 5.")
    assert (result.state, result.output) == ("success", "It is 25.")


@pytest.mark.parametrize("text", ['{"name": "Ann", "age": 30}', "A list: [1, 2, 3]", 'In JSON: {"sum": 4}'])
def test_prose_that_holds_json_but_no_call_is_the_answer_as_it_is(agent_of, text):
    assert agent_of(text).run("Tell me.").output == text


def test_prose_is_sent_back_where_a_call_is_asked_for(agent_of):
    agent = agent_of("It is 25.", call("final_answer", answer=25), plain_answers=False)
    result = agent.run("Square 5.")
    assert result.output == 25
    assert result.steps[1].error.kind == "AgentParsingError"
    said = agent.model.requests[1].messages[-1]
    assert said.role == "user"
    assert "final_answer" in said.text
    assert agent.model.requests[0].tool_choice == "required"


def test_an_empty_reply_is_sent_back_even_where_prose_is_allowed(agent_of):
    agent = agent_of("  \n", "an answer")
    result = agent.run("Go.")
    assert result.output == "an answer"
    assert result.steps[1].error.kind == "AgentParsingError"


def test_every_call_is_answered_through_any_mixture_of_failures(agent_of):
    from core_plus import ToolCall

    replies = [
        [call("square", "", number=1), call("square", "", number=-1)],
        "no call at all {broken",
        ToolCall("x", "square", "{not json"),
        [call("square", "x", wrong=1), call("sqare", "x", number=1), call("final_answer", "y", answer=0)],
        call("final_answer", "z", wrong=0),
        call("final_answer", "z", answer="end"),
    ]
    agent = agent_of(*replies, plain_answers=False)
    result = agent.run("Go.")
    assert result.output == "end"
    for request in agent.model.requests:
        answered(request.messages)
    answered(result.messages)
    assert [step.error.kind for step in result.steps[1:6]] == [
        "AgentToolExecutionError", "AgentParsingError", "AgentToolCallError", "AgentToolCallError", "AgentToolCallError"
    ]  # fmt: skip


@pytest.mark.parametrize("end", ["max_steps", "interrupted", "failed"])
def test_every_call_is_answered_in_what_is_left_of_a_run_however_it_ends(agent_of, end):
    def stop(request):
        if end == "interrupted":
            request.cancellation.cancel()
        if end == "failed":
            raise RuntimeError("down")
        return [call("square", "", number=2), call("square", "", number=3)]

    agent = agent_of([call("square", "a", number=1), call("square", "b", number=-1)], stop, "last", max_steps=2)
    result = agent.run("Go.")
    assert result.state == end
    answered(result.messages)
