"""However a run ends, every span has ended, and nothing is told twice."""

from __future__ import annotations

import asyncio
import threading

import pytest
from otel_agents import boss, calls, look_within

from core_plus import Ask, Cancellation, CodeAgent, Deny, ToolCallingAgent, hookimpl, tool
from core_plus.effects import CallTool
from core_plus_scripted import ScriptedModel


def answering(*turns):
    return ScriptedModel([*turns, calls(final_answer={"answer": "done"})], name="m")


def held(begun, go_on):
    @tool(effect="read")
    def wait() -> str:
        """Wait."""
        begun.set()
        go_on.wait(30)
        return "waited"

    return wait


def test_an_interrupted_run_leaves_no_span_open(seen, host):
    begun, stop = threading.Event(), Cancellation()
    agent = ToolCallingAgent(
        model=answering(calls(wait={})), tools=[held(begun, stopped := threading.Event())], name="a"
    )
    stop.on_cancel(stopped.set)
    threading.Thread(target=lambda: (begun.wait(30), stop.cancel())).start()
    result = agent.run("do", host=host, cancellation=stop)
    assert result.state == "interrupted"
    assert seen.tree == [("invoke_agent a", "chat m", "execute_tool wait")]
    assert seen.named("invoke_agent a").attributes["error.type"] == "cancelled"
    assert seen.named("invoke_agent a").attributes["core_plus.run.state"] == "interrupted"


def test_a_stream_that_is_left_in_the_middle_leaves_no_span_open(seen, host):
    events = boss(seen).stream("do", host=host)
    for event in events:
        if type(event).__name__ == "CodeStarted":
            break
    events.close()
    (trace,) = seen.tree
    assert trace[0] == "invoke_agent boss"
    assert seen.named("invoke_agent boss").attributes["core_plus.run.state"] == "given up"


def test_an_async_run_whose_task_is_cancelled_leaves_no_span_open(seen, host):
    async def cancelled():
        begun = asyncio.Event()

        @tool(effect="read")
        async def wait() -> str:
            """Wait."""
            begun.set()
            await asyncio.sleep(60)

        task = asyncio.ensure_future(
            ToolCallingAgent(model=answering(calls(wait={})), tools=[wait], name="a").arun("do", host=host)
        )
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert seen.tree == [("invoke_agent a", "chat m", "execute_tool wait")]


def test_a_failed_run_says_why(seen, host):
    result = ToolCallingAgent(model=ScriptedModel([ValueError("no")], name="m"), name="a").run("do", host=host)
    assert result.state == "failed"
    assert seen.tree == [("invoke_agent a", "chat m")]
    for name in ("invoke_agent a", "chat m"):
        span = seen.named(name)
        assert not span.status.is_ok
        assert [event.name for event in span.events] == ["exception"]
    assert seen.named("invoke_agent a").attributes["error.type"] == seen.named("chat m").attributes["error.type"]


def test_a_denied_call_has_a_span_that_says_so(seen, host):
    class Never:
        @hookimpl
        def review_effect(self, run, effect):
            return Deny("never") if isinstance(effect, CallTool) and effect.call.name == "look" else None

    agent = ToolCallingAgent(
        model=answering(calls(look={"city": "x"})), tools=[look_within(seen)], policies=[Never()], name="a"
    )
    assert agent.run("do", host=host).output == "done"
    assert seen.tree == [("invoke_agent a", "chat m", "execute_tool look", "chat m", "execute_tool final_answer")]
    assert "never" in seen.named("execute_tool look").status.description


class Careful:
    """Has a person asked before a look."""

    @hookimpl
    def review_effect(self, run, effect):
        return Ask("May it?") if isinstance(effect, CallTool) and effect.call.name == "look" else None


def test_a_run_that_waits_for_a_person_is_told_in_two_parts(seen, host):
    inner = ToolCallingAgent(
        model=answering(calls(look={"city": "x"})), tools=[look_within(seen)], policies=[Careful()], name="h",
        description="Helps.",
    )  # fmt: skip
    outer = ToolCallingAgent(model=answering(calls(h={"task": "do"})), managed_agents=[inner], name="a")
    result = outer.run("do", host=host)
    assert result.state == "suspended"
    assert result.run.keeper is None
    first = ("invoke_agent a", "chat m", ("execute_tool h", ("invoke_agent h", "chat m")))
    assert seen.tree == [first]
    assert outer.resume(result, "yes").output == "done"
    look = ("execute_tool look", "inside")
    second = (
        "invoke_agent a",
        ("invoke_agent h", look, "chat m", "execute_tool final_answer"),
        "chat m",
        "execute_tool final_answer",
    )
    assert seen.tree == [first, second]
    before, after = (span for span in seen.spans if span.name == "invoke_agent a")
    assert after.attributes["core_plus.run.resumed"]
    assert [link.context for link in after.links] == [before.context]


def test_what_a_journal_repeats_is_not_told_again(seen, tmp_path):
    """The process ends within the second model call; another one makes it again and goes on."""
    asked = []

    def turns(request):
        asked.append(request)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return calls(look={"city": "x"}) if len(asked) in (1, 3) else calls(final_answer={"answer": "done"})

    def agent(host):
        model = ScriptedModel(turns, name="m")
        return ToolCallingAgent(model=model, tools=[look_within(seen)], name="a", host=host)

    journal, look = str(tmp_path / "runs.sqlite"), ("execute_tool look", "inside")
    with seen.host() as host, pytest.raises(KeyboardInterrupt):
        agent(host).run("do", journal=journal, run_id="kept")
    first = ("invoke_agent a", "chat m", look, "chat m")
    assert seen.tree == [first]
    with seen.host() as host:
        assert agent(host).resume("kept", journal=journal).output == "done"
    assert seen.tree == [first, ("invoke_agent a", "chat m", look, "chat m", "execute_tool final_answer")]
    after = seen.spans[-1]
    assert (after.attributes["core_plus.run.id"], after.attributes["core_plus.run.resumed"]) == ("kept", True)


def test_a_kept_run_with_code_is_told_once_and_its_journal_is_complete(seen, tmp_path):
    journal = str(tmp_path / "runs.sqlite")

    def agent():
        model = ScriptedModel({"": ["<code>\nfinal_answer(look(city='x'))\n</code>"]}, name="m", mode="turn")
        return CodeAgent(model=model, tools=[look_within(seen)], executor="inprocess", name="a")

    with seen.host() as host:
        assert agent().run("do", host=host, journal=journal, run_id="kept").output == "x"
    told = [("invoke_agent a", "chat m", ("execute_tool python_interpreter", ("execute_tool look", "inside")))]
    assert seen.tree == told
    with seen.host() as host:
        assert host.journal(journal).replay(agent(), "kept", host=host) is not None
    assert seen.tree == told


def test_a_trace_that_breaks_harms_no_run(seen, host, monkeypatch):
    from core_plus_otel.agent import Agent

    monkeypatch.setattr(Agent, "tool_begins", lambda *_: 1 / 0)
    assert boss(seen).run("do", host=host).output == "done"
    assert any("ZeroDivisionError" in problem for problem in host.problems)
