"""Errors are observations: the model reads what went wrong and goes on. What ends a run keeps all that was done."""

from __future__ import annotations

import asyncio

import pytest
from kernel_doubles import AsyncScripted, Scripted, ThreadExecutor, Watcher, call

from core_plus import (
    AgentGenerationError,
    AuthenticationError,
    CodeAgent,
    ConfigurationError,
    ModelError,
    ModelResponse,
    RateLimitError,
    RunFailed,
    RunInterrupted,
    ServerError,
    ToolCall,
    ToolCallingAgent,
    message,
    tool,
)
from core_plus.events import ActionStep, FinalAnswerStep, RunFinished


@tool
def weather(city: str, days: int = 1) -> str:
    """A forecast.

    Args:
        city: Where.
        days: How many.
    """
    if city == "Atlantis":
        raise LookupError("no such city: Atlantis")
    return f"{city}: rain for {days}"


@tool
async def news(topic: str) -> str:
    """News.

    Args:
        topic: About what.
    """
    raise ConnectionError(f"no line for {topic}")


def tool_agent(host, *replies, **settings):
    return ToolCallingAgent(model=Scripted(*replies), tools=[weather, news], host=host, **settings)


def code_agent(host, *replies, **settings):
    settings = {"tools": [weather, news], "executor": ThreadExecutor(), **settings}
    return CodeAgent(model=Scripted(*replies), host=host, **settings)


def read_by_the_model(agent, request=1):
    said = agent.model.requests[request].messages[-1]
    return said.text or said.parts[0].text


# ---- a step that fails -----------------------------------------------------


@pytest.mark.parametrize(
    ("made", "kind", "words"),
    [
        (call("weather", city="Atlantis"), "AgentToolExecutionError", "weather: LookupError: no such city: Atlantis"),
        (call("news", topic="rain"), "AgentToolExecutionError", "news: ConnectionError: no line for rain"),
        (call("weather"), "AgentToolCallError", "city is missing"),
        (call("weather", city="Oslo", days="many"), "AgentToolCallError", "days"),
        (call("weather", city="Oslo", place="x"), "AgentToolCallError", "there is no argument 'place'"),
        (call("wether", city="Oslo"), "AgentToolCallError", "did you mean weather?"),
        (call("xyz"), "AgentToolCallError", "there are weather, news, final_answer"),
        (ToolCall("a", "weather", '{"city": "Os'), "AgentToolCallError", "no JSON object"),
    ],
)
def test_a_call_that_fails_is_what_the_model_reads_and_the_run_goes_on(host, made, kind, words):
    agent = tool_agent(host, made, "done")
    result = agent.run("Go.")
    assert result.output == "done"
    assert result.steps[1].error.kind == kind
    assert words in read_by_the_model(agent)
    assert agent.model.requests[1].messages[-1].parts[0].is_error


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("weather('Atlantis')", "no such city: Atlantis"),
        ("weather()", "city is missing"),
        ("weather('Oslo', 1, 2)", "by position"),
        ("weather('Oslo', city='Rome')", "city is given twice"),
        ("news(topic='rain')", "no line for rain"),
        ("raise ValueError()", "ValueError"),
    ],
)
def test_code_that_fails_is_what_the_model_reads_and_the_run_goes_on(host, code, words):
    agent = code_agent(host, f"<code>\n{code}\n</code>", "<code>\nfinal_answer(1)\n</code>")
    result = agent.run("Go.")
    assert result.output == 1
    assert result.steps[1].error.kind == "AgentExecutionError"
    assert words in read_by_the_model(agent)


def test_what_failing_code_had_printed_is_kept(host):
    agent = code_agent(host, "<code>\nprint('so far')\n1 / 0\n</code>", "<code>\nfinal_answer(1)\n</code>")
    step = agent.run("Go.").steps[1]
    assert step.stdout == "so far\n"
    assert "so far" in read_by_the_model(agent)
    assert "ZeroDivisionError" in read_by_the_model(agent)


