"""What a call costs in a run, held against the SDK's own client on the same server: the floor.

    python benchmarks/calls.py [CALLS]

The server is a process that adds two numbers; the model answers at once. Both are measured in turns, in one process.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import core_plus_mcp
from core_plus import Host, ModelResponse, ToolCallingAgent, message
from core_plus.messages import ToolCall

SERVER = Path(__file__).parent.parent / "tests/servers/useful.py"
ROUNDS = 5


class Adds:
    """A model that has so many sums made.

    Args:
        count: How many.
    """

    def __init__(self, count: int) -> None:
        self.left = count

    def forward(self, request: Any) -> ModelResponse:
        """The next call, or the end."""
        self.left -= 1
        call = ToolCall(f"c{self.left}", "add", {"a": 1})
        return ModelResponse(message("assistant", "done" if self.left < 0 else call))


def main() -> None:
    """Print milliseconds a call, and the ratio to the floor."""
    count = int(sys.argv[1]) if sys.argv[1:] else 100
    source = {"mcpServers": {"useful": {"command": sys.executable, "args": [str(SERVER)]}}}
    with Host(discover=False, plugins=[core_plus_mcp]) as host:
        client = host.tools(source)[0].connection.client

        async def floor() -> None:
            for _ in range(count):
                await client.call_tool("add", {"a": 1})

        def agent() -> ToolCallingAgent[Any, Any]:
            return ToolCallingAgent(model=Adds(count), tools=[source], host=host, max_steps=count + 1)

        ways = {
            "SDK alone": lambda: host.workers.submit_async(floor()).result(),
            "sync run": lambda: agent().run("add"),
            "async run": lambda: asyncio.run(agent().arun("add")),
        }
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, way in ways.items():
                began = time.perf_counter()
                way()
                times[name].append((time.perf_counter() - began) / count * 1000)
    base = median(times["SDK alone"])
    for name, found in times.items():
        print(f"{name:<10} {median(found):6.2f} ms a call, {median(found) / base:.2f} x the floor")


if __name__ == "__main__":
    main()
