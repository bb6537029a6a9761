"""What a call over HTTP costs, against a server on this machine that answers at once, beside bare httpx.

The measurements are those of `peers/`: each in a process of its own, by peers/worker.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import fmean
from typing import Any

from measure import TOP, Row, output

PEERS = TOP / "benchmarks" / "peers"
CALLS, LONG, TOKENS, CROWD, MANY = 11, 200, 2000, 100, 1000
DIALECTS = ("anthropic", "google", "responses")
Taken = dict[str, list[dict[str, Any]]]


@contextmanager
def server() -> Iterator[str]:
    """The address of a scripted server in a process of its own."""
    with subprocess.Popen([sys.executable, PEERS / "server.py"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
        finally:
            process.terminate()


def taken(url: str, rounds: int, *task: str, names: Sequence[str] = ("httpx", "core_plus")) -> Taken:
    """What the worker says of bare httpx and of ours, in turns; or of others by name."""
    found: Taken = {name: [] for name in names}
    for _ in range(rounds):
        for name, kept in found.items():
            told = output([sys.executable, PEERS / "worker.py", name, url, *task])
            kept.append(json.loads(told.splitlines()[-1]))
    return found


def over_http(rounds: int) -> list[Row]:
    """Takes each task a few times: rounds of worker processes cost half a second each.

    Args:
        rounds: As for the others.
    """
    rounds = max(1, rounds // 5)
    with server() as url:
        times, long, crowd = (
            taken(url, rounds, *task) for task in (["times"], ["long", str(LONG)], ["crowd", str(CROWD)])
        )
        others = {
            dialect: taken(url, rounds, "times", names=(f"httpx_{dialect}", f"core_plus_{dialect}"))
            for dialect in DIALECTS
        }
        many = taken(url, 1, "bigcrowd", str(MANY), names=("core_plus",))
    return [*short_runs(times), *in_dialects(others), *long_run(long), *crowded(crowd), *weighed(many)]


def pair(taken: Taken, task: str, place: int, by: int) -> tuple[float, float]:
    """Ours and the floor's least of a task, in microseconds of each of so many calls or deltas."""
    floor, ours = (min(each[task][place] for each in found) / by * 1e6 for found in taken.values())
    return ours, floor


def short_runs(taken: Taken) -> list[Row]:
    """CPU time of a model call in a run of ten tool calls and an answer, and of each of 2,000 streamed deltas."""
    sync, alone = pair(taken, "tools", 1, CALLS), "CPU; floor: bare httpx, same calls, same history"
    on_loop, delta = pair(taken, "tools_async", 1, CALLS), pair(taken, "stream", 2, TOKENS)
    return [
        Row("a model call over HTTP, sync", sync[0], "µs", sync[1], 1.8, "×", alone),
        Row("a model call over HTTP, async", on_loop[0], "µs", on_loop[1], 1.8, "×", "CPU; the same with AsyncClient"),
        Row("a streamed delta", delta[0], "µs", delta[1], 20, note="CPU; floor: iter_lines and json.loads"),
    ]


def in_dialects(taken: Mapping[str, Taken]) -> list[Row]:
    """The same by the codecs other than chat completions', each beside bare httpx in its dialect."""
    rows: list[Row] = []
    for dialect, found in taken.items():
        call, delta = pair(found, "tools", 1, CALLS), pair(found, "stream", 2, TOKENS)
        rows.append(Row(f"  a call in the dialect of {dialect}", call[0], "µs", call[1], 1.8, "×", "CPU, sync"))
        rows.append(Row("    and a streamed delta", delta[0], "µs", delta[1], 20, note="CPU"))
    return rows


def weighed(taken: Taken) -> list[Row]:
    """The most memory of a process with a thousand runs of three tool calls under way on one event loop."""
    peak = min(each["peak"] for each in taken["core_plus"]) / 1e6
    return [Row(f"{MANY:,} runs at once, the process's peak", peak, "MB", bar=100, note="resident memory, all of it")]


def long_run(taken: Taken) -> list[Row]:
    """CPU time of late steps by that of early ones, in a run of 200; each step is the least of the rounds."""

    def growth(name: str) -> float:
        steps = [min(column) for column in zip(*(each["cpu"] for each in taken[name]), strict=True)]
        return fmean(steps[-10:]) / fmean(steps[:9])

    note = "CPU; floor: the same of bare httpx"
    return [Row("steps 190–200 by steps 2–10 of a long run", growth("core_plus"), "×", growth("httpx"), 3, note=note)]


def crowded(taken: Taken) -> list[Row]:
    """CPU time of a run of ten tool calls where a hundred are under way on one event loop."""
    ours, floor = (min(each["cpu"] for each in taken[name]) / CROWD * 1e3 for name in ("core_plus", "httpx"))
    return [Row(f"a run of ten calls, {CROWD} at once", ours, "ms", floor, 4, note="CPU; floor: one AsyncClient")]
