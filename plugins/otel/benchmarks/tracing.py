"""What tracing costs a step: `python plugins/otel/benchmarks/tracing.py`.

A run of many steps, each a model call and a tool call, four ways in turns: the plugin left out, installed without an
SDK (which must cost nothing that can be seen), with an SDK that samples nothing, and with one that keeps every span in
memory. The floor is the run without the plugin; times are the process's own, so what an exporter waits for isn't in.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from core_plus import Host, Message, ModelRequest, ModelResponse, ToolCall, ToolCallingAgent, Usage, tool

STEPS = 200
ROUNDS = 9


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


def providers(sampled: bool) -> dict[str, Any]:
    """The plugin's settings for an SDK."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

    tracers = TracerProvider(sampler=ALWAYS_ON if sampled else ALWAYS_OFF)
    tracers.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    return {"tracer_provider": tracers, "meter_provider": MeterProvider([InMemoryMetricReader()])}


def hosts() -> dict[str, Host]:
    """What is compared, by name."""

    def host(**settings: Any) -> Host:
        return Host(only=["core-plus-otel"], config={"hooks.otel": settings})

    return {
        "no plugin": Host(only=[]),
        "no SDK": host(),
        "an SDK, nothing sampled": host(**providers(False)),
        "an SDK, all spans kept": host(**providers(True)),
    }


def seconds(host: Host) -> float:
    """CPU time of a run of so many steps."""
    agent = ToolCallingAgent(model=Ready(), tools=[look], host=host, max_steps=STEPS + 1)
    began = time.process_time()
    agent.run("look").output  # noqa: B018 (raises where the run failed)
    return time.process_time() - began


def main() -> None:
    """Print a table."""
    compared = hosts()
    found: dict[str, list[float]] = {name: [] for name in compared}
    for number in range(ROUNDS + 1):
        for name, host in compared.items():
            took = seconds(host)
            if number:  # the first round warms up
                found[name].append(took)
    floor = found["no plugin"]
    for name, times in found.items():
        ratio = statistics.median(one / other for one, other in zip(times, floor, strict=True))
        print(f"{name:26} {statistics.median(times) / STEPS * 1e6:7.1f} µs a step, {ratio:.2f} of the floor")
    for host in compared.values():
        host.close()


if __name__ == "__main__":
    main()
