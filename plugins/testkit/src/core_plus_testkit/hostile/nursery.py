"""A process that makes hosts, one for each attempt, watches them from outside and says what became of them.

It is started with `python -m`, reads its settings and then an attempt a line, and answers each with a line of JSON.
A process of its own, so that an attempt that kills all around it doesn't kill whoever runs the corpus; with one
thread, so that it may fork; and the one to which orphans go, so that none is overlooked.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pickle
import select
import signal
import socket
import sys
import tempfile
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from core_plus.executors import Executor, Limits
from core_plus_testkit.hostile import watching
from core_plus_testkit.hostile.bait import Bait
from core_plus_testkit.hostile.corpus import Attempt, cells
from core_plus_testkit.hostile.victim import CALLS, Order, live

PATIENCE = 3.0
"""Seconds past the deadline in which the host must have its answer."""

START = 60.0
"""Seconds in which an executor must have opened a session, and closed it."""

MOST = 1 << 16
"""Descriptors that are closed in a host, at most."""

LOOK = 0.03
"""Seconds between two looks at the processes."""

MEMORY, DISK, FILES = 700 << 20, 700 << 20, 50_000
PROCESSES, THREADS = 20, 200
BUSY = 0.5
"""Share of looks at which something runs that is too much after the end."""


class Trial:
    """One attempt, seen from outside.

    Args:
        attempt: What is tried.
        settings: Tokens, limits and user, as the nursery was given them.
        factory: Makes the executor.
    """

    def __init__(self, attempt: Attempt, settings: dict[str, Any], factory: Callable[[], Executor]) -> None:
        self._attempt, self._settings, self._factory = attempt, settings, factory
        self.through: dict[str, str] = {}
        self._facts: dict[str, Any] = {}
        self._printed = os.memfd_create("printed")
        self._bait = Bait(settings["tokens"]["a file"], settings["user"])
        self._stages: dict[str, float] = {}
        self._rest = b""
        self._peak = 0

    def run(self) -> dict[str, Any]:
        """Have a host run the attempt, and say what happened."""
        # What is after the whole machine's memory or disk mustn't be taken for another that is tried at the same time.
        with the_machine() if self._attempt.check in ("mem", "disk") else contextlib.nullcontext():
            return self._tried()

    def _tried(self) -> dict[str, Any]:
        """Make the host, watch it to its end, and look behind it."""
        (heard, told), (waits, go) = os.pipe(), os.pipe()
        self._pid = os.fork()
        if not self._pid:
            os.close(heard)
            os.close(go)
            self._be_host(told, waits)
        os.close(told)
        os.close(waits)
        self._heard, self._go = heard, go
        try:
            self._watch()
            self._look_behind(watching.end_all(os.getpid(), 1.0 if "closed" in self._stages else 0))
        finally:
            watching.end_all(os.getpid(), 0)
            self._bait.close()
            for fd in (heard, go, self._printed):
                os.close(fd)
        return {"through": self.through, "peak": self._peak, "seconds": self._seconds(), **self._facts}

    # -- the host's side

    def _be_host(self, told: int, waits: int) -> None:
        status = 1
        try:
            os.setsid()
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(self._printed, 1)
            os.dup2(self._printed, 2)
            os.environ["TMPDIR"] = tempfile.tempdir = str(self._bait.temporary)
            low, high = sorted((told, waits))
            for start, end in ((3, low), (low + 1, high), (high + 1, MOST)):  # none of the watcher's is the host's
                os.closerange(start, end)
            live(self._order(), self._factory, _teller(told), lambda: _wait_on(waits))
            status = 0
        except BaseException as error:  # it is the end of this process, whatever it was
            _teller(told)("died", how=f"{type(error).__name__}: {error}"[:300])
        os._exit(status)

    def _order(self) -> Order:
        settings = self._settings
        limits = Limits(seconds=settings["seconds"], memory=settings["memory"], result=4 << 20, calls=CALLS)
        code = self._attempt.filled(self._bait.marks(os.getpid()))
        return Order(code=code, word=self._bait.word, tokens=settings["tokens"], limits=limits, user=settings["user"])

    # -- the watcher's side

    def _watch(self) -> None:
        """From stage to stage: each has a time in which the next must come."""
        count = len(cells(self._attempt.code))
        if not self._until("opened", START):
            return
        base = watching.use_of(os.getpid(), itself=False)  # orphans too: they come here
        self._base, self._shared = base, watching.shared_memory()
        self._room = watching.disk_free(tempfile.gettempdir())
        os.write(self._go, b"g")
        if not self._until("returned", self._settings["seconds"] * count + PATIENCE, self._measure):
            return
        self._see_whether_it_burns()
        self._measure()
        os.write(self._go, b"g")
        self._until("closed", START)

    def _until(self, stage: str, patience: float, look: Callable[[], None] | None = None) -> bool:
        """Wait for the host to say that it is there; False: it won't come."""
        deadline = time.monotonic() + patience
        while stage not in self._stages:
            if not select.select([self._heard], [], [], LOOK)[0]:
                if time.monotonic() > deadline + self._facts.get("spent", 0.0):
                    self.through["hang"] = f"{patience:g} s went by and it wasn't {stage}"
                    return False
                if look is not None:
                    look()
            elif not self._listen():
                return False
        return True

    def _listen(self) -> bool:
        """Take what the host says; False: it says no more."""
        data = os.read(self._heard, 1 << 16)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            try:
                said = json.loads(line)
            except ValueError:  # the attempt runs in the host and writes in its place
                self.through["host_dead"] = "another than the host spoke for it"
                return False
            self._stages[said.pop("stage")] = time.monotonic()
            self.through.update(said.pop("through", {}))
            self._facts.update(said)
        if not data and not {"closed", "refused"} & self._stages.keys():
            how = self._facts.get("how") or f"{watching.reap().get(self._pid, 'it ended')}"
            self.through["host_dead"] = f"the host died: {how}"
        return bool(data) and "refused" not in self._stages

    def _measure(self) -> None:
        now = watching.use_of(os.getpid(), itself=False)
        risen = now.memory - self._base.memory
        self._peak = max(self._peak, risen)
        if risen > MEMORY:
            self.through["mem"] = f"{risen >> 20} MB"
        processes, threads = len(now.pids) - len(self._base.pids), now.threads - self._base.threads
        if processes > PROCESSES or threads > THREADS:
            self.through["procs"] = f"{processes} processes, {threads} threads"
        self._measure_the_machine()

    def _measure_the_machine(self) -> None:
        """What no process shows. Others fill memory and disk too, so only attempts that are after it are judged."""
        if self._attempt.check == "mem":
            shared = watching.shared_memory() - self._shared
            if shared > MEMORY:
                self.through["mem"] = f"{shared >> 20} MB in files of memory"
        elif self._attempt.check == "disk":
            room, files = watching.disk_free(tempfile.gettempdir())
            if self._room[0] - room > DISK or self._room[1] - files > FILES:
                self.through["disk"] = f"{(self._room[0] - room) >> 20} MB, {self._room[1] - files} files"

    def _see_whether_it_burns(self) -> None:
        """A short look, and a longer one where something runs: taking a process down takes time too."""
        running, looks = 0, 0
        for looks in (5, 50):
            running = 0
            for _ in range(looks):
                time.sleep(0.02)
                running += watching.runs(os.getpid())
            if running <= BUSY * looks:
                return
        self.through["hang"] = f"something ran at {running} of {looks} looks in the second after the end"

    def _look_behind(self, left: list[int]) -> None:
        """What there is to see once the host is gone."""
        reached, touched = self._bait.was_reached(), self._bait.was_touched()
        if reached:
            self.through["net"] = reached
        if touched:
            self.through["file"] = touched
        if left and "closed" in self._stages and "lasting" not in self.through:
            self.through["lasting"] = f"{len(left)} processes were left"
        size = os.lseek(self._printed, 0, os.SEEK_END)
        if size > MEMORY // 140:
            self.through["flood"] = f"{size >> 20} MB on the host's own output"
        text = os.pread(self._printed, 1 << 20, 0).decode("utf-8", "replace")
        self._facts["printed"] = text[-2000:]
        held = [name for name, token in self._settings["tokens"].items() if token in text]
        if held:
            self.through["leak"] = f"{', '.join(held)}, on the host's own output"

    def _seconds(self) -> float:
        stages = self._stages
        return round(stages["returned"] - stages["opened"], 3) if "returned" in stages else -1.0


