"""The pre-fork parent: an interpreter that has everything imported and forks a sandbox when the host asks for one.

It talks with the host alone, over a socket that no sandbox has. It ends when the host does, however that ends, and
everything with it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NoReturn

from core_plus_sandbox.inside import kernel, places
from core_plus_sandbox.inside.child import be_sandbox, trial
from core_plus_sandbox.inside.walls import Lacking, Walls, high
from core_plus_worker.folders import remove

if TYPE_CHECKING:
    from collections.abc import Sequence

LOOK = 0.05
"""Seconds between two looks at folders on a disk."""

FULL = "its folder held more than it may (scratch)"

REMEMBERED = 1000
"""Exit statuses that are kept for a host that hasn't asked yet."""

ALWAYS = ("resource", "fcntl")
"""What every session needs, beside the worker's own modules."""

STREAM = 1 << 20
"""Bytes that a stream is asked to hold, as for the worker's plain processes."""

MESSAGE, FDS = 1 << 20, 8


class Sandbox:
    """One fork.

    Args:
        pid: Its process.
        pidfd: A descriptor of it.
        order: What it was made for.
        ends: Of its stream, its standard output and its standard error, those that are for the host.
    """

    def __init__(self, pid: int, pidfd: int, order: dict[str, Any], ends: list[int]) -> None:
        self.pid, self.pidfd, self.order, self.ends = pid, pidfd, order, ends
        self.why = ""
        self._clock, self._used = (~pid << 3) | 2, -1.0  # CPUCLOCK_SCHED of <linux/posix-timers.h>

    def has_worked(self) -> bool:
        """Whether it has used the CPU since the last call."""
        try:
            used = time.clock_gettime(self._clock)
        except OSError:  # it has ended
            return False
        before, self._used = self._used, used
        return used > before

    def has_ended(self) -> bool:
        """Whether it is no more."""
        watch = select.poll()
        watch.register(self.pidfd, select.POLLIN)
        return bool(watch.poll(0))

    def close_ends(self) -> None:
        """Close what is for the host; a sandbox that waits for orders ends then."""
        for fd in self.ends:
            os.close(fd)
        self.ends.clear()


class Parent:
    """Forks sandboxes and knows what became of them.

    Args:
        control: The socket to the host.
        host: A descriptor of the host's process.
        walls: What stands around each sandbox.
    """

    def __init__(self, control: socket.socket, host: int, walls: Walls) -> None:
        self._control, self._host, self._walls = control, host, walls
        self._alive: dict[int, Sandbox] = {}
        self._ended: OrderedDict[int, tuple[int, str]] = OrderedDict()
        self._spare: int | None = None
        self._count = 0
        self._pause: float | None = None
        self._look_at = 0.0
        self._poll = select.poll()
        for fd in (control.fileno(), host):
            self._poll.register(fd, select.POLLIN)

    def serve(self) -> None:
        """Do what the host asks until it is gone."""
        while True:
            ready = [fd for fd, _ in self._poll.poll(self._pause)]
            if self._host in ready:
                return
            self._watch_folders()
            if set(ready) - {self._control.fileno()}:
                self._reap()
            if self._control.fileno() in ready:
                data, fds, _, _ = socket.recv_fds(self._control, MESSAGE, FDS, socket.MSG_CMSG_CLOEXEC)
                if not data:
                    return
                self._answer(json.loads(data), fds)

    def _watch_folders(self) -> None:
        """End sandboxes that fill the disk; only what has computed since the last look can have."""
        if not self._walls.needs_watch or time.monotonic() < self._look_at:
            return
        began = time.monotonic()
        for number, sandbox in self._alive.items():
            if sandbox.has_worked() and self._walls.is_full(number, sandbox.pid):
                sandbox.why = FULL
                signal.pidfd_send_signal(sandbox.pidfd, signal.SIGKILL)
        now = time.monotonic()
        self._look_at = now + max(LOOK, 3 * (now - began))
        self._pause = LOOK * 1000 if self._alive else None

    def finish(self, base: str) -> None:
        """End every sandbox, and remove their folders where they are on a disk.

        Args:
            base: Where they are; "" where they are in memory.
        """
        for sandbox in self._alive.values():
            signal.pidfd_send_signal(sandbox.pidfd, signal.SIGKILL)
            os.waitpid(sandbox.pid, 0)
        self._walls.finish()
        if base:
            with contextlib.suppress(OSError):  # the host may be at it too
                remove(base)

    def _answer(self, order: dict[str, Any], fds: list[int]) -> None:
        if order.pop("do") == "give":
            self._give(order, fds)
            return
        number = order["number"]
        if number in self._alive:
            watch = select.poll()
            watch.register(self._alive[number].pidfd, select.POLLIN)
            watch.poll(order["wait"])
            self._reap()
        status, why = self._ended.pop(number, (None, ""))
        self._tell({"status": status, "why": why})

    def _tell(self, what: dict[str, Any], fds: Sequence[int] = ()) -> None:
        socket.send_fds(self._control, [json.dumps(what).encode()], fds)

    def _reap(self) -> None:
        for number, sandbox in list(self._alive.items()):
            found, status = os.waitpid(sandbox.pid, os.WNOHANG)
            if found:
                self._poll.unregister(sandbox.pidfd)
                os.close(sandbox.pidfd)
                sandbox.close_ends()
                del self._alive[number]
                self._spare = None if self._spare == number else self._spare
                why = self._walls.clear(number) or sandbox.why
                self._ended[number] = os.waitstatus_to_exitcode(status), why
                while len(self._ended) > REMEMBERED:
                    self._ended.popitem(last=False)

    def _give(self, order: dict[str, Any], fds: list[int]) -> None:
        """Give the host a sandbox: the one that waits, if it is as wanted; and have the next one wait."""
        try:
            number = self._take_spare(order)
            if number is None:
                number = self._fork(order, fds)
        except OSError as error:
            self._tell({"error": f"no process can be forked: {error.strerror}"})
            return
        finally:
            for fd in fds:
                os.close(fd)
        sandbox = self._alive[number]
        self._tell({"number": number}, [sandbox.pidfd, *sandbox.ends])
        sandbox.close_ends()
        if order["spare"]:
            with contextlib.suppress(OSError):  # whoever asks for the next one is told, if it still can't be made
                self._spare = self._fork(order, [])

    def _take_spare(self, order: dict[str, Any]) -> int | None:
        number, self._spare = self._spare, None
        if number is None:
            return None
        sandbox = self._alive[number]
        if sandbox.order == order and not sandbox.has_ended():
            return number
        sandbox.close_ends()
        return None

    def _fork(self, order: dict[str, Any], fds: list[int]) -> int:
        self._count += 1
        self._walls.make_room(self._count, order)
        with contextlib.ExitStack() as near, contextlib.ExitStack() as far:
            ours, theirs = socket.socketpair()
            near.callback(self._walls.clear, self._count)
            near.callback(ours.close)
            far.callback(theirs.close)
            ends, others = [ours.fileno()], [theirs.fileno()]
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, STREAM)
            for _ in range(2):
                reader, writer = os.pipe()
                near.callback(os.close, reader)
                far.callback(os.close, writer)
                ends.append(reader)
                others.append(writer)
            pid = os.fork()
            if pid == 0:
                be_sandbox(self._walls, self._count, order, [*others, *fds])
            pidfd = os.pidfd_open(pid)
            near.pop_all()
            ours.detach()
        self._alive[self._count] = Sandbox(pid, pidfd, order, ends)
        self._poll.register(pidfd, select.POLLIN)
        self._pause = LOOK * 1000 if self._walls.needs_watch else None
        return self._count


