"""What containers cost: `python benchmarks/containers.py IMAGE [docker|podman]`, beside the engine's own floor.

The floor of opening is `run --rm IMAGE python3 -c pass` with the same walls as far as they cost time; that of the
rest is the same worker in a plain process of this machine, through pipes as well.
"""

from __future__ import annotations

import functools
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from core_plus.executors import Answer, Executor, Limits, Paused, Session, Setup
from core_plus.host import Host
from core_plus_worker import CommandProcess, WorkerSession, worker_command

ULIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
STUBBORN = "while True:\n    try: sum(range(10 ** 10))\n    except BaseException: pass"
SETUP = Setup(functions=("f",), limits=Limits(seconds=None))


def median(work: Callable[[], object], rounds: int) -> float:
    """The median time of a piece of work, in milliseconds."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def run(session: Session, code: str) -> None:
    """Run a snippet; each call gives its first argument."""
    turn = session.start(code)
    while isinstance(turn, Paused):
        turn = session.resume([Answer(request.id, request.args[0]) for request in turn.requests])


def plain() -> WorkerSession:
    """The same worker in a plain process."""

    def start() -> CommandProcess:
        return CommandProcess(worker_command([sys.executable]))

    return WorkerSession(start(), SETUP, restart=start)


def open_and_close(executor: Executor, closing: list[float]) -> None:
    """Open a session and run something; how long closing takes is put aside, in milliseconds."""
    session = executor.open(SETUP)
    run(session, "1")
    closing.append(median(session.close, 1))


def late(executor: Executor) -> float:
    """Milliseconds from the end of the time until code that can't be stopped softly is told to have ended."""
    found = []
    for _ in range(3):
        session = executor.open(Setup(limits=Limits(seconds=0.3)))
        found.append(median(functools.partial(run, session, STUBBORN), 1) - 300)
        session.close()
    return statistics.median(found)


def main() -> None:
    """Measure and print the table."""
    image, engine = sys.argv[1], (sys.argv[2:] or ["docker"])[0]
    host = Host()
    executor, ready = [host.make("executor", engine, image=image, spare=spare) for spare in (0, 1)]
    walls = ["--network", "none", "--read-only", "--cap-drop", "ALL", "--log-driver", "none", *ULIMITS]
    floor = [engine, "run", "--rm", *walls, image, "python3", "-c", "pass"]
    executor.open(SETUP).close()  # the first one looks for what others have left
    bare = median(lambda: subprocess.run(floor, check=True), 5)
    closing: list[float] = []
    opening = median(lambda: open_and_close(executor, closing), 5) - statistics.median(closing)
    sys.stdout.write(f"run --rm python3 -c pass  {bare:8.1f} ms\n")
    sys.stdout.write(f"session, first snippet    {opening:8.1f} ms  {opening / bare:.2f}×\n")
    sys.stdout.write(f"closing                   {statistics.median(closing):8.1f} ms\n")
    ready.open(SETUP).close()
    time.sleep(3)  # until the next one is ready
    kept: list[Session] = []
    waited = median(lambda: kept.append(ready.open(SETUP)), 1)
    sys.stdout.write(f"opening, one in reserve   {waited:8.1f} ms  {waited / bare:.2f}×\n")
    sessions = executor.open(SETUP), plain()
    for name, code, rounds, parts in (
        ("snippet 1+1", "1+1", 300, 1),
        ("call of a function", "for i in range(300): f(i)", 5, 300),
        ("10 MB out and in again", "x = f(b'x' * (10 << 20))", 5, 1),
    ):
        works = [functools.partial(run, session, code) for session in sessions]
        there, here = [median(work, rounds) / parts for work in works]
        sys.stdout.write(f"{name:25} {there:8.3f} ms  {there / here:.2f}× the worker in a plain process\n")
    sys.stdout.write(f"told after the deadline   {late(executor):8.1f} ms\n")
    for each in (*kept, *sessions, executor, ready):
        each.close()


if __name__ == "__main__":
    main()
