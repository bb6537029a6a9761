"""The conventions' metrics: how long models, tools and agents take, and how many tokens and calls.

Version 1.41 has one histogram of tokens and names that say "operation"; later ones have counters and say "inference".
The five of agents and tools came later and clash with nothing, so they are always there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentelemetry.metrics import Meter

from core_plus.messages import Usage
from core_plus_otel import names

SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""The conventions' bucket boundaries of durations."""
TOKENS: Final = (
    1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864,
)  # fmt: skip
"""The same of tokens."""
CHUNKS: Final = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
COUNTS: Final = (0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144)


class Metrics:
    """The instruments of a host.

    Args:
        meter: Where they come from.
        latest: Whether they have the names after version 1.41.
    """

    def __init__(self, meter: Meter, latest: bool) -> None:
        self._meter, self._latest = meter, latest
        model = "gen_ai.client.inference" if latest else "gen_ai.client.operation"
        self.model = self._seconds(f"{model}.duration", "How long a model call took")
        self.first = self._seconds(f"{model}.time_to_first_chunk", "Until the first piece of a reply", CHUNKS)
        self.chunk = self._seconds(f"{model}.time_per_output_chunk", "From one piece of a reply to the next", CHUNKS)
        self.agent = self._seconds("gen_ai.invoke_agent.duration", "How long an agent's run took")
        self.tool = self._seconds("gen_ai.execute_tool.duration", "How long a tool call took")
        self.mcp = self._seconds("mcp.client.operation.duration", "How long a request to an MCP server took")
        self.model_calls = self._histogram("gen_ai.invoke_agent.inference_calls", "{call}", "Model calls of a run")
        self.tool_calls = self._histogram("gen_ai.invoke_agent.tool_calls", "{call}", "Tool calls of a run")
        if latest:
            self._sums = {kind: self._counter(kind) for kind in _COUNTED}
            self._each = {
                kind: self._histogram(f"{model}.operation.{kind}", "{token}", f"{kind} of a model call", TOKENS)
                for kind in ("input_tokens", "output_tokens")
            }
        else:
            self._tokens = self._histogram("gen_ai.client.token.usage", "{token}", "Tokens of a model call", TOKENS)

    def count(self, usage: Usage, facts: Mapping[str, Any]) -> None:
        """Add the tokens of a model call.

        Args:
            usage: What it used.
            facts: Attributes.
        """
        if not self._latest:
            self._tokens.record(usage.input_tokens, {**facts, names.TOKEN_TYPE: "input"})
            self._tokens.record(usage.output_tokens, {**facts, names.TOKEN_TYPE: "output"})
            return
        for kind, field in _COUNTED.items():
            if count := getattr(usage, field):
                self._sums[kind].add(count, facts)
        for kind, histogram in self._each.items():
            histogram.record(getattr(usage, kind), facts)

    def _counter(self, kind: str) -> Any:
        return self._meter.create_counter(f"gen_ai.client.inference.usage.{kind}", "{token}", f"{kind} used")

    def _seconds(self, name: str, description: str, bounds: Sequence[float] = SECONDS) -> Any:
        return self._histogram(name, "s", description, bounds)

    def _histogram(self, name: str, unit: str, description: str, bounds: Sequence[float] = COUNTS) -> Any:
        return self._meter.create_histogram(name, unit, description, explicit_bucket_boundaries_advisory=bounds)


_COUNTED: Final = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read.input_tokens": "cached_tokens",
    "cache_write.input_tokens": "cache_write_tokens",
    "reasoning.output_tokens": "reasoning_tokens",
}
"""Counters of the later names, and where a `Usage` has each."""
