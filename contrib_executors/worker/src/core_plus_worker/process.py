"""Starts a worker on this machine and reaches it through a socket pair."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path

from core_plus_worker.source import FLAGS, boot, payload

START_SECONDS = 20.0
"""How long an interpreter may take to start."""

STREAM = 1 << 20
"""Bytes that a stream is asked to hold: with 1 MB large values take a fifth less time than with Linux's 200 KB."""

PATIENCE = 0.5
"""How long to wait for the exit status of a process whose stream has ended, in seconds."""


class LocalProcess:
    """A worker in a process of its own on this machine: the `Process` of the plain subprocess executor.

    It starts while the caller goes on. It ends when this process ends, however it does: the worker's end of a pipe
    that is held open here sends it a signal (on Linux; elsewhere it sees the end of its stream).

    Args:
        python: The interpreter, and whatever must stand before it.
        env: Its whole environment.
        cwd: The directory it starts in.

    Raises:
        OSError: It can't be started.
    """

    def __init__(self, python: Sequence[str], *, env: Mapping[str, str], cwd: str | Path) -> None:
        ours, theirs = stream_pair()
        life, self._life = os.pipe()
        try:
            fds = [str(theirs.fileno()), str(theirs.fileno()), str(life)]
            self._popen = subprocess.Popen(  # to run code is what this is for
                [*python, *FLAGS, "-c", boot(), *fds],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(theirs.fileno(), life),
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
            )
        except BaseException:
            os.close(self._life)
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(life)
        with contextlib.suppress(OSError):  # if it is gone already, the end of the stream says so
            ours.settimeout(START_SECONDS)
            ours.sendall(payload(compiled=list(python) == [sys.executable]))
        ours.setblocking(False)
        self.reader = self.writer = ours.detach()
        self.outputs = {}
        for number, file in enumerate([self._popen.stdout, self._popen.stderr], 1):
            assert file is not None  # both were asked for
            os.set_blocking(file.fileno(), False)
            self.outputs[number] = file.fileno()
        self._group = Group(self._popen)
        self._end = weakref.finalize(self, end, self._group, [self.reader, self._life], os.getpid())

    @property
    def pid(self) -> int:
        """The process id, which is also that of its group."""
        return self._popen.pid

    @property
    def is_alive(self) -> bool:
        """Whether it hasn't ended."""
        return self._popen.poll() is None

    def nudge(self) -> None:
        if self._popen.returncode is None:
            os.kill(self._popen.pid, signal.SIGINT)

    def kill(self) -> None:
        self._group.kill()

    def ending(self) -> str:
        try:
            status = self._popen.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            return "its stream was closed"
        self._group.kill()
        return status_text(status)

    def close(self) -> None:
        self._end()


def stream_pair() -> tuple[socket.socket, socket.socket]:
    """The two ends of a stream that takes much at once, as far as the system allows it."""
    pair = socket.socketpair()
    for end in pair:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, STREAM)
    return pair


def status_text(status: int) -> str:
    """How a process ended, in words.

    Args:
        status: Its exit status; negative: the signal that killed it.
    """
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


class Group:
    """A worker and what it has started.

    Args:
        popen: The worker.
    """

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self.popen, self._is_over = popen, False

    def kill(self) -> None:
        """Kill them, and those that have left the worker's process group as far as they are known."""
        if self._is_over:
            return
        # The number of a worker that was waited for may soon be that of another process: once more, then never.
        self._is_over = self.popen.returncode is not None
        for pid in [-self.popen.pid, *descendants(self.popen.pid)]:
            with contextlib.suppress(
                ProcessLookupError, PermissionError
            ):  # gone already (macOS says it the second way)
                os.kill(pid, signal.SIGKILL)


def end(group: Group, fds: Sequence[int], owner: int) -> None:
    """Leave nothing of a worker behind.

    Args:
        group: The worker and its processes.
        fds: Descriptors to close.
        owner: The process that started it; in another one, a fork of it, only the descriptors are closed.
    """
    if os.getpid() == owner:
        group.kill()
        group.popen.wait()
    for fd in fds:
        os.close(fd)
    for file in (group.popen.stdout, group.popen.stderr):
        if file is not None:
            file.close()


def descendants(pid: int) -> list[int]:
    """The children of a process and theirs, where the system has a list of them (Linux): some leave the group.

    Args:
        pid: The process.
    """
    found: list[int] = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread has just ended
            for child in file.read_text().split():
                found += [int(child), *descendants(int(child))]
    return found
