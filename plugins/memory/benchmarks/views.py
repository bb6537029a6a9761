"""What a view costs late in a long run, beside an early one: `python benchmarks/views.py`, some seconds."""

from __future__ import annotations

import time
from typing import Any

from core_plus_memory import PinnedFacts, SlidingWindow, Summary, TruncateObservations
from core_plus_testkit.memory_kit import walk


class Timed:
    """A memory that takes the time of another's views."""

    def __init__(self, memory: Any) -> None:
        self.memory, self.seconds = memory, list[float]()

    def view(self, run: Any) -> Any:
        """The other's view."""
        began = time.perf_counter()
        made = yield from self.memory.view(run)
        self.seconds.append(time.perf_counter() - began)
        return made


def main() -> None:
    """Measure each memory in a run of 500 steps."""
    for memory in (SlidingWindow(), PinnedFacts() | TruncateObservations() | Summary()):
        timed = Timed(memory)
        walk(timed, 500)
        early, late = (sorted(part)[len(part) // 2] * 1e6 for part in (timed.seconds[150:250], timed.seconds[400:500]))
        print(
            f"{memory}: {early:.0f} µs a view around step 200, {late:.0f} µs around step 450, ratio {late / early:.2f}"
        )


if __name__ == "__main__":
    main()
