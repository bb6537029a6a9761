"""One sandbox: the worker in a fork of the parent, and the ways to stop it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from core_plus_sandbox.zygote import Zygote
from core_plus_worker.folders import remove
from core_plus_worker.process import status_text

PATIENCE = 50
"""Milliseconds to wait for the exit status of a sandbox whose stream has ended."""

LAST_PATIENCE = 2000
"""Milliseconds in which a sandbox that was killed must have ended; the kernel takes one or two."""


class SandboxProcess:
    """A worker behind walls: the `Process` of the sandbox executor.

    It is held by a descriptor of its process, so that no signal ever reaches another one with the same number.

    Args:
        zygote: The parent that forks it.
        order: As `Zygote.give` takes it.
        hosts: A socket for its way to granted hosts, if it has one; it is closed here.

    Raises:
        ExecutorError: It can't be made.
    """

    def __init__(self, zygote: Zygote, order: Mapping[str, Any], hosts: int | None = None) -> None:
        self._zygote = zygote
        self.footprint = zygote.size
        try:
            number, fds = zygote.give(order, [] if hosts is None else [hosts])
        finally:
            if hosts is not None:
                os.close(hosts)
        self._number = number
        self._pidfd, self.reader, stdout, stderr = fds
        self.writer = self.reader
        self.outputs = {1: stdout, 2: stderr}
        for fd in fds[1:]:
            os.set_blocking(fd, False)
        folder = f"{zygote.base}/{number}" if zygote.base else ""
        self._end = weakref.finalize(self, end, fds, folder, zygote.owner)

    @property
    def is_alive(self) -> bool:
        """Whether it hasn't ended."""
        return self._end.alive and not ended(self._pidfd, 0)

    def nudge(self) -> None:
        send(self._pidfd, signal.SIGINT)

    def rest(self) -> None:
        """Stop all of it between two snippets: threads that code left behind, and a worker that it has spoilt."""
        send(self._pidfd, signal.SIGSTOP)

    def rouse(self) -> None:
        """Let it go on."""
        send(self._pidfd, signal.SIGCONT)

    def kill(self) -> None:
        if self._end.alive:
            send(self._pidfd, signal.SIGKILL)

    def ending(self) -> str:
        if not ended(self._pidfd, PATIENCE):
            return "its stream was closed"
        status, why = self._zygote.status(self._number, PATIENCE)
        if why:
            return why
        if status is None:
            return "the pre-fork parent of the sandboxes ended, and all of them with it"
        if status < 0 and -status == signal.SIGSYS:
            return "killed by SIGSYS: it made a system call in the name of another machine"
        return status_text(status)

    def close(self) -> None:
        if self._end.alive:
            self._end()
            if os.getpid() == self._zygote.owner:
                self._zygote.status(self._number, LAST_PATIENCE)  # when it is told, the process is no more


def send(pidfd: int, number: signal.Signals) -> None:
    """Signal a process, unless it has ended.

    Args:
        pidfd: Its descriptor.
        number: The signal.
    """
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, number)


def ended(pidfd: int, milliseconds: int) -> bool:
    """Whether a process has ended.

    Args:
        pidfd: Its descriptor.
        milliseconds: How long to wait for it.
    """
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(milliseconds))


def end(fds: Sequence[int], folder: str, owner: int) -> None:
    """Leave nothing of a sandbox behind.

    Args:
        fds: A descriptor of its process, and its others here.
        folder: Its folder, if that is on a disk.
        owner: The process that had it made; in another one, a fork of it, only the descriptors are closed.
    """
    is_ours = os.getpid() == owner
    if is_ours:
        send(fds[0], signal.SIGKILL)
        ended(fds[0], LAST_PATIENCE)
    for fd in fds:
        os.close(fd)
    if is_ours and folder:  # last: it takes descriptors, and there may have been none left
        remove(folder)
