"""What a call over HTTP costs, against a server on this machine that answers at once, beside bare httpx.

The measurements are those of `peers/`: each in a process of its own, by peers/worker.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import fmean
from typing import Any

from measure import TOP, Row, output

PEERS = TOP / "benchmarks" / "peers"
CALLS, LONG, TOKENS, CROWD = 11, 200, 2000, 100
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


def taken(url: str, rounds: int, *task: str) -> Taken:
    """What the worker says of bare httpx and of ours, in turns."""
    found: Taken = {"httpx": [], "core_plus": []}
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
    return [*short_runs(times), *long_run(long), *crowded(crowd)]


def short_runs(taken: Taken) -> list[Row]:
    """CPU time of a model call in a run of ten tool calls and an answer, and of each of 2,000 streamed deltas."""

    def pair(task: str, place: int, by: int) -> tuple[float, float]:
        floor, ours = (min(each[task][place] for each in taken[name]) / by * 1e6 for name in ("httpx", "core_plus"))
        return ours, floor

    sync, alone = pair("tools", 1, CALLS), "CPU; floor: bare httpx, same calls, same history"
    on_loop, delta = pair("tools_async", 1, CALLS), pair("stream", 2, TOKENS)
    return [
        Row("a model call over HTTP, sync", sync[0], "µs", sync[1], 1.8, "×", alone),
        Row("a model call over HTTP, async", on_loop[0], "µs", on_loop[1], 1.8, "×", "CPU; the same with AsyncClient"),
        Row("a streamed delta", delta[0], "µs", delta[1], 20, note="CPU; floor: iter_lines and json.loads"),
    ]


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
