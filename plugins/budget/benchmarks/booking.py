"""What a budget costs a model call: `python plugins/budget/benchmarks/booking.py`.

A run of many steps, without a budget and with one, in turns; the floor is the run without. Each step is a model call
and a tool call; the history grows, as it does in real runs.
"""

from __future__ import annotations

import statistics
import time

from core_plus import Host, Message, ModelRequest, ModelResponse, ToolCall, ToolCallingAgent, Usage, tool
from core_plus_budget import Budget

STEPS = 300
ROUNDS = 7
PRICES = {"ready:*": {"input": 1, "output": 5, "cached": 0.1}}


@tool(effect="read", thread="caller")
def look(path: str) -> str:
    """Look.

    Args:
        path: Where.
    """
    return path


class Ready:
    """A model that answers at once."""

    def __init__(self) -> None:
        self.said = 0

    def __str__(self) -> str:
        return "ready:one"

    def forward(self, request: ModelRequest) -> ModelResponse:
        """Call the tool, and answer at the end."""
        self.said += 1
        name, arguments = ("look", {"path": "notes.md"}) if self.said <= STEPS else ("final_answer", {"answer": "done"})
        return ModelResponse(Message("assistant", (ToolCall("", name, arguments),)), Usage(100, 10))


def budgets() -> dict[str, list[Budget]]:
    """What is compared, by name."""
    return {
        "no budget": [],
        "calls and time": [Budget(model_calls=10_000, tool_calls=10_000, seconds=10_000)],
        "tokens": [Budget(tokens=10**9)],
        "tokens and money": [Budget(tokens=10**9, money=10**6, prices=PRICES)],
    }


def seconds(given: list[Budget]) -> float:
    """CPU time of a run of so many steps."""
    with Host(discover=False) as host:
        agent = ToolCallingAgent(model=Ready(), tools=[look], host=host, policies=given, max_steps=STEPS + 1)
        began = time.process_time()
        assert agent.run("look").output == "done"
        return time.process_time() - began


def main() -> None:
    """Measure and print."""
    taken: dict[str, list[float]] = {name: [] for name in budgets()}
    for _ in range(ROUNDS):
        for name, given in budgets().items():
            taken[name].append(seconds(given))
    floor = statistics.median(taken["no budget"])
    for name, times in taken.items():
        median = statistics.median(times)
        more = f"{median / floor:.2f} x, {1e6 * (median - floor) / STEPS:+.1f} µs"
        print(f"{name:20} {1e6 * median / STEPS:7.1f} µs a step of {STEPS}, {more}")


if __name__ == "__main__":
    main()
