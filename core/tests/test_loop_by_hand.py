"""The loop is a generator of effects: whoever sends outcomes drives it, without a model, thread or event loop."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
from kernel_doubles import ThreadExecutor, call

from core_plus import AgentToolExecutionError, CodeAgent, ModelResponse, ToolCallingAgent, message, tool
from core_plus.effects import CallModel, CallTool, Effect, Outcome, ResumeCode, RunCode, Together
from core_plus.errors import AgentDeniedError
from core_plus.executors import CodeError, CodeRequest, Done, Paused
from core_plus.loop import react


@tool
def double(number: int) -> int:
    """Twice a number.

    Args:
        number: Any.
    """
    return 2 * number


def reply(*parts):
    return ModelResponse(message("assistant", parts))


def by_hand(loop, outcomes):
    """Send outcomes to a loop until it ends; the effects that it asked for."""
    asked, given, error = [], None, None
    while True:
        try:
            effect = loop.send(given) if error is None else loop.throw(error)
        except StopIteration as stop:
            return asked, stop.value
        if isinstance(effect, Together):
            given, error = [branch_by_hand(branch, outcomes, asked) for branch in effect.branches], None
            continue
        asked.append(effect)
        found = outcomes.pop(0)
        given, error = (None, found) if isinstance(found, Exception) else (found, None)


def branch_by_hand(branch, outcomes, asked):
    try:
        if isinstance(branch, Effect):
            asked.append(branch)
            return Outcome(outcomes.pop(0))
        more, value = by_hand(branch, outcomes)
    except Exception as error:
        return Outcome(error=error)
    asked += more
    return Outcome(value)


@pytest.fixture
def tool_run(host):
    return ToolCallingAgent(model=object(), tools=[double], host=host).new_run("Double 4.")


@pytest.fixture
def code_run(host):
    return CodeAgent(model=object(), tools=[double], executor=ThreadExecutor(), host=host).new_run("Double 4.")


def kinds(effects):
    return [type(effect).__name__ for effect in effects]


def test_a_tool_run_goes_from_task_to_answer_by_sent_outcomes_alone(tool_run):
    outcomes = [reply(call("double", "a", number=4)), 8, reply(call("final_answer", "b", answer=8)), 8]
    effects, _ = by_hand(react(tool_run), outcomes)
    assert kinds(effects) == ["CallModel", "CallTool", "CallModel", "CallTool"]
    assert (tool_run.state, tool_run.output) == ("success", 8)
    assert [type(step).__name__ for step in tool_run.steps] == [
        "TaskStep",
        "ActionStep",
        "ActionStep",
        "FinalAnswerStep",
    ]


def test_the_second_request_holds_what_was_sent_as_the_tools_value(tool_run):
    outcomes = [reply(call("double", "a", number=4)), "eight, by hand", reply("done")]
    effects, _ = by_hand(react(tool_run), outcomes)
    last = effects[-1]
    assert isinstance(last, CallModel)
    assert last.request.messages[-1].parts[0].text == "eight, by hand"


def test_an_error_that_is_thrown_in_for_a_tool_is_what_the_model_reads_next(tool_run):
    outcomes = [reply(call("double", "a", number=4)), AgentToolExecutionError("no power"), reply("done")]
    effects, _ = by_hand(react(tool_run), outcomes)
    result = effects[-1].request.messages[-1].parts[0]
    assert result.is_error
    assert "no power" in result.text


def test_a_denial_thrown_in_for_a_tool_does_not_end_the_run(tool_run):
    outcomes = [reply(call("double", "a", number=4)), AgentDeniedError("not today"), reply("done")]
    by_hand(react(tool_run), outcomes)
    assert tool_run.state == "success"


def test_a_code_run_asks_for_the_code_and_answers_its_calls(code_run):
    outcomes = [
        reply("I double.\n<code>\nfinal_answer(double(4))\n</code>"),
        Paused((CodeRequest(1, "double", (4,)),)),
        8,
        Done(8, is_final=True),
    ]
    effects, _ = by_hand(react(code_run), outcomes)
    assert kinds(effects) == ["CallModel", "RunCode", "CallTool", "ResumeCode"]
    ran, called, resumed = effects[1:]
    assert isinstance(ran, RunCode)
    assert ran.code == "final_answer(double(4))"
    assert isinstance(called, CallTool)
    assert (called.origin, called.call.arguments) == ("code", {"number": 4})
    assert isinstance(resumed, ResumeCode)
    assert resumed.answers[0].value == 8
    assert (code_run.state, code_run.output) == ("success", 8)


def test_failing_code_is_an_observation_by_hand_too(code_run):
    outcomes = [
        reply("<code>\n1 / 0\n</code>"),
        Done(error=CodeError("ZeroDivisionError", "division by zero")),
        reply("<code>\nfinal_answer(0)\n</code>"),
        Done(0, is_final=True),
    ]
    effects, _ = by_hand(react(code_run), outcomes)
    assert "ZeroDivisionError: division by zero" in effects[2].request.messages[-1].text
    assert code_run.output == 0


def test_a_reply_without_an_action_asks_the_model_again(code_run):
    outcomes = [reply("I think about it."), reply("<code>\nfinal_answer(1)\n</code>"), Done(1, is_final=True)]
    effects, _ = by_hand(react(code_run), outcomes)
    assert kinds(effects) == ["CallModel", "CallModel", "RunCode"]
    assert code_run.steps[1].error.kind == "AgentParsingError"


def test_driving_by_hand_needs_neither_asyncio_nor_a_thread():
    program = """
        import sys, threading
        from core_plus import Host, ModelResponse, ToolCallingAgent, message
        from core_plus.loop import react

        with Host(discover=False) as host:
            run = ToolCallingAgent(model=object(), host=host).new_run("Say hello.")
            loop = react(run)
            next(loop)
            try:
                loop.send(ModelResponse(message("assistant", "hello")))
            except StopIteration:
                print(run.output, threading.active_count(), "asyncio" in sys.modules)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=25, check=True
    )
    assert done.stdout.split() == ["hello", "1", "False"]


def test_a_loop_that_is_closed_midway_ends_quietly(tool_run):
    loop = react(tool_run)
    next(loop)
    loop.close()
    assert tool_run.state == "running"
    with pytest.raises(StopIteration):
        next(loop)
