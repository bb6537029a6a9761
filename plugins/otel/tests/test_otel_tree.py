"""Whole traces: names, parents, nothing left open."""

from __future__ import annotations

import asyncio

import pytest
from otel_agents import boss, calls, look_within

from core_plus import CodeAgent, Message, ToolCall, ToolCallingAgent
from core_plus_scripted import ScriptedModel

LOOKED = ("execute_tool look", "inside")
HELPED = (
    "invoke_agent helper",
    "chat small",
    ("execute_tool python_interpreter", LOOKED),
    "chat small",
    ("execute_tool python_interpreter", LOOKED, LOOKED),
)
WHOLE = [
    (
        "invoke_agent boss",
        ("plan boss", "chat big"),
        "chat big",
        LOOKED,
        ("execute_tool alook", "inside async"),
        ("execute_tool helper", HELPED),
        ("execute_tool helper", HELPED),
        "chat big",
        "execute_tool nothing",
        ("execute_tool broken", "inside broken"),
        "chat big",
        "execute_tool final_answer",
    )
]


def run(agent, host, **options):
    return agent.run("do it", host=host, **options)


def arun(agent, host, **options):
    return asyncio.run(agent.arun("do it", host=host, **options))


def stream(agent, host, **options):
    events = agent.stream("do it", host=host, **options)
    for _ in events:
        pass
    return events.result


def astream(agent, host, **options):
    async def through():
        events = agent.astream("do it", host=host, **options)
        async for _ in events:
            pass
        return events.result

    return asyncio.run(through())


ways = pytest.mark.parametrize("way", [run, arun, stream, astream])


@ways
def test_a_nested_parallel_run_with_calls_from_code_is_one_whole_trace(way, seen, host):
    result = way(boss(seen), host)
    assert result.output == "done"
    assert seen.tree == WHOLE
    assert host.problems == []


@ways
def test_all_spans_of_a_run_are_one_trace(way, seen, host):
    way(boss(seen), host)
    assert len({span.context.trace_id for span in seen.spans}) == 1


@ways
def test_calls_that_code_makes_at_once_are_children_of_the_code(way, seen, host):
    code = "import asyncio\nfinal_answer(await asyncio.gather(*[look(city=c) for c in 'abc']))"
    model = ScriptedModel([f"<code>\n{code}\n</code>"], name="m")
    result = way(CodeAgent(model=model, tools=[look_within(seen)], executor="inprocess"), host)
    assert result.output == ["a", "b", "c"]
    assert seen.tree == [("invoke_agent", "chat m", ("execute_tool python_interpreter", LOOKED, LOOKED, LOOKED))]


def test_a_run_is_a_child_of_whatever_its_caller_was_in(seen, host):
    agent = ToolCallingAgent(model=ScriptedModel([calls(final_answer={"answer": 1})], name="m"), name="a")
    with seen.tracers.get_tracer("mine").start_as_current_span("request"):
        agent.run("do", host=host)
    assert seen.tree == [("request", ("invoke_agent a", "chat m", "execute_tool final_answer"))]


@ways
def test_the_callers_context_is_what_it_was(way, seen, host):
    from opentelemetry import context

    before = context.get_current()
    way(boss(seen), host)
    assert context.get_current() == before


def test_runs_side_by_side_keep_apart(seen, host):
    async def both():
        return await asyncio.gather(*[boss(seen).arun(str(n), host=host) for n in range(4)])

    assert [result.output for result in asyncio.run(both())] == ["done"] * 4
    assert sorted(map(repr, seen.tree)) == sorted(map(repr, WHOLE * 4))


def test_attempts_that_failed_have_spans_of_their_own(seen):
    from core_plus import OverloadedError

    model = ScriptedModel([OverloadedError("full"), calls(final_answer={"answer": 1})], name="m")
    with seen.host(config={"hooks.retry": {"first": 0.001}}) as host:
        assert ToolCallingAgent(model=model, name="a").run("do", host=host).output == 1
    assert seen.tree == [("invoke_agent a", "chat m", "chat m", "execute_tool final_answer")]
    first, second = (span for span in seen.spans if span.name == "chat m")
    assert first.attributes["error.type"] == "core_plus.errors.OverloadedError"
    assert "error.type" not in second.attributes


def test_a_final_answer_beside_other_calls_is_refused_and_has_its_span(seen, host):
    both = Message("assistant", (ToolCall("1", "look", {"city": "x"}), ToolCall("2", "final_answer", {"answer": 1})))
    model = ScriptedModel([both, calls(final_answer={"answer": 2})], name="m")
    assert ToolCallingAgent(model=model, tools=[look_within(seen)], name="a").run("do", host=host).output == 2
    assert seen.tree[0].count("chat m") == 2
    assert LOOKED in seen.tree[0]
