"""The first process of a container: it starts the worker, stops it when it is told to, and ends with the host.

This file's text is sent with `python -c` after that of `boot.py`. Code that is busy in a C function sees neither the
order to stop nor the end of its stream; this process does, since it does nothing else. What the host sends goes
through it, message by message; what the worker says goes past it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 1 << 16
MOST = 1 << 20
"""Bytes kept for a worker that doesn't read; then the host waits."""

LENGTH, BLOB = 4, 1 << 31
"""Of a frame, as in frames.py: bytes of its length, and the bit in it that tells a blob from a message."""

START = 6
"""Bytes of a message that say what it is."""

NUDGES = (0.0, 0.02, 0.04)
"""Seconds after an order to stop in which the worker gets a signal, as it does from a host that is near."""

OUT_OF_MEMORY = 86
"""Exit status: the kernel killed the worker because the container was at its limit of memory."""

KILLS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
"""Where a container may see how often that has happened (cgroup v2, v1): a line "oom_kill N"."""

PR_SET_DUMPABLE = 4
"""prctl.h"""


class Frames:
    """Follows a stream and says how its messages begin.

    The first frame is the payload; it begins like no message.
    """

    def __init__(self) -> None:
        self._head, self._skip, self._left = b"", 0, 0

    def feed(self, data: bytes) -> list[bytes]:
        """How the messages begin that come with the next piece of the stream.

        Args:
            data: The piece, cut anywhere.
        """
        found: list[bytes] = []
        place = 0
        while place < len(data):
            if self._skip:
                step = min(self._skip, len(data) - place)
                self._skip -= step
                place += step
                continue
            wanted = self._left or LENGTH - len(self._head)
            self._head += data[place : place + wanted]
            place += wanted
            if len(self._head) >= LENGTH:
                self._enter(found)
        return found

    def _enter(self, found: list[bytes]) -> None:
        """A length is known, and perhaps how the message begins."""
        length = int.from_bytes(self._head[:LENGTH], "little")
        is_blob, length = length >= BLOB, length % BLOB
        start = 0 if is_blob else min(START, length)
        self._left = LENGTH + start - len(self._head)
        if self._left <= 0:
            if not is_blob:
                found.append(self._head[LENGTH:])
            self._skip, self._head, self._left = length - start, b"", 0


