"""What a tool knows of the run it works in, by a parameter that no model sees."""

from __future__ import annotations

import asyncio

import pytest
from kernel_doubles import AsyncScripted, Scripted, ThreadExecutor, Watcher, call

from core_plus import CodeAgent, RunContext, ToolCallingAgent, Usage, tool
from core_plus.events import ToolProgress, ToolStarted


@pytest.fixture
def kept():
    return []


@pytest.fixture
def tools(kept):
    @tool
    def sync_tool(context: RunContext[dict], text: str = "x") -> str:
        """Keeps its context.

        Args:
            text: Any.
        """
        kept.append(context)
        return f"{context.deps} {text}"

    @tool
    async def async_tool(text: str, context: RunContext[dict]) -> str:
        """Keeps its context.

        Args:
            text: Any.
        """
        kept.append(context)
        return f"{context.deps} {text}"

    @tool
    def generator_tool(text: str, *, context: RunContext[dict]):
        """Keeps its context.

        Args:
            text: Any.
        """
        yield from ()
        kept.append(context)
        return f"{context.deps} {text}"

    return [sync_tool, async_tool, generator_tool]


NAMES = pytest.mark.parametrize("name", ["sync_tool", "async_tool", "generator_tool"])
FACES = pytest.mark.parametrize("face", ["run", "arun"])


def go(face, agent, **options):
    return agent.run("The task.", **options) if face == "run" else asyncio.run(agent.arun("The task.", **options))


@NAMES
@FACES
def test_a_tool_gets_the_callers_dependencies_and_the_runs_facts(host, tools, kept, name, face):
    agent = ToolCallingAgent(model=Scripted(call(name, "c1", text="t"), "done"), tools=tools, host=host, name="worker")
    result = go(face, agent, deps="mine", run_id="r1", variables={"a": 1})
    assert result.steps[1].calls[0].value == "mine t"
    (context,) = kept
    assert (context.deps, context.run_id, context.call_id) == ("mine", "r1", "c1")
    assert (context.task, context.agent_name, context.step_number) == ("The task.", "worker", 2)
    assert context.state == {"a": 1}
    assert context.usage == Usage(input_tokens=20, output_tokens=4, calls=2)
    assert context.cancelled is False


@NAMES
def test_a_tool_called_from_code_gets_the_same(host, tools, kept, name):
    code = f"final_answer({name}(text='t'))"
    agent = CodeAgent(model=Scripted(f"<code>\n{code}\n</code>"), tools=tools, executor=ThreadExecutor(), host=host)
    assert agent.run("The task.", deps="mine", run_id="r1").output == "mine t"
    (context,) = kept
    assert (context.run_id, context.step_number) == ("r1", 1)
    assert context.call_id


def test_the_step_is_that_in_which_the_tool_is_called(host):
    numbers = []

    @tool
    def count(context: RunContext) -> int:
        """Counts."""
        numbers.append((context.step_number, context.usage.calls))
        return len(numbers)

    ToolCallingAgent(model=Scripted(call("count"), call("count"), "x"), tools=[count], host=host).run("Go.")
    assert numbers == [(1, 1), (2, 2)]


@NAMES
def test_no_model_is_told_of_the_context(host, tools, name):
    agent = ToolCallingAgent(model=Scripted("x"), tools=tools, host=host)
    agent.run("Go.")
    spec = next(spec for spec in agent.model.requests[0].tools if spec.name == name)
    assert list(spec.parameters["properties"]) == ["text"]
    assert "context:" not in agent.prompt()


@pytest.mark.parametrize("given", [{"context": "forged"}, {"context": None}, {"deps": "other"}])
@NAMES
def test_no_model_can_give_a_context_of_its_own(host, tools, kept, name, given):
    agent = ToolCallingAgent(model=Scripted(call(name, text="t", **given), "done"), tools=tools, host=host)
    result = agent.run("Go.", deps="mine")
    assert result.steps[1].error.kind == "AgentToolCallError"
    assert kept == []


def test_the_context_stands_in_no_event_record_or_step(host, tools):
    watcher = Watcher()
    agent = ToolCallingAgent(model=Scripted(call("sync_tool", text="t"), "done"), tools=tools, host=host)
    result = agent.run("Go.", deps="mine", observers=[watcher])
    assert watcher.of(ToolStarted)[0].call.arguments == {"text": "t"}
    assert result.steps[1].calls[0].call.arguments == {"text": "t"}
    assert "RunContext" not in repr(result.steps)


def test_contexts_of_parallel_calls_know_their_own_call(host, tools, kept):
    calls = [
        call("sync_tool", "one", text="1"),
        call("async_tool", "two", text="2"),
        call("generator_tool", "three", text="3"),
    ]
    ToolCallingAgent(model=Scripted(calls, "x"), tools=tools, host=host).run("Go.")
    assert sorted(context.call_id for context in kept) == ["one", "three", "two"]


@pytest.mark.parametrize("model", [Scripted, AsyncScripted])
def test_what_a_tool_leaves_in_the_state_is_there_for_the_next_and_in_the_result(host, model):
    @tool
    def leave(context: RunContext, value: int) -> str:
        """Leaves.

        Args:
            value: What.
        """
        context.state["left"] = value
        return "left"

    @tool
    def take(context: RunContext) -> int:
        """Takes."""
        return context.state["left"]

    agent = ToolCallingAgent(model=model(call("leave", value=7), call("take"), "x"), tools=[leave, take], host=host)
    result = agent.run("Go.")
    assert result.steps[2].calls[0].value == 7
    assert result.variables == {"left": 7}
    assert agent.run("Again.", max_steps=0).variables == {}


def test_progress_carries_the_calls_id(host):
    @tool
    def work(context: RunContext) -> str:
        """Works."""
        for share in (0.5, 1.0):
            context.emit({"share": share})
        return "done"

    watcher = Watcher()
    ToolCallingAgent(model=Scripted(call("work", "w1"), "x"), tools=[work], host=host).run("Go.", observers=[watcher])
    assert [(event.id, event.data) for event in watcher.of(ToolProgress)] == [
        ("w1", {"share": 0.5}),
        ("w1", {"share": 1.0}),
    ]
    kinds = [type(event).__name__ for event in watcher.events]
    assert kinds.index("ToolStarted") < kinds.index("ToolProgress") < kinds.index("ToolFinished")


def test_the_conversation_that_a_tool_sees_is_a_copy(host):
    @tool
    def spoil(context: RunContext) -> int:
        """Tries to change what was said."""
        count = len(context.messages)
        context.messages.clear()
        return count

    agent = ToolCallingAgent(model=Scripted(call("spoil"), "x"), tools=[spoil], host=host)
    assert agent.run("Go.").steps[1].calls[0].value == 1
    assert len(agent.model.requests[1].messages) == 4


def test_instructions_may_be_a_function_of_the_runs_context(host):
    agent = ToolCallingAgent(
        model=Scripted("x"), host=host, instructions=lambda context: f"You serve {context.deps}: {context.task}"
    )
    agent.run("Tea.", deps="Ann")
    agent.run("Coffee.", deps="Bob")
    assert [
        ("Ann: Tea." in r.messages[0].text, "Bob: Coffee." in r.messages[0].text) for r in agent.model.requests
    ] == [(True, False), (False, True)]
