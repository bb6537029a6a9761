"""What an agent costs where neither a network nor a model takes any time."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterable
from contextlib import closing
from typing import Any, TypeAlias

from measure import Row, cpu, least

from core_plus import CodeAgent, Host, Message, ModelRequest, ModelResponse, Text, ToolCall, ToolCallingAgent, tool
from core_plus.executors import Paused, Setup
from core_plus_subprocess import SubprocessExecutor

Agent: TypeAlias = "ToolCallingAgent[Any, Any] | CodeAgent[Any, Any]"
STEPS, AGENTS, BAR = 50, 1000, 200
SNIPPETS = [f"r = {number} + 1\nprint(r)" for number in range(STEPS)]


class Instant:
    """A model that knows its replies beforehand: run after run the same ones, at once.

    Args:
        replies: The replies of one run.
    """

    def __init__(self, replies: Iterable[Text | ToolCall]) -> None:
        self.replies = itertools.cycle([ModelResponse(Message("assistant", (reply,))) for reply in replies])

    def forward(self, request: ModelRequest) -> ModelResponse:
        """The next reply."""
        return next(self.replies)

    async def aforward(self, request: ModelRequest) -> ModelResponse:
        """The next reply."""
        return next(self.replies)


def plus(a: int, b: int) -> int:
    """Add two numbers.

    Args:
        a: One.
        b: The other.
    """
    return a + b


async def aplus(a: int, b: int) -> int:
    """Add two numbers.

    Args:
        a: One.
        b: The other.
    """
    return a + b


def calling() -> Instant:
    """A model that calls `add` in each step, and then answers."""
    calls = [ToolCall(f"call-{number}", "add", {"a": number, "b": 1}) for number in range(STEPS)]
    return Instant([*calls, Text("done")])


def coding() -> Instant:
    """A model that writes one of the snippets in each step, and then answers."""
    texts = [f"Thought: on.\n<code>\n{snippet}\n</code>" for snippet in SNIPPETS]
    return Instant(map(Text, [*texts, '<code>\nfinal_answer("done")\n</code>']))


def right(output: object) -> None:
    """Refuse a run that ended otherwise than it should: its time means nothing."""
    if output != "done":
        raise RuntimeError(f"a run ended with {output!r} instead of 'done', so its time means nothing")


def building(rounds: int) -> list[Row]:
    """Builds a thousand agents with a model, a tool and an executor, all of them made before; CPU time of one.

    Names are looked up when an agent first runs, so that is measured too: `bind`, once for an agent and host.
    """
    model, add = coding(), tool(name="add")(plus)
    with Host(discover=False) as host, closing(SubprocessExecutor()) as executor:

        def made() -> Agent:
            return CodeAgent(model=model, tools=[add], executor=executor, host=host)

        def build() -> float:
            return cpu(lambda: [made() for _ in range(AGENTS)]) / AGENTS * 1e6

        def bind() -> float:
            fresh = [made() for _ in range(AGENTS // 10)]
            return cpu(lambda: [agent.bind() for agent in fresh]) / len(fresh) * 1e6

        built, bound = least(rounds, build, bind)
    return [
        Row("CodeAgent(...)", built, "µs", bar=50),
        Row("  and what its first run adds, once", bound, "µs", note="looks up names, makes schemas and prompts"),
    ]


def tool_steps(rounds: int) -> list[Row]:
    """Runs 50 steps, each a call of a tool; CPU time of a step, sync and async (there the tool is async too).

    The floor is the same model and function called in a bare loop.
    """
    model, request = calling(), ModelRequest(())

    def bare() -> None:
        for _ in range(STEPS + 1):
            for call in model.forward(request).message.tool_calls:
                assert isinstance(call.arguments, dict)
                plus(**call.arguments)

    with Host(discover=False) as host:
        sync, on_loop = (
            ToolCallingAgent[Any, Any](model=calling(), tools=[tool(name="add")(add)], host=host, max_steps=STEPS + 2)
            for add in (plus, aplus)
        )

        async def arun() -> float:
            began = time.process_time()
            right((await on_loop.arun("Go.")).output)
            return time.process_time() - began

        works = (lambda: cpu(bare), lambda: cpu(lambda: right(sync.run("Go.").output)), lambda: asyncio.run(arun()))
        floor, ran, aran = (taken / STEPS * 1e6 for taken in least(rounds, *works))
    return [
        Row("a step that calls a tool, sync", ran, "µs", floor, BAR, "+", "CPU; floor: model and function in a loop"),
        Row("a step that calls a tool, async", aran, "µs", floor, BAR, "+", "CPU; the same floor"),
    ]


def code_steps(rounds: int) -> list[Row]:
    """Runs 50 steps, each a snippet in a subprocess; CPU time of a step in this process.

    The floor is a bare session of the same executor doing the same snippets, opened and closed like the run's.
    """
    with Host(discover=False) as host, closing(SubprocessExecutor()) as executor:
        agent = CodeAgent[Any, Any](model=coding(), executor=executor, host=host, max_steps=STEPS + 2)

        def bare() -> None:
            with closing(executor.open(Setup())) as session:
                for snippet in SNIPPETS:
                    turn = session.start(snippet)
                    while isinstance(turn, Paused):
                        turn = session.resume(())
                    assert turn.error is None, turn.error

        works = lambda: cpu(bare), lambda: cpu(lambda: right(agent.run("Go.").output))
        floor, ran = (taken / STEPS * 1e6 for taken in least(rounds, *works))
    return [Row("a step that runs code", ran, "µs", floor, BAR, "+", "host's CPU; floor: the bare executor session")]