def test_code_may_catch_the_failure_of_a_tool(host):
    code = "try:\n    weather('Atlantis')\nexcept Exception as error:\n    final_answer('caught: ' + str(error))"
    result = code_agent(host, f"<code>\n{code}\n</code>").run("Go.")
    assert "no such city" in result.output
    assert result.steps[1].calls[0].error.kind == "AgentToolExecutionError"


def test_prose_without_code_is_sent_back_with_the_form(host):
    agent = code_agent(host, "I think it rains.", "<code>\nfinal_answer(1)\n</code>")
    result = agent.run("Go.")
    assert result.output == 1
    assert result.steps[1].error.kind == "AgentParsingError"
    assert "<code>" in read_by_the_model(agent)


@pytest.mark.parametrize(
    "error",
    [
        RateLimitError("too many", provider="p"),
        ConfigurationError("wrong"),
        RunFailed("an inner run failed"),
        RunInterrupted("an inner run was interrupted"),
        AgentGenerationError("an inner model failed"),
        StopIteration("odd"),
        TimeoutError("late"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("face", ["run", "arun"])
def test_whatever_error_a_tool_raises_is_an_observation(host, error, face):
    @tool
    def odd() -> str:
        """Fails in an odd way."""
        raise error

    agent = ToolCallingAgent(
        model=Scripted([call("odd", "a"), call("odd", "b")], call("odd"), "done"), tools=[odd], host=host
    )
    result = agent.run("Go.") if face == "run" else asyncio.run(agent.arun("Go."))
    assert result.state == "success"
    assert all(record.error for step in result.steps[1:3] for record in step.calls)


@pytest.mark.parametrize("face", ["run", "arun"])
def test_a_cancelled_task_within_an_async_tool_is_a_failed_tool_and_no_interrupted_run(host, face):
    @tool
    async def inner_task() -> str:
        """Waits for a task of its own that was cancelled."""
        task = asyncio.ensure_future(asyncio.sleep(10))
        task.cancel()
        await task
        return "never"

    agent = ToolCallingAgent(model=Scripted(call("inner_task"), "done"), tools=[inner_task], host=host)
    result = agent.run("Go.") if face == "run" else asyncio.run(agent.arun("Go."))
    assert (result.state, result.output) == ("success", "done")


# ---- a model that fails ----------------------------------------------------


def broken_after_a_step(host, error, double=Scripted):
    return ToolCallingAgent(
        model=double([call("weather", "a", city="Oslo")], error), tools=[weather], host=host, name="forecaster"
    )


@pytest.mark.parametrize("face", ["run", "arun"])
@pytest.mark.parametrize("double", [Scripted, AsyncScripted])
def test_a_model_that_fails_ends_the_run_with_everything_kept(host, face, double):
    cause = AuthenticationError("wrong key", provider="p", status=401)
    agent, watcher = broken_after_a_step(host, cause, double), Watcher()
    options = {"observers": [watcher]}
    result = agent.run("Go.", **options) if face == "run" else asyncio.run(agent.arun("Go.", **options))
    assert (result.state, result.answer, result.answered) == ("failed", None, False)
    assert [type(step).__name__ for step in result.steps] == ["TaskStep", "ActionStep"]
    assert result.usage.calls == 1
    assert len(result.messages) == 3
    assert isinstance(result.error, AgentGenerationError)
    assert result.error.__cause__ is cause
    with pytest.raises(RunFailed, match="wrong key") as caught:
        _ = result.output
    assert caught.value.result is result
    assert caught.value.__cause__ is result.error
    assert isinstance(watcher.events[-1], RunFinished)
    assert (watcher.events[-1].state, "wrong key" in watcher.events[-1].error) == ("failed", True)


@pytest.mark.parametrize("error", [RuntimeError("boom"), KeyError("choices"), ServerError("500"), OSError("reset")])
def test_any_error_of_a_model_is_named_with_its_kind(host, error):
    result = broken_after_a_step(host, error).run("Go.")
    assert result.state == "failed"
    assert "the model failed" in str(result.error)
    assert isinstance(error, ModelError) or type(error).__name__ in str(result.error)


@pytest.mark.parametrize("answer", [None, "text", {"role": "assistant"}])
def test_a_model_that_gives_no_response_is_named_with_what_it_gave(host, answer):
    class Odd:
        def forward(self, request):
            return answer

    result = ToolCallingAgent(model=Odd(), host=host).run("Go.")
    assert result.state == "failed"
    assert f"gave {type(answer).__name__}" in str(result.error)


def test_a_stream_that_breaks_midway_ends_the_run_and_keeps_the_steps(host):
    from core_plus import CutStreamError
    from core_plus.models import TextDelta

    class Cut(Scripted):
        def stream(self, request):
            yield TextDelta("half of")
            raise CutStreamError("gone", partial=True)

    stream = ToolCallingAgent(model=Cut("x"), host=host).stream("Go.")
    result = stream.finish()
    assert result.state == "failed"
    assert isinstance(result.error.__cause__, CutStreamError)


def test_a_model_that_does_not_say_its_usage_is_counted_as_unknown(host):
    reply = ModelResponse(message("assistant", "hello"))
    result = ToolCallingAgent(model=Scripted(reply), host=host).run("Go.")
    assert (result.usage.calls, result.usage.unknown_calls, result.usage.total_tokens) == (1, 1, 0)


# ---- no steps left ---------------------------------------------------------


def test_at_max_steps_one_last_call_gives_the_best_answer(host):
    agent = tool_agent(host, call("weather", city="Oslo"), call("weather", city="Rome"), "Rain, it seems.", max_steps=2)
    result = agent.run("Where is sun?")
    assert (result.state, result.output, result.answered) == ("max_steps", "Rain, it seems.", True)
    assert len(agent.model.requests) == 3
    last = agent.model.requests[2]
    assert last.tools == ()
    assert "Where is sun?" in last.messages[-1].text
    assert "no steps left" in last.messages[-1].text
    assert [step.number for step in result.steps if isinstance(step, ActionStep)] == [1, 2, 3]
    assert result.steps[-2].error.kind == "AgentMaxStepsError"
    assert isinstance(result.steps[-1], FinalAnswerStep)


def test_with_max_steps_0_there_is_only_the_last_call(host):
    agent = tool_agent(host, "A guess.", max_steps=0)
    result = agent.run("Go.")
    assert (result.state, result.output) == ("max_steps", "A guess.")
    assert len(agent.model.requests) == 1


def test_max_steps_of_the_run_go_before_those_of_the_agent(host):
    agent = tool_agent(host, call("weather", city="Oslo"), max_steps=9)
    assert agent.run("Go.", max_steps=1).usage.calls == 2
    assert agent.run("Go.", max_steps=0).usage.calls == 1


def test_an_answer_in_the_last_step_is_a_success(host):
    result = tool_agent(host, call("weather", city="Oslo"), "done", max_steps=2).run("Go.")
    assert result.state == "success"


def test_a_model_that_fails_in_the_last_call_ends_the_run_as_failed(host):
    result = tool_agent(host, call("weather", city="Oslo"), RuntimeError("down"), max_steps=1).run("Go.")
    assert result.state == "failed"
    assert len(result.steps) == 2


@pytest.mark.parametrize("wrong", [-1, -20])
def test_a_negative_number_of_steps_is_refused_when_the_agent_is_made(host, wrong):
    with pytest.raises(ConfigurationError, match="max_steps is a number from 0"):
        tool_agent(host, "x", max_steps=wrong)


def test_a_negative_number_of_steps_is_refused_when_a_run_is_begun(host):
    with pytest.raises(ConfigurationError, match="max_steps"):
        tool_agent(host, "x").run("Go.", max_steps=-1)
