"""How fast code runs in a worker, beside plain `exec` in this process: `python benchmarks/executor.py`."""

from __future__ import annotations

import contextlib
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from core_plus.executors import Answer, Done, Limits, Paused, Setup
from core_plus_worker import LocalProcess, WorkerSession

FIB = "def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)\nfib(22)"
LOOP = "n = 0\nfor i in range(500_000): n += i * i % 7"
CALLS = "for i in range(1000): f(i, 'x')"
BIG = 10 << 20


def median(work: Callable[[], object], rounds: int) -> float:
    """The median time of a piece of work, in seconds."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


class Native:
    """Code in this very process."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"f": lambda *args: args[0], "big": b"x" * BIG}

    def run(self, code: str) -> None:
        """Run a snippet."""
        exec(code, self.names)


def start(cwd: str) -> LocalProcess:
    """Start a worker."""
    return LocalProcess([sys.executable], env={"PYTHONHASHSEED": "0"}, cwd=cwd)


class Worker:
    """Code in a worker."""

    def __init__(self, cwd: str) -> None:
        setup = Setup(functions=("f",), variables={"big": b"x" * BIG}, limits=Limits(seconds=None))
        self.session = WorkerSession(start(cwd), setup, restart=lambda: start(cwd))

    def run(self, code: str) -> None:
        """Run a snippet; each call gives its first argument."""
        turn = self.session.start(code)
        while isinstance(turn, Paused):
            turn = self.session.resume([Answer(request.id, request.args[0]) for request in turn.requests])
        assert isinstance(turn, Done)
        assert turn.error is None, turn.error


ROWS: dict[str, tuple[str | None, int, int]] = {
    "snippet 1+1": ("1+1", 2000, 1),
    "snippet, new each time": (None, 500, 1),
    "snippet that prints": ("print(1)", 2000, 1),
    "call of a function": (CALLS, 10, 1000),
    "fib(22)": (FIB, 5, 1),
    "loop of 500,000": (LOOP, 5, 1),
    "10 MB out and in again": ("back = f(big)", 10, 1),
    "100,000 ints out and in": ("back = f(list(range(100_000)))", 10, 1),
}
"""What is run, how often, and how many parts one run has. None: code that wasn't seen before."""


def measured(run: Callable[[str], None], code: str | None, rounds: int, parts: int) -> float:
    """Microseconds of a part of a snippet.

    Args:
        run: Runs a snippet.
        code: As in `ROWS`.
        rounds: As in `ROWS`.
        parts: As in `ROWS`.
    """
    fresh = itertools.count()
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123  # os.devnull is a text
        return median(lambda: run(code or f"{next(fresh)} + 1"), rounds) / parts * 1e6


def opening(cwd: str) -> float:
    """Microseconds to open a session on a fresh worker and to close it."""

    def work() -> None:
        WorkerSession(start(cwd), Setup(), restart=lambda: start(cwd)).close()

    return median(work, 10) * 1e6


def main() -> None:
    """Measure and print the table."""
    with tempfile.TemporaryDirectory() as cwd:
        lines = [("", "exec µs", "worker µs", "ratio"), ("session opened and closed", "", f"{opening(cwd):,.0f}", "")]
        native, worker = Native(), Worker(cwd)
        for name, (code, rounds, parts) in ROWS.items():
            here, there = [measured(runner.run, code, rounds, parts) for runner in (native, worker)]
            lines.append((name, f"{here:,.1f}", f"{there:,.1f}", f"{there / here:,.2f}×"))
        worker.session.close()
    for line in lines:
        sys.stdout.write("{:28}{:>14}{:>14}{:>12}\n".format(*line))


if __name__ == "__main__":
    main()