class Warden:
    """Stands between the host and the worker.

    Args:
        worker: The worker's process id; it leads a process group.
        stream: The other end of its standard input.
    """

    def __init__(self, worker: int, stream: socket.socket) -> None:
        self._worker, self._stream, self._waiting = worker, stream, b""
        self._frames = Frames()
        self._stopped: float | None = None
        self._nudged = 0
        self._kills = kills()
        self._poll = select.poll()
        self._is_open = True
        stream.setblocking(False)

    def serve(self) -> None:
        """Pass on what the host sends until it is gone or the worker is."""
        self._poll.register(0, select.POLLIN)
        self._poll.register(self._stream, 0)
        while True:
            for fd, events in self._poll.poll(self._patience()):
                if fd == 0:
                    self._listen(events)
                elif events & select.POLLOUT:
                    self._write()
                else:  # it has closed its end, but may still run
                    self._poll.unregister(fd)
                    self._poll.modify(0, select.POLLIN)
                    self._is_open, self._waiting = False, b""
            self._nudge()

    def reap(self, *signalled: Any) -> None:
        """End with the worker; a container's first process waits for all that have nobody else to do so."""
        with contextlib.suppress(ChildProcessError):  # there are none any more
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self._worker:
                    self._end(self._status(status))

    def leave(self, *signalled: Any) -> None:
        """End because somebody asks for it."""
        self._end(128 + signal.SIGTERM)

    def _listen(self, events: int) -> None:
        data = os.read(0, CHUNK) if events & select.POLLIN else b""
        if not data:
            self._end(0)
        for start in self._frames.feed(data):
            if start == b'["stop':
                self._stopped, self._nudged = time.monotonic(), 0
            elif start.startswith(b'["run"'):
                self._stopped = None
        if self._is_open:
            self._waiting += data
            self._write()

    def _write(self) -> None:
        try:
            while self._waiting:
                self._waiting = self._waiting[self._stream.send(self._waiting) :]
        except BlockingIOError:
            pass
        except OSError:  # its end is closed; poll says so too
            self._waiting = b""
        self._poll.modify(self._stream, select.POLLOUT if self._waiting else 0)
        self._poll.modify(0, select.POLLIN if len(self._waiting) < MOST else 0)

    def _patience(self) -> float | None:
        """Milliseconds until the worker is to be nudged."""
        if self._stopped is None or self._nudged >= len(NUDGES):
            return None
        return max(0.0, self._stopped + NUDGES[self._nudged] - time.monotonic()) * 1000

    def _nudge(self) -> None:
        if self._patience() == 0:
            self._nudged += 1
            os.kill(self._worker, signal.SIGINT)

    def _status(self, status: int) -> int:
        """The exit status that tells how the worker ended."""
        if not os.WIFSIGNALED(status):
            return os.WEXITSTATUS(status)
        number = os.WTERMSIG(status)
        return OUT_OF_MEMORY if number == signal.SIGKILL and kills() > self._kills else 128 + number

    def _end(self, status: int) -> None:
        """End, and with it all that runs in the container; in one that isn't ours, all that the worker started."""
        if os.getpid() != 1:
            for pid in [*descendants(self._worker), self._worker, -self._worker]:
                with contextlib.suppress(OSError):  # it is gone already
                    os.kill(pid, signal.SIGKILL)
        os._exit(status)


def descendants(pid: int) -> list[int]:
    """The children of a process and theirs, as far as the system tells."""
    found: list[int] = []
    with contextlib.suppress(OSError):  # there is no such file, or the process has just ended
        for file in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in file.read_text().split():
                found += [int(child), *descendants(int(child))]
    return found


def kills() -> int:
    """How often a process of this container was killed for want of memory, where the system tells."""
    for name in KILLS:
        with contextlib.suppress(OSError, StopIteration):  # it isn't there, or has no such line
            lines = [line.split() for line in Path(name).read_text().splitlines()]
            return next(int(line[1]) for line in lines if line[:1] == ["oom_kill"])
    return 0


def hide() -> None:
    """Let no other process trace this one or look into it, where that can be asked for."""
    from importlib.util import find_spec

    if find_spec("_ctypes") is not None:  # Debian's python3-minimal has none
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def main(serve: Callable[[int, int, int], None], passed: int = -1) -> None:
    """Start the worker and watch over it; it ends with the process.

    Args:
        serve: `boot` of boot.py: descriptors to read, to write, and of a pipe whose end ends the worker.
        passed: A descriptor that is the stream, instead of standard input and output; -1: there is none.
    """
    if passed >= 0:
        os.dup2(passed, 0)
        os.dup2(passed, 1)
        os.close(passed)
    ours, theirs = socket.socketpair()
    life, held = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        ours.close()
        os.close(held)
        os.dup2(theirs.fileno(), 0)
        theirs.close()
        with contextlib.suppress(OSError):  # where it is short of memory, this one must go first
            Path("/proc/self/oom_score_adj").write_text("1000")
        serve(0, 1, life)
    theirs.close()
    os.close(life)
    sys.stdout = sys.stderr = None
    os.dup2(2, 1)  # the stream belongs to the worker alone
    warden = Warden(pid, ours)
    for number, handler in (
        (signal.SIGCHLD, warden.reap),
        (signal.SIGTERM, warden.leave),
        (signal.SIGINT, signal.SIG_IGN),
    ):
        signal.signal(number, handler)
    warden.reap()
    hide()
    warden.serve()
