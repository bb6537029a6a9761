"""What the kernel itself costs: imports, discovery, an agent, a step. Prints one line for each.

    make bench                     all of it
    make bench ARGS="--rounds 5"   quicker and rougher

Times are the least of some rounds, because what disturbs a measurement only ever adds to it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, TypeAlias

from core_plus import Host, Message, ModelRequest, ModelResponse, Text, ToolCall, ToolCallingAgent, tool

Agent: TypeAlias = ToolCallingAgent[Any, Any]
STEPS = 100
AGENTS = 1000
FRESH = {
    "import pluggy, attrs, msgspec, docstring_parser": "import pluggy, attrs, msgspec, docstring_parser",
    "import core_plus": "import core_plus",
    "import CodeAgent": "from core_plus import CodeAgent",
    "list the names of all models": "from core_plus import Host; Host().names('model')",
    "core-plus --help": "import core_plus.cli; core_plus.cli.main(['--help'])",
}


class Counter:
    """A model that calls `add` until it has been asked often enough.

    Args:
        steps: How many calls it asks for before it answers.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def forward(self, request: ModelRequest) -> ModelResponse:
        """Ask for one more call, or answer."""
        asked = sum(message.role == "assistant" for message in request.messages)
        if asked >= self.steps:
            return ModelResponse(Message("assistant", (Text("done"),)))
        return ModelResponse(Message("assistant", (ToolCall(f"call-{asked}", "add", {"a": 1, "b": 2}),)))


@tool
def add(a: int, b: int) -> int:
    """Add two numbers.

    Args:
        a: One.
        b: The other.
    """
    return a + b


def least(measure: Callable[..., None], *arguments: Any, rounds: int) -> float:
    """The shortest time that something took, in seconds."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        measure(*arguments)
        times.append(time.perf_counter() - began)
    return min(times)


def fresh(code: str) -> None:
    """Run some code in a Python of its own."""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def build(like: Agent) -> None:
    """Make many agents with the settings of one."""
    for _ in range(AGENTS):
        ToolCallingAgent(model=like.model, tools=like.tools, host=like.host)


def run(agent: Agent) -> None:
    """One run of all steps, which must end well for its time to mean anything."""
    output = agent.run("Count", max_steps=STEPS + 1).output
    if output != "done":
        raise SystemExit(f"the run ended with {output!r}, so its time means nothing")


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description="What the kernel itself costs.")
    parser.add_argument("--rounds", type=int, default=15, help="how often each is measured (default: 15)")
    rounds = parser.parse_args().rounds
    start = least(fresh, "pass", rounds=rounds)
    for name, code in FRESH.items():
        print(f"{name:50} {(least(fresh, code, rounds=rounds) - start) * 1e3:8.1f} ms beside Python's own start")
    with Host(discover=False) as host:
        agent: Agent = ToolCallingAgent(model=Counter(STEPS), tools=[add], host=host)
        print(f"{'build an agent':50} {least(build, agent, rounds=rounds) / AGENTS * 1e6:8.1f} µs")
        print(f"{f'a step, mean of a run of {STEPS}':50} {least(run, agent, rounds=rounds) / STEPS * 1e6:8.1f} µs")


if __name__ == "__main__":
    main()
