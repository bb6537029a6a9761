"""Limits of a run: what ends it, with everything kept, and what doesn't count."""

from __future__ import annotations

import asyncio
import time

import pytest
from kernel_doubles import AsyncScripted, Scripted, ThreadExecutor, call

from core_plus import (
    CodeAgent,
    LimitReached,
    ModelResponse,
    RunFailed,
    RunLimits,
    ToolCallingAgent,
    Usage,
    message,
    tool,
)


@tool
def look(place: str = "here") -> str:
    """Look.

    Args:
        place: Where.
    """
    return f"seen {place}"


def looking(host, model=None, **settings):
    """An agent that would look around for ever."""
    return ToolCallingAgent(model=model or Scripted([call("look")]), tools=[look], host=host, **settings)


LIMITS = [
    (RunLimits(model_calls=2), "2 model calls", 2, 2),
    (RunLimits(tool_calls=2), "2 tool calls", 3, 2),
    (RunLimits(tokens=24), "24 tokens and has used 24", 2, 1),
    (RunLimits(tokens=25), "25 tokens and has used 36", 3, 2),
    (RunLimits(model_calls=9, tool_calls=1), "1 tool calls", 2, 1),
    (RunLimits(model_calls=0), "0 model calls", 0, 0),
    (RunLimits(tool_calls=0), "0 tool calls", 1, 0),
    (RunLimits(tokens=0), "0 tokens", 0, 0),
    (RunLimits(seconds=0), "0 seconds", 0, 0),
]


@pytest.mark.parametrize(("limits", "words", "models", "tools"), LIMITS, ids=[repr(row[0]) for row in LIMITS])
def test_a_limit_ends_the_run_with_everything_kept(host, limits, words, models, tools):
    result = looking(host, limits=limits).run("Look")
    run = result.run
    assert result.state == "limit"
    assert isinstance(result.error, LimitReached)
    assert words in str(result.error)
    assert (run.calls("model"), run.calls("tool"), len(run.bound.model.requests)) == (models, tools, models)
    done = [record for step in result.steps[1:] for record in step.calls if record.error is None]
    assert len(done) == tools
    assert result.usage.total_tokens == 12 * models


def test_the_output_of_a_run_at_its_limit_raises_from_it(host):
    result = looking(host, limits=RunLimits(model_calls=1)).run("Look")
    with pytest.raises(RunFailed, match=r"\(limit\).*1 model calls") as caught:
        _ = result.output
    assert isinstance(caught.value.__cause__, LimitReached)
    assert caught.value.result is result


def test_limits_of_a_run_go_before_the_agent_s(host):
    agent = looking(host, limits=RunLimits(model_calls=1))
    assert len(agent.run("Look", limits=RunLimits(model_calls=3)).run.bound.model.requests) == 3


def test_limits_that_are_not_reached_change_nothing(host):
    model = Scripted([call("look")], "done")
    limits = RunLimits(model_calls=2, tool_calls=1, tokens=25, seconds=60)
    assert looking(host, model, limits=limits).run("Look").output == "done"


def test_each_run_of_an_agent_has_its_own_count(host):
    agent = looking(host, limits=RunLimits(model_calls=2))
    assert [agent.run("Look").run.calls("model") for _ in range(3)] == [2, 2, 2]


def test_of_parallel_calls_those_that_have_room_are_performed(host):
    calls = [call("look", place=place) for place in "abcd"]
    result = looking(host, Scripted(calls, "done"), limits=RunLimits(tool_calls=2)).run("Look")
    assert result.state == "limit"
    assert result.run.calls("tool") == 2
    assert len([record for record in result.steps[1].calls if record.error is None]) == 2


def test_calls_from_code_count(host):
    code = "<code>\nfor place in 'abcd':\n    print(look(place))\n</code>"
    agent = CodeAgent(
        model=Scripted(code), tools=[look], executor=ThreadExecutor(), host=host, limits=RunLimits(tool_calls=2)
    )
    result = agent.run("Look")
    assert (result.state, result.run.calls("tool")) == ("limit", 2)
    assert [record.value for record in result.steps[1].calls][:2] == ["seen a", "seen b"]


def test_time_is_a_limit_between_effects(host):
    def slow(request):
        time.sleep(0.05)
        return [call("look")]

    result = looking(host, Scripted(slow), limits=RunLimits(seconds=0.12)).run("Look")
    assert result.state == "limit"
    assert "0.12 seconds" in str(result.error)
    assert result.seconds < 5


def test_limits_hold_in_async_runs(host):
    agent = looking(host, AsyncScripted([call("look")]), limits=RunLimits(model_calls=2))
    result = asyncio.run(agent.arun("Look"))
    assert (result.state, len(result.run.bound.model.requests)) == ("limit", 2)


def test_what_managed_agents_use_counts_for_the_outer_run(host):
    helper = looking(host, Scripted([call("look")], "helped"), name="helper", description="Helps.")
    model = Scripted([call("helper", task="Help")], "done")
    boss = ToolCallingAgent(model=model, managed_agents=[helper], host=host, limits=RunLimits(model_calls=4))
    result = boss.run("Work")
    assert (result.output, result.run.calls("model"), result.usage.calls) == ("done", 4, 4)
    helper.model.replies[:], model.replies[:] = [[call("look")], "helped"], [[call("helper", task="Help")], "done"]
    assert boss.run("Work", limits=RunLimits(model_calls=3)).state == "limit"


def test_the_last_call_at_max_steps_falls_under_the_limits(host):
    result = looking(host, max_steps=2, limits=RunLimits(model_calls=2)).run("Look")
    assert result.state == "limit"
    assert len(result.steps) == 3


USED = [
    (Usage(input_tokens=10, output_tokens=2), Usage(input_tokens=20, output_tokens=4, calls=2)),
    (None, Usage(calls=2, unknown_calls=2)),
    (Usage(calls=7), Usage(calls=2)),
    (Usage(details={"searches": 1}), Usage(calls=2, details={"searches": 2})),
]


@pytest.mark.parametrize(("usage", "total"), USED, ids=range(len(USED)))
def test_what_calls_used_adds_up_in_the_result_and_in_each_step(host, usage, total):
    model = Scripted(
        ModelResponse(message("assistant", [call("look")]), usage), ModelResponse(message("assistant", "done"), usage)
    )
    result = looking(host, model).run("Look")
    assert result.usage == total
    assert sum((step.usage for step in result.steps), Usage()) == total
