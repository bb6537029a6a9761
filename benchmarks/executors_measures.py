"""What `executors.py` measures. Each figure is a `Figure`: a row of the table, with a number for each runner."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial

from executors_memory import cpu_seconds, descendants, megabytes
from executors_runners import Echo, InExecutor, NotThere, Runner

from core_plus import Limits

LOADS = {
    "fib(25)": "def fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)\nfib(25)",
    "loop of 1,000,000": "total = 0\nfor i in range(1_000_000):\n    total += i * i % 7",
    "counting 200,000 words": (
        "text = 'the quick brown fox jumps over the lazy dog again ' * 20_000\n"
        "counts = {}\nfor word in text.split():\n    counts[word] = counts.get(word, 0) + 1"
    ),
}
ENDLESS = {
    "in a loop": "while True: pass",
    "in C code": "sum(range(10**12))",
    "in a regular expression": "import re\nre.match('(a+)+$', 'a' * 40 + 'b')",
    "asleep": "import time\ntime.sleep(60)",
}
DEADLINE = 0.3
MANY, SOME, TOO_SLOW = 200, 10, 0.3
"""Sessions at once; sessions whose memory is looked at; seconds a session may take to open for having many."""


@dataclass
class Figure:
    """A row of the table.

    Args:
        what: What was measured.
        unit: Its unit.
        bar: The most that is meant to be; None where there is none.
        values: A number for each runner, or why there is none.
    """

    what: str
    unit: str
    bar: float | None = None
    values: dict[str, float | str] = field(default_factory=dict)


def computing(runners: Sequence[Runner], rounds: int) -> list[Figure]:
    """The three loads by turns, the least of each held against native's: `×`, and the geometric mean of the three.

    A runner that takes more than ten times as long as native is measured once: noise doesn't matter then.
    """
    figures = [Figure(what, "×") for what in LOADS]
    mean = Figure("computing: the geometric mean of these", "×", 1.1)
    best: dict[str, list[float]] = {}
    for runner in runners:
        try:
            best[runner.name] = [runner.time(code)[0] for code in LOADS.values()]
        except NotThere as error:
            mean.values[runner.name] = str(error)
    floor = best["exec"]
    quick = [one for one in runners if one.name in best and sum(best[one.name]) < 10 * sum(floor)]
    for _ in range(rounds):
        for place, code in enumerate(LOADS.values()):
            for runner in quick:
                best[runner.name][place] = min(best[runner.name][place], *runner.time(code))
    for name, least in best.items():
        ratios = [took / native for took, native in zip(least, floor, strict=True)]
        mean.values[name] = math.prod(ratios) ** (1 / len(ratios))
        for figure, ratio in zip(figures, ratios, strict=True):
            figure.values[name] = ratio
    return [*figures, mean]


CALL = "a call of a tool"
SNIPPETS: tuple[tuple[Figure, str, int, int], ...] = (
    (Figure("  with a print", "µs"), "print(1)", 50, 1),
    (Figure(CALL, "µs", 15), "for i in range(100):\n    same(i)", 10, 100),
    (Figure("10 MB of text in and out", "ms", 10), "text = give()\ntext", 3, 1),
    (Figure("  100,000 whole numbers out and in", "ms"), "back = same(list(range(100_000)))", 1, 1),
)
"""What is run, how often in a round, and how many parts it has."""


def snippets(runners: Sequence[Runner], rounds: int) -> list[Figure]:
    """Small snippets in a session that stays: the median of those in a round, and of the rounds the least."""
    warm, slowest = Figure("a warm snippet, 1 + 1", "µs", 50), Figure("  one in a hundred", "µs", 1000)
    new, others = Figure("  code not seen before", "µs"), [replace(row[0], values={}) for row in SNIPPETS]
    every: dict[str, list[float]] = {runner.name: [] for runner in runners}
    echo, floor = Echo(), math.inf
    for count in range(rounds):
        floor = min(floor, statistics.median(echo.times(200)))
        for runner in runners:
            took = runner.time("1 + 1", 100)
            every[runner.name] += took
            _least(warm, runner, took.copy)
            unseen = [f"{count} + {number}" for number in range(50)]
            _least(new, runner, partial(_each, runner, unseen))
            for figure, (_, code, times, parts) in zip(others, SNIPPETS, strict=True):
                if "print" not in code or runner.name not in ("exec", "smolagents"):  # these would print here
                    _least(figure, runner, partial(runner.time, code, times), parts)
    for name, each in every.items():
        slowest.values[name] = sorted(each)[len(each) * 99 // 100] * 1e6
    echo.close()
    return [warm, slowest, new, *(row for other in others for row in (other, *_beside(other, floor)))]


def _beside(figure: Figure, floor: float) -> list[Figure]:
    """The calls of a tool held against a bare message there and back between two processes."""
    if figure.what != CALL:
        return []
    bare = Figure("  a bare message to another process and back", "µs", values={"exec": floor * 1e6})
    ratio = Figure("  a call of a tool, times that", "×")
    for name, took in figure.values.items():
        if isinstance(took, float) and name != "exec":
            ratio.values[name] = took / (floor * 1e6)
    return [bare, ratio]


def _each(runner: Runner, codes: Sequence[str]) -> list[float]:
    return [runner.time(code)[0] for code in codes]


def _least(figure: Figure, runner: Runner, measure: Callable[[], list[float]], parts: int = 1) -> None:
    """Keep the median of some times, if it is the least so far; or why there is none."""
    known = figure.values.get(runner.name, math.inf)
    if isinstance(known, str):
        return
    try:
        median = statistics.median(measure()) / parts * {"µs": 1e6, "ms": 1e3}[figure.unit]
    except NotThere as error:
        figure.values[runner.name] = str(error)
    else:
        figure.values[runner.name] = min(known, median)


def opening(runners: Sequence[Runner], rounds: int) -> list[Figure]:
    """Fresh sessions with their first snippet, one after another: the median of five, and of the rounds the least."""
    fresh = Figure("a fresh session and its first snippet", "ms", 3)
    for runner in runners:
        _least(fresh, runner, partial(runner.fresh, 1))
    for _ in range(rounds):
        for runner in runners:
            known = fresh.values[runner.name]
            if isinstance(known, float) and known < TOO_SLOW * 1e3:
                _least(fresh, runner, partial(runner.fresh, 5))
    return [fresh]


def preloaded(make: Callable[[], InExecutor], name: str, rounds: int) -> Figure:
    """A fresh session that imports numpy and pandas and adds, where the executor has them ready."""
    figure = Figure("  the same, numpy and pandas imported", "ms", 10)
    try:
        runner = make()
        try:
            for _ in range(rounds):
                _least(figure, runner, partial(runner.fresh, 5, "import numpy, pandas\n1 + 1"))
        finally:
            runner.close()
    except Exception as error:  # it has no such setting, or the packages aren't here
        figure.values[name] = str(error)[:300]
    return figure


def memory(runners: Sequence[Runner], rounds: int) -> list[Figure]:
    """What ten idle sessions keep, and two hundred at once: /proc/PID/smaps_rollup of the processes that they brought.

    RSS counts a page for everyone who has it, PSS by share. What all sessions have in common is started before.
    """
    idle, shared = Figure("an idle session, resident (RSS)", "MB", 12), Figure("  shared pages by share (PSS)", "MB")
    opened, all_of_them = Figure(f"{MANY} sessions at once, opened", "s"), Figure("  their memory (PSS)", "MB")
    for runner in (one for one in runners if isinstance(one, InExecutor)):
        runner.time("1 + 1")  # whatever is shared has been started
        before = descendants()
        with ExitStack() as stack:
            began = time.perf_counter()
            _open(runner, SOME, stack)
            slow = time.perf_counter() - began > SOME * TOO_SLOW
            new = descendants() - before
            if not new:
                idle.values[runner.name] = "no process of its own"
                continue
            idle.values[runner.name], shared.values[runner.name] = (
                each / SOME if isinstance(each, float) else each for each in megabytes(new)
            )
            if slow:
                continue
            began = time.perf_counter()
            _open(runner, MANY - SOME, stack)
            opened.values[runner.name] = (time.perf_counter() - began) * MANY / (MANY - SOME)
            all_of_them.values[runner.name] = megabytes(descendants() - before)[1]
    return [idle, shared, opened, all_of_them]


def _open(runner: InExecutor, count: int, stack: ExitStack) -> None:
    for _ in range(count):
        session = runner.open()
        stack.callback(runner.end, session)
        runner.well(session, "1 + 1")


def stopping(runners: Sequence[Runner], rounds: int) -> list[Figure]:
    """From the deadline of code that has no end to `Done`: the longest of three; and the CPU that is used after it.

    That is of this process and of all that it has started, in seconds of CPU a second.
    """
    burning = Figure("  CPU used after all that", "of one")
    figures = [Figure(f"stopped after its deadline, {where}", "ms", 100) for where in ENDLESS]
    for runner in (one for one in runners if isinstance(one, InExecutor)):
        for figure, code in zip(figures, ENDLESS.values(), strict=True):
            late = []
            for _ in range(3):
                session = runner.open(Limits(seconds=DEADLINE))
                began = time.perf_counter()
                error = runner.run(session, code).error
                late.append(time.perf_counter() - began - DEADLINE)
                runner.end(session)
                if error is None or error.kind != "TimeLimit":
                    figure.values[runner.name] = error.kind if error else "it ended"
                    break
            else:
                figure.values[runner.name] = max(late) * 1e3
        before = cpu_seconds()
        time.sleep(0.5)
        burning.values[runner.name] = (cpu_seconds() - before) / 0.5
    return [*figures, burning]
