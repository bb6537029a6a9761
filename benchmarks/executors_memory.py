"""What processes hold, as Linux tells it."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

HELD = re.compile(r"^(Rss|Pss):\s+(\d+) kB", re.MULTILINE)


def descendants() -> set[int]:
    """The processes that this one has started, and those they have; none where there is no /proc."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found, left = set[int](), [os.getpid()]
    while left:
        of = children.get(left.pop(), [])
        found.update(of)
        left += of
    return found


def megabytes(processes: set[int]) -> tuple[float | str, float | str]:
    """The RSS and PSS of processes together, or why they can't be had.

    Args:
        processes: Their ids.
    """
    rss = pss = 0
    for process in processes:
        try:
            held = dict(HELD.findall(Path(f"/proc/{process}/smaps_rollup").read_text()))
        except PermissionError:
            return "only root may look", "only root may look"
        except (FileNotFoundError, ProcessLookupError):
            continue
        rss, pss = rss + int(held["Rss"]), pss + int(held["Pss"])
    return rss / 1024, pss / 1024


def cpu_seconds() -> float:
    """The CPU time of this process and of all that it has started and that still run."""
    ticks, total = os.sysconf("SC_CLK_TCK"), time.process_time()
    for process in descendants():
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += (int(fields[11]) + int(fields[12])) / ticks
    return total
