"""What a review costs an effect: `python plugins/approval/benchmarks/review.py`.

A run of many tool calls, without the plugin and with ever more rules, in turns; the floor is the run without. The
difference, divided by the calls, is what a review of one costs; each call has two effects around it (the model's
and its own).
"""

from __future__ import annotations

import statistics
import time

from core_plus import Host, Message, ToolCall, ToolCallingAgent, tool
from core_plus_approval import Approval, Policy, Rule, trust
from core_plus_scripted import ScriptedModel

CALLS = 400
ROUNDS = 7


@tool(effect="read", thread="caller")
def look(path: str) -> str:
    """Look.

    Args:
        path: Where.
    """
    return path


def policies() -> dict[str, list[Approval]]:
    """What is compared, by name."""
    many = [Rule("deny", tool=f"delete_{n}_*", arguments={"path": "/etc/*"}) for n in range(50)]
    texts = [Rule("deny", tool="l*", arguments={"path": {"regex": f"secret{n}$"}}) for n in range(10)]
    return {
        "no policy": [],
        "trust": [Approval(trust)],
        "50 rules for other tools": [Approval(Policy(many, trust.base))],
        "10 rules that read an argument": [Approval(Policy(texts, trust.base))],
    }


def seconds(given: list[Approval]) -> float:
    """CPU time of a run of so many calls."""
    turns = [Message("assistant", (ToolCall("", "look", {"path": f"notes/{n}.md"}),)) for n in range(CALLS)]
    with Host(discover=False) as host:
        model = ScriptedModel([*turns, "done"])
        agent = ToolCallingAgent(model=model, tools=[look], host=host, policies=given, max_steps=CALLS + 1)
        began = time.process_time()
        assert agent.run("look").output == "done"
        return time.process_time() - began


def main() -> None:
    """Measure and print."""
    taken: dict[str, list[float]] = {name: [] for name in policies()}
    for _ in range(ROUNDS):
        for name, given in policies().items():
            taken[name].append(seconds(given))
    floor = statistics.median(taken["no policy"])
    for name, times in taken.items():
        median = statistics.median(times)
        print(
            f"{name:32} {1e6 * median / CALLS:7.1f} µs a call, {median / floor:.2f} x, "
            f"{1e6 * (median - floor) / CALLS:+.1f} µs"
        )


if __name__ == "__main__":
    main()