def add_packages(folder: str) -> None:
    """Have packages found before those that are installed for all, but after the standard library.

    Args:
        folder: Where they are.
    """
    index = next((at for at, path in enumerate(sys.path) if path.endswith(places.PACKAGES)), len(sys.path))
    sys.path.insert(index, folder)


def preload(names: list[str]) -> None:
    """Import what every sandbox is to have at once.

    Args:
        names: Modules.

    Raises:
        Lacking: One can't be imported.
    """
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:  # whatever a package raises when it is imported
            raise Lacking("preload", f"{name} can't be imported: {type(error).__name__}: {error}") from None


def keep(child: int) -> NoReturn:
    """Be there until the first process of the namespaces has ended: it is that one's parent.

    Args:
        child: The process.
    """
    os.waitpid(child, 0)
    os._exit(0)


def start(control: socket.socket, host: int, group: int, config: dict[str, Any]) -> tuple[Walls, str]:
    """Leave the host behind, import what is to be there, and try the walls once.

    Args:
        control: The socket to the host.
        host: A descriptor of the host's process.
        group: One of the folder for control groups; -1: there is none.
        config: As the host sends it.

    Returns:
        The walls, and why there are no control groups although there is a folder for them.

    Raises:
        Lacking: Something is missing.
    """
    walls, without = Walls(config, group), ""
    if walls.leave_host():
        child = os.fork()
        if child:
            control.close()
            os.close(host)
            keep(child)
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if config["packages"]:
        add_packages(config["packages"])
    preload([*config["worker"], *ALWAYS, *config["preload"]])
    walls.prepare()
    failure = trial(walls)
    if failure and walls.do_without_groups():
        without, failure = failure, trial(walls)
    if failure:
        raise Lacking("namespaces" if "namespaces" in walls.names else "walls", failure)
    return walls, without


def main(control_fd: int, host_pid: int, group_fd: int) -> None:
    """Serve a host.

    Args:
        control_fd: The socket to it.
        host_pid: Its process.
        group_fd: The folder for control groups; -1: there is none.
    """
    sys.orig_argv[:] = sys.argv[:] = [""]  # no business of the code's
    host = high(os.pidfd_open(host_pid))
    if os.getppid() != host_pid:  # it ended before it could be watched
        return
    control = socket.socket(fileno=high(control_fd))
    config = json.loads(control.recv(MESSAGE))
    try:
        walls, without = start(control, host, high(group_fd) if group_fd >= 0 else -1, config)
        parent = Parent(control, host, walls)
    except Lacking as lacking:
        control.send(json.dumps({"missing": lacking.wall, "why": lacking.why}).encode())
        return
    gc.collect()
    if hasattr(kernel.library(), "malloc_trim"):  # glibc: what starting took and nobody needs is in no fork then
        kernel.library().malloc_trim(0)
    gc.freeze()
    size = vm_size(walls.proc)
    control.send(json.dumps({"walls": walls.names, "size": size, "without_groups": without}).encode())
    parent.serve()
    parent.finish(config["base"])


def vm_size(proc: int) -> int:
    """Bytes of address space of this process.

    Args:
        proc: A descriptor of /proc.
    """
    fd = os.open("self/statm", os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)
    with os.fdopen(fd) as file:
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
