"""What a kernel costs: `python benchmarks/kernels.py`. Times in milliseconds, medians, beside plain `exec`."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from core_plus.executors import Answer, Done, Paused, Session, Setup
from core_plus_jupyter import JupyterExecutor


def median(do: Callable[[], object], times: int) -> float:
    """The median of so many runs, in milliseconds.

    Args:
        do: What to run.
        times: How often.
    """
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        do()
        taken.append(time.perf_counter() - began)
    return 1000 * statistics.median(taken)


def run(session: Session, code: str) -> Done:
    """Run a snippet to its end, answering what it asks with None.

    Args:
        session: Where.
        code: What.
    """
    turn = session.start(code)
    while isinstance(turn, Paused):
        turn = session.resume([Answer(request.id) for request in turn.requests])
    assert isinstance(turn, Done)
    assert turn.error is None, turn.error
    return turn


def main() -> None:
    """Measure and print."""
    executor = JupyterExecutor()
    opening = median(lambda: executor.open(Setup()).close(), 3)
    session = executor.open(Setup(functions=("f",)))
    floor = median(lambda: exec("1 + 1", {}), 1000)
    loop = "n = 0\nfor i in range(1_000_000): n += i"
    rows = {
        "a fresh kernel, opened and closed": (opening, None),
        "a snippet, 1 + 1": (median(lambda: run(session, "1 + 1"), 100), floor),
        "a call of a function": (median(lambda: run(session, "for i in range(100): f()"), 5) / 100, None),
        "a loop of a million": (median(lambda: run(session, loop), 5), median(lambda: exec(loop, {}), 5)),
        "10 MB out": (median(lambda: run(session, "'x' * 10_000_000"), 3), None),
    }
    session.close()
    executor.close()
    for name, (taken, beside) in rows.items():
        ratio = f"{taken / beside:9.1f} x exec" if beside else ""
        print(f"{name:36}{taken:10.3f} ms{ratio}")


if __name__ == "__main__":
    main()
