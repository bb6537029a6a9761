"""What is counted, of one run or of many."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import attrs

from core_plus.messages import Usage

BUCKETS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
"""Upper bounds in seconds, of which each duration is counted in the first that holds it; beyond is one more."""


@attrs.define
class Tally:
    """How often something was done.

    Args:
        count: Times.
        errors: Times that it failed.
        seconds: In all.
        longest: Seconds of the longest.
        buckets: Times by how long they took, see `BUCKETS`.
    """

    count: int = 0
    errors: int = 0
    seconds: float = 0.0
    longest: float = 0.0
    buckets: list[int] = attrs.field(factory=lambda: [0] * (len(BUCKETS) + 1))

    @property
    def error_rate(self) -> float:
        """Errors of all times, from 0 to 1."""
        return self.errors / self.count if self.count else 0.0

    @property
    def mean(self) -> float:
        """Seconds at a time."""
        return self.seconds / self.count if self.count else 0.0

    def took(self, seconds: float) -> None:
        """Add a duration.

        Args:
            seconds: How long it was.
        """
        self.seconds += seconds
        self.longest = max(self.longest, seconds)
        self.buckets[bisect.bisect_left(BUCKETS, seconds)] += 1


@attrs.define
class ModelTally(Tally):
    """The same of a model's calls.

    Args:
        usage: Tokens.
        cost: USD, of the calls whose price is known.
        unpriced: Calls whose price isn't.
    """

    usage: Usage = attrs.field(factory=Usage)
    cost: Decimal = Decimal(0)
    unpriced: int = 0


@attrs.define
class Numbers:
    """All that is counted.

    Args:
        runs: Outermost runs by how they ended.
        run_seconds: How long they took.
        steps: Action steps.
        models: Model calls, by "provider:id".
        tools: Tool calls by name; what models made up is one, "(unknown)".
        questions: Questions put to people.
        warnings: Warnings.
    """

    runs: Counter[str] = attrs.field(factory=Counter)
    run_seconds: Tally = attrs.field(factory=Tally)
    steps: Tally = attrs.field(factory=Tally)
    models: dict[str, ModelTally] = attrs.field(factory=dict)
    tools: dict[str, Tally] = attrs.field(factory=dict)
    questions: int = 0
    warnings: int = 0

    @property
    def usage(self) -> Usage:
        """Tokens of all models."""
        return sum((one.usage for one in self.models.values()), Usage())

    @property
    def cost(self) -> Decimal | None:
        """USD in all; None where a call's price isn't known."""
        if any(one.unpriced for one in self.models.values()):
            return None
        return sum((one.cost for one in self.models.values()), Decimal(0))

    def model(self, name: str) -> ModelTally:
        """The tally of a model.

        Args:
            name: "provider:id".
        """
        return self.models.setdefault(name, ModelTally())

    def tool(self, name: str) -> Tally:
        """The tally of a tool.

        Args:
            name: Its name.
        """
        return self.tools.setdefault(name, Tally())

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON-like data; costs are texts, because they are exact."""
        models = {name: {**_plain(one), "usage": _tokens(one.usage)} for name, one in self.models.items()}
        return {
            "runs": dict(self.runs),
            "run_seconds": _plain(self.run_seconds),
            "steps": _plain(self.steps),
            "models": models,
            "tools": {name: _plain(one) for name, one in self.tools.items()},
            "usage": _tokens(self.usage),
            "cost": None if self.cost is None else str(self.cost),
            "questions": self.questions,
            "warnings": self.warnings,
        }


def _plain(tally: Tally) -> dict[str, Any]:
    found: Mapping[str, Any] = attrs.asdict(tally, recurse=False)
    found = {name: value for name, value in found.items() if name not in ("buckets", "usage")}
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in found.items()}


def _tokens(usage: Usage) -> dict[str, int]:
    names = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens", "total_tokens")
    return {name: getattr(usage, name) for name in names}
