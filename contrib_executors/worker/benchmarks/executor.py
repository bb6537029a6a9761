"""How fast code runs in a worker, beside plain `exec` in this process: `python benchmarks/executor.py`.

The first lines are the floors of this machine, so that a busy one isn't taken for a slow worker: 50 bytes there and
back between two processes that do nothing else, and 10 MB. `taskset -c 0` gives both ends one core.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from core_plus.executors import Answer, Done, Limits, Paused, Setup
from core_plus_worker import LocalProcess, WorkerSession

RESULTS = "[{'title': 'T' * 40, 'url': 'https://example.com/', 'text': 's' * 200} for i in range(50)]"
ROWS_OUT = "[{'n': i, 'name': f'row {i}', 'f': i / 7, 'of': ['a', 'b']} for i in range(10_000)]"
FIB = "def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)\nfib(22)"
LOOP = "n = 0\nfor i in range(500_000): n += i * i % 7"
CALLS = "for i in range(1000): f(i, 'x')"
BIG = 10 << 20
VARIABLES = {"big": b"x" * BIG, "text": "x" * BIG}


def median(work: Callable[[], object], rounds: int) -> float:
    """The median time of a piece of work, in seconds."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def echo(size: int) -> None:
    """Give back what comes, in messages of a size; the other end of the floors. Ends with the process."""
    there = socket.socket(fileno=int(sys.argv[2]))
    while True:
        data = there.recv(size, socket.MSG_WAITALL)
        if not data:
            return
        there.sendall(data)


def floor(size: int, rounds: int) -> float:
    """Microseconds for so many bytes there and back over a pair of sockets, plainly.

    Args:
        size: The bytes.
        rounds: How often.
    """
    here, there = socket.socketpair()
    with here, there:
        command = [sys.executable, __file__, "echo", str(there.fileno()), str(size)]
        child = subprocess.Popen(command, pass_fds=[there.fileno()])
        there.close()
        data, thread = b"x" * size, ThreadPoolExecutor(1)

        def work() -> None:
            if size < 1 << 16:
                here.sendall(data)
                here.recv(size)
            else:
                thread.submit(here.sendall, data)
                here.recv(size, socket.MSG_WAITALL)

        work()
        found = median(work, rounds) * 1e6
        thread.shutdown()
    child.wait()
    return found


class Native:
    """Code in this very process."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"f": lambda *args: args[0], **VARIABLES}

    def run(self, code: str) -> None:
        """Run a snippet."""
        exec(code, self.names)


def start(cwd: str) -> LocalProcess:
    """Start a worker."""
    return LocalProcess([sys.executable], env={"PYTHONHASHSEED": "0"}, cwd=cwd)


class Worker:
    """Code in a worker."""

    def __init__(self, cwd: str) -> None:
        setup = Setup(functions=("f",), variables=VARIABLES, limits=Limits(seconds=None))
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
    "10 MB of bytes out and in": ("back = f(big)", 10, 1),
    "10 MB of text out and in": ("back = f(text)", 10, 1),
    "50 search results out and in": (f"back = f({RESULTS})", 100, 1),
    "10,000 dicts out and in": (f"back = f({ROWS_OUT})", 5, 1),
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
        lines = [
            ("", "exec µs", "worker µs", "ratio"),
            ("floor: 50 bytes and back", "", f"{floor(50, 3000):,.1f}", ""),
            ("floor: 10 MB and back", "", f"{floor(BIG, 15):,.1f}", ""),
            ("session opened and closed", "", f"{opening(cwd):,.0f}", ""),
        ]
        native, worker = Native(), Worker(cwd)
        for name, (code, rounds, parts) in ROWS.items():
            here, there = [measured(runner.run, code, rounds, parts) for runner in (native, worker)]
            lines.append((name, f"{here:,.1f}", f"{there:,.1f}", f"{there / here:,.2f}×"))
        worker.session.close()
    for line in lines:
        sys.stdout.write("{:28}{:>14}{:>14}{:>12}\n".format(*line))


if __name__ == "__main__":
    if sys.argv[1:2] == ["echo"]:
        echo(int(sys.argv[3]))
    else:
        main()