@contextlib.contextmanager
def the_machine() -> Iterator[None]:
    """Wait until no other process of this kind has the machine to itself, and have it; at most for two minutes."""
    deadline = time.monotonic() + 120
    with socket.socket(socket.AF_UNIX) as flag:
        while time.monotonic() < deadline:
            try:
                flag.bind("\0core-plus-hostile")  # a name that is free again when its holder ends, whatever the way
                break
            except OSError:
                time.sleep(0.05)
        yield


def _teller(fd: int) -> Callable[..., None]:
    def tell(stage: str, **facts: Any) -> None:
        os.write(fd, json.dumps({"stage": stage, **facts}).encode() + b"\n")

    return tell


def _wait_on(fd: int) -> None:
    if not os.read(fd, 1):
        os._exit(1)


def serve(orders: BinaryIO, answers: int) -> None:
    """Answer attempts until there are no more.

    Args:
        orders: Lines: the settings, then attempts.
        answers: The descriptor to answer on.
    """
    settings = json.loads(orders.readline())
    sys.path[:] = settings["path"]
    factory = pickle.loads(b64decode(settings["factory"]))  # from who started this, never from an attempt
    for line in orders:
        found = Trial(Attempt(**json.loads(line)), settings, factory).run()
        os.write(answers, json.dumps(found).encode() + b"\n")


def main() -> None:
    """Take the place to which orphans go, keep the answers' way to oneself, and serve."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER, prctl(2)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who runs the corpus ends this by closing its input
    answers = os.dup(1)
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
