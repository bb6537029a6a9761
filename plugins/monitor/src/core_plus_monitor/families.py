"""The numbers as Prometheus' client wants them.

Names follow Prometheus' rules: base units in the name, totals end in `_total`
(docs/practices/naming of prometheus.io).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from core_plus_monitor.numbers import BUCKETS, Numbers, Tally

TOKENS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cached_tokens",
    "cache_write": "cache_write_tokens",
    "reasoning": "reasoning_tokens",
}


def families_of(numbers: Numbers, in_progress: int) -> list[Any]:
    """Every metric with its samples.

    Args:
        numbers: What was counted.
        in_progress: Runs that have begun and not ended.
    """
    now = GaugeMetricFamily("core_plus_runs_in_progress", "Outermost runs that have begun and not ended")
    now.add_metric([], in_progress)
    models, tools = numbers.models, numbers.tools
    return [
        now,
        _counter("runs", "Outermost runs by how they ended", "state", numbers.runs.items()),
        _histogram("run_seconds", "How long outermost runs took", None, {"": numbers.run_seconds}),
        _counter("steps", "Action steps", None, [("", numbers.steps.count)]),
        _counter("step_errors", "Action steps that failed", None, [("", numbers.steps.errors)]),
        _counter("model_calls", "Model calls", "model", ((name, one.count) for name, one in models.items())),
        _counter("model_errors", "Model calls that failed", "model", ((n, one.errors) for n, one in models.items())),
        _histogram("model_seconds", "How long answered model calls took", "model", models),
        _tokens(numbers),
        _counter("cost_usd", "USD, where prices are known", "model", ((n, float(m.cost)) for n, m in models.items())),
        _counter("unpriced_calls", "Calls without one", "model", ((n, one.unpriced) for n, one in models.items())),
        _counter("tool_calls", "Tool calls", "tool", ((name, one.count) for name, one in tools.items())),
        _counter("tool_errors", "Tool calls that failed", "tool", ((name, one.errors) for name, one in tools.items())),
        _histogram("tool_seconds", "How long tool calls took", "tool", tools),
        _counter("questions", "Questions put to people", None, [("", numbers.questions)]),
        _counter("warnings", "Warnings", None, [("", numbers.warnings)]),
    ]


def _counter(name: str, words: str, label: str | None, samples: Iterable[tuple[str, float]]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"core_plus_{name}", words, labels=[label] if label else None)
    for key, count in samples:
        family.add_metric([key] if label else [], count)
    return family


def _tokens(numbers: Numbers) -> CounterMetricFamily:
    words = "Tokens; cached ones are input, reasoning is output"
    family = CounterMetricFamily("core_plus_tokens", words, labels=["model", "type"])
    for name, one in numbers.models.items():
        for kind, field in TOKENS.items():
            family.add_metric([name, kind], getattr(one.usage, field))
    return family


def _histogram(name: str, words: str, label: str | None, tallies: Mapping[str, Tally]) -> HistogramMetricFamily:
    family = HistogramMetricFamily(f"core_plus_{name}", words, labels=[label] if label else None)
    bounds = [*(str(bound) for bound in BUCKETS), "+Inf"]
    for key, tally in tallies.items():
        counts = zip(bounds, accumulate(tally.buckets), strict=True)
        family.add_metric([key] if label else [], [*counts], tally.seconds)
    return family
