"""What the processes of a trial use, read from /proc."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from attrs import frozen

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@frozen
class Use:
    """What a process and its descendants use at one moment.

    Args:
        pids: Who they are.
        memory: Bytes resident, what they share counted for each.
        processor: Seconds of processor time used by those that live.
        threads: How many, of all together.
    """

    pids: tuple[int, ...]
    memory: int
    processor: float
    threads: int


def use_of(root: int, *, itself: bool = True) -> Use:
    """What a process and all below it use.

    Args:
        root: Its id.
        itself: Whether it counts, too.
    """
    known = _processes()
    below: dict[int, list[int]] = {}
    for pid, (parent, *_) in known.items():
        below.setdefault(parent, []).append(pid)
    found, left = [], [root] if itself else below.get(root, [])
    while left:
        pid = left.pop()
        if pid in known:
            found.append(pid)
        left += below.get(pid, [])
    rows = [known[pid] for pid in found]
    memory, processor = sum(row[1] for row in rows) * PAGE, sum(row[2] for row in rows) / TICKS
    return Use(tuple(found), memory, processor, sum(row[3] for row in rows))


def _processes() -> dict[int, tuple[int, int, int, int]]:
    """All processes: parent, pages resident, ticks used, threads; the fields of /proc/PID/stat in proc(5)."""
    found = {}
    for name in os.listdir("/proc"):  # noqa: PTH208  # names are enough, and this runs every few milliseconds
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError):
            fields = Path("/proc", name, "stat").read_bytes().rpartition(b") ")[2].split()
            if fields[0] != b"Z":
                ticks = int(fields[11]) + int(fields[12])
                found[int(name)] = (int(fields[1]), int(fields[21]), ticks, int(fields[17]))
    return found


def runs(root: int) -> bool:
    """Whether any thread of the processes below one runs, or would if a processor were free.

    The state says so whatever else the machine does; processor time doesn't, where others take it all.

    Args:
        root: Its id.
    """
    for pid in use_of(root, itself=False).pids:
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208  # as above
                state = Path(f"/proc/{pid}/task/{task}/stat").read_bytes().rpartition(b") ")[2][:1]
                if state == b"R":
                    return True
    return False


def shared_memory() -> int:
    """Bytes of memory that stands in files without a disk, of the whole machine: /proc/meminfo's Shmem."""
    for line in Path("/proc/meminfo").read_text("ascii").splitlines():
        if line.startswith("Shmem:"):
            return int(line.split()[1]) * 1024
    return 0


def disk_free(place: str) -> tuple[int, int]:
    """Bytes and files that still have room where temporary files go.

    Args:
        place: A folder there.
    """
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize, found.f_favail


def end_all(root: int, patience: float) -> list[int]:
    """Kill what is left below a process and say what there was.

    Args:
        root: Its id; it is left alone. It must be the one to which orphans go.
        patience: Seconds in which they may end by themselves.
    """
    deadline = time.monotonic() + patience
    while (left := use_of(root, itself=False).pids) and time.monotonic() < deadline:
        reap()
        time.sleep(0.02)
    rest: tuple[int, ...] = left
    deadline = time.monotonic() + 5  # what the kernel doesn't let go in that time stands in the report, at least
    while rest and time.monotonic() < deadline:
        for pid in rest:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
        reap()
        rest = use_of(root, itself=False).pids
    reap()
    return list(left)


def reap() -> dict[int, int]:
    """Take leave of children that have ended: their ids and how."""
    ended = {}
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            ended[pid] = os.waitstatus_to_exitcode(status)
    return ended
