"""What a sandbox costs, beside a plain fork and `exec` in this process: `python benchmarks/sandbox.py [--brief]`."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from core_plus.executors import Answer, Limits, Paused, Setup
from core_plus_sandbox import SandboxExecutor

LOADS = {
    "fib(22)": "def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)\nfib(22)",
    "loop of 300,000": "n = 0\nfor i in range(300_000): n += i * i % 7",
    "count words": "words = ('the quick brown fox ' * 20_000).split()\nd = {}\nfor w in words: d[w] = d.get(w, 0) + 1",
}


def milliseconds(work: Callable[[], object], rounds: int) -> float:
    """The median time of a piece of work.

    Args:
        work: The work.
        rounds: How often.
    """
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def fork() -> None:
    """Fork this process and wait for the fork: the floor of what a fresh interpreter costs."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


@contextlib.contextmanager
def opened(**settings: object) -> Iterator[SandboxExecutor]:
    """An executor that has started.

    Args:
        **settings: Its settings.
    """
    executor = SandboxExecutor(**settings)  # type: ignore[arg-type]  # a table of settings
    try:
        executor.open(Setup()).close()
        yield executor
    finally:
        executor.close()


def opening(executor: SandboxExecutor, rounds: int) -> float:
    """Milliseconds, in the median, to open a session and run its first snippet; that it is closed isn't counted.

    Args:
        executor: Where.
        rounds: How often.
    """
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        session = executor.open(Setup())
        session.start("1 + 1")
        times.append(time.perf_counter() - began)
        session.close()
    return statistics.median(times) * 1000


def calls(executor: SandboxExecutor, count: int) -> Callable[[], None]:
    """A loop of calls of a function of the host.

    Args:
        executor: Where.
        count: How many.
    """
    session = executor.open(Setup(functions=("f",)))

    def work() -> None:
        turn = session.start(f"for i in range({count}): f(i)")
        while isinstance(turn, Paused):
            turn = session.resume([Answer(request.id, request.args[0]) for request in turn.requests])

    return work


def resident(executor: SandboxExecutor) -> tuple[float, float]:
    """Megabytes (2**20 bytes) resident of an idle sandbox, and its proportional share of them.

    Args:
        executor: Where.
    """
    before = processes()
    session = executor.open(Setup())
    session.start("1 + 1")
    (pid,) = list(processes() - before)[:1]
    rows = dict(line.split(":") for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    session.close()
    return int(rows["Rss"].split()[0]) / 1024, int(rows["Pss"].split()[0]) / 1024


def processes(of: int | None = None) -> set[int]:
    """The processes that this one started, and those that they started.

    Args:
        of: Another process.
    """
    found = set()
    for file in Path(f"/proc/{of or os.getpid()}/task").glob("*/children"):
        for child in map(int, file.read_text().split()):
            found |= {child, *processes(child)}
    return found


def lateness(executor: SandboxExecutor, code: str) -> float:
    """Milliseconds after its deadline at which code had ended.

    Args:
        executor: Where.
        code: Code without an end.
    """
    session = executor.open(Setup(limits=Limits(seconds=0.3)))
    late = milliseconds(lambda: session.start(code), 3) - 300
    session.close()
    return late


def many(executor: SandboxExecutor, count: int) -> float:
    """Milliseconds to have so many sandboxes at once and one snippet run in each.

    Args:
        executor: Where.
        count: How many.
    """
    began = time.perf_counter()
    sessions = [executor.open(Setup()) for _ in range(count)]
    for session in sessions:
        session.start("1 + 1")
    took = (time.perf_counter() - began) * 1000
    for session in sessions:
        session.close()
    return took


def opening_rows(rounds: int) -> Iterator[tuple[str, str, str]]:
    """What opening costs, in each form.

    Args:
        rounds: How often.
    """
    floor = milliseconds(fork, rounds)
    yield "fork of this process (floor)", f"{floor:.2f} ms", ""
    libraries = [name for name in ("numpy", "pandas") if importlib.util.find_spec(name)]
    forms: list[tuple[str, dict[str, object], str]] = [
        ("fresh sandbox, open and 1+1", {}, "3 ms"),
        ("the same, none waiting", {"spare": False}, ""),
        ("the same, no namespaces", {"leave_out": ["namespaces"]}, "3 ms"),
        (f"the same with {' and '.join(libraries)}", {"preload": libraries}, "10 ms"),
    ]
    for name, settings, bar in forms:
        with opened(**settings) as executor:
            took = opening(executor, rounds)
        yield name, f"{took:.2f} ms, {took / floor:.1f} × fork", bar


def running_rows(executor: SandboxExecutor, rounds: int) -> Iterator[tuple[str, str, str]]:
    """What running costs.

    Args:
        executor: Where.
        rounds: How often.
    """
    session = executor.open(Setup())
    yield "warm snippet", f"{milliseconds(lambda: session.start('1 + 1'), 1000) * 1000:.0f} µs", "50 µs"
    yield "call of a function", f"{milliseconds(calls(executor, 1000), 7):.1f} µs", "15 µs"
    ratios = []
    for name, code in LOADS.items():
        pairs = [
            (milliseconds(lambda c=code: session.start(c), 1), milliseconds(lambda c=code: exec(c, {}), 1))
            for _ in range(rounds)
        ]  # type: ignore[misc]
        ratios.append(min(here for here, _ in pairs) / min(there for _, there in pairs))
        yield name, f"{ratios[-1]:.2f} × exec", ""
    yield "computing, geometric mean", f"{statistics.geometric_mean(ratios):.2f} × exec", "1.1 ×"
    for name, code in (
        ("a loop", "while True: pass"),
        ("C code", "sum(range(10**12))"),
        ("sleep", "import time\ntime.sleep(9)"),
    ):
        yield f"{name} ends after its time", f"{lateness(executor, code):.0f} ms", "100 ms"


def main(arguments: Sequence[str]) -> None:
    """Measure and print the table.

    Args:
        arguments: `--brief` for few rounds.
    """
    rounds = 20 if "--brief" in arguments else 100
    rows = [("", "measured", "bar"), *opening_rows(rounds)]
    with opened() as executor:
        rows += running_rows(executor, 5)
        rows.append(("200 sandboxes at once", f"{many(executor, 200):,.0f} ms", ""))
    with opened(spare=False) as executor:
        rss, pss = resident(executor)
        rows.append(("idle sandbox, resident", f"{rss:.1f} MB (its share {pss:.1f} MB)", "12 MB"))
    for row in rows:
        sys.stdout.write("{:34}{:>34}{:>10}\n".format(*row))


if __name__ == "__main__":
    main(sys.argv[1:])
