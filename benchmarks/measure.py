"""How things are measured here: a figure beside its floor, each the least of some rounds that take turns."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

TOP = Path(__file__).resolve().parent.parent
Measure = Callable[[], float]


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Args:
        what: What was measured.
        value: The figure; None where it couldn't be measured.
        unit: Its unit.
        floor: What the same machine needs without us, in the same unit; None where there is no such thing.
        bar: The most that is meant to be: units, times the floor, or units above the floor.
        against: Which of the three: "", "×" or "+".
        note: How the figure is to be read.
    """

    what: str
    value: float | None
    unit: str
    floor: float | None = None
    bar: float | None = None
    against: Literal["", "×", "+"] = ""
    note: str = ""

    @property
    def judged(self) -> float | None:
        """What is held against the bar; None where there is nothing to judge."""
        if self.value is None or self.bar is None:
            return None
        if self.against == "":
            return self.value
        if not self.floor:
            return None
        return self.value / self.floor if self.against == "×" else self.value - self.floor

    @property
    def cells(self) -> tuple[str, ...]:
        """The line as texts: what, figure, floor, figure by floor, bar, verdict, note."""
        times = self.value / self.floor if self.value is not None and self.floor else None
        bar = {"": "{}", "×": "{}×", "+": "floor + {}"}[self.against].format(number(self.bar)) if self.bar else ""
        verdict = "" if self.judged is None or self.bar is None else "ok" if self.judged <= self.bar else "ABOVE"
        figure = "not measured" if self.value is None else f"{number(self.value)} {self.unit}".strip()
        by_floor = "" if times is None else f"{times:.2f}×"
        return self.what, figure, number(self.floor), by_floor, bar, verdict, self.note


def number(value: float | None) -> str:
    """A number with as many digits as mean something."""
    if value is None:
        return ""
    if float(value).is_integer() or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def least(rounds: int, *measures: Measure) -> list[float]:
    """The least that each of some measures gives.

    What disturbs a measurement only ever adds to it; and they take turns, so that what else the machine does falls
    on a figure and its floor alike.

    Args:
        rounds: How often each is taken.
        *measures: Each gives one number.
    """
    taken = [[measure() for measure in measures] for _ in range(rounds)]
    return [min(column) for column in zip(*taken, strict=True)]


def cpu(work: Callable[[], object]) -> float:
    """The CPU seconds that a piece of work takes in this process, all its threads together."""
    began = time.process_time()
    work()
    return time.process_time() - began


def output(command: Sequence[str | Path], *, errors: bool = False) -> str:
    """What a command prints.

    Args:
        command: The program and its arguments.
        errors: Whether what it prints as errors is meant.

    Raises:
        RuntimeError: It failed; the text ends with what it said.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=TOP, timeout=300)
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed with status {done.returncode}: {done.stderr[-500:]}")
    return done.stderr if errors else done.stdout
