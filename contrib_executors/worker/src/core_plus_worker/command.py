"""A worker at the other end of a command's standard input and output: `docker exec -i`, `kubectl exec -i`, ssh."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
import time
import warnings
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from core_plus.errors import ExecutorError
from core_plus_worker.ending import Killer, nothing
from core_plus_worker.process import PATIENCE, START_SECONDS, Group, status_text, stream_pair
from core_plus_worker.source import payload

PIPE = 1 << 20
"""Bytes that a pipe is asked to hold; it is what Linux allows everyone (/proc/sys/fs/pipe-max-size)."""

PASSED = 3
"""The descriptor of a command that it passes on to what it starts, where it can: the first after the standard ones."""

WITH_STREAM = ("/bin/sh", "-c", f'exec "$@" {PASSED}<&0 </dev/null', "sh")
"""Starts a command whose standard input is descriptor 3 instead."""

F_SETPIPE_SZ = 1031
"""fcntl.h of Linux; Python's own name for it is there on Linux only."""


class CommandProcess:
    """A worker whose byte stream is the standard input and output of a local command.

    The command starts `worker_command()` at its other end, with its input and output unchanged: a pseudo-terminal
    (`docker exec -t`, `ssh -t`) would change them. What it prints to standard error is the worker's standard error.

    Args:
        command: The whole command, such as `["docker", "exec", "-i", name, *worker_command()]`. ssh hands its
            arguments to a shell: `["ssh", host, shlex.join(worker_command())]`.
        kill: Ends the worker at the other end and all that it started; called once, in a thread of its own. The
            local command is killed without it. Whatever it raises is raised by `close` as an `ExecutorError`.
        nudge: Makes the worker look up from its code (SIGINT), where that is quick.
        env: The command's whole environment; None is this process's own.
        cwd: The directory it starts in; None is this process's own.
        direct: Whether the command passes a descriptor on, 3, which then is the stream, without anybody between:
            `podman run --preserve-fds=1`. Standard input is empty then, and what comes out is only printed.

    Raises:
        OSError: The command can't be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        kill: Callable[[], object] = nothing,
        nudge: Callable[[], object] = nothing,
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        direct: bool = False,
    ) -> None:
        pair = stream_pair() if direct else ()
        try:
            self._popen = subprocess.Popen(  # what command it is, the caller knows
                [*(WITH_STREAM if direct else ()), *command],
                stdin=pair[1].fileno() if pair else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=None if env is None else dict(env),
                cwd=cwd,
                start_new_session=True,
            )
        except BaseException:
            close_all(pair)
            raise
        self._nudge, self._killer, self._group = nudge, Killer(kill), Group(self._popen)
        close_all(pair[1:])
        self._wire(pair[0] if pair else None)
        self._owner = os.getpid()
        self._end = weakref.finalize(self, forget, self._popen, self._group, self._killer, self._files, self._owner)
        write_all(self.writer, payload(compiled=False), START_SECONDS)

    def _wire(self, stream: socket.socket | None) -> None:
        """Find the descriptors: the stream is one that is passed on, or standard input and output."""
        stdin, stdout, stderr = self._popen.stdin, self._popen.stdout, self._popen.stderr
        assert stdout is not None and stderr is not None  # noqa: PT018  # both were asked for
        self._files: list[Closable] = [stdout, stderr]
        self._stream = stream
        self.outputs = {2: stderr.fileno()}
        if stream is not None:
            self._files.append(stream)
            self.reader = self.writer = stream.fileno()
            self.outputs[1] = stdout.fileno()
        else:
            assert stdin is not None  # it was asked for
            self._files.append(stdin)
            self.reader, self.writer = stdout.fileno(), stdin.fileno()
            for fd in (self.reader, self.writer):
                widen(fd)
        for fd in (self.reader, self.writer, *self.outputs.values()):
            os.set_blocking(fd, False)

    @property
    def pid(self) -> int:
        """The process id of the local command, which is also that of its group."""
        return self._popen.pid

    @property
    def is_alive(self) -> bool:
        """Whether the local command hasn't ended."""
        return self._popen.poll() is None

    def nudge(self) -> None:
        self._nudge()

    def kill(self) -> None:
        self._killer.start()
        self._group.kill()

    def ending(self) -> str:
        try:
            status = self._popen.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            return "its stream was closed"
        self._group.kill()
        return status_text(status)

    def close(self) -> None:
        if self._end.detach() is not None:
            end(self._popen, self._group, self._killer, self._files, self._owner)


class Closable(Protocol):
    """A file or a socket."""

    def close(self) -> None: ...


def close_all(files: Iterable[Closable]) -> None:
    """Close files and sockets."""
    for file in files:
        file.close()


def widen(fd: int) -> None:
    """Let a pipe hold more than 64 KB, where the system can (Linux): fewer turns for large values."""
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):  # the user's pipes hold as much together as they may
            fcntl.fcntl(fd, F_SETPIPE_SZ, PIPE)


def write_all(fd: int, data: bytes, seconds: float) -> None:
    """Write to a descriptor that doesn't block. A reader that goes away is no error here: its stream says so.

    Args:
        fd: The descriptor.
        data: What to write.
        seconds: How long it may take.
    """
    poll, deadline, view = select.poll(), time.monotonic() + seconds, memoryview(data)
    poll.register(fd, select.POLLOUT)
    while view and (left := deadline - time.monotonic()) > 0:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            poll.poll(left * 1000)
        except BrokenPipeError:
            return


def end(popen: subprocess.Popen[bytes], group: Group, killer: Killer, files: Iterable[Closable], owner: int) -> None:
    """Leave nothing of a command and its worker behind.

    Args:
        popen: The command.
        group: It and its processes.
        killer: What ends the worker.
        files: What is open here to reach them.
        owner: The process that started it; in another one, a fork of it, only the descriptors are closed.

    Raises:
        ExecutorError: The worker couldn't be ended.
    """
    if os.getpid() == owner:
        killer.start()
        group.kill()
        popen.wait()
    close_all(files)
    if os.getpid() == owner:
        killer.finish()


def forget(popen: subprocess.Popen[bytes], group: Group, killer: Killer, files: Iterable[Closable], owner: int) -> None:
    """End a worker that nobody has closed; what can't be raised any more is a warning."""
    try:
        end(popen, group, killer, files, owner)
    except ExecutorError as error:
        warnings.warn(str(error), ResourceWarning, stacklevel=2)
