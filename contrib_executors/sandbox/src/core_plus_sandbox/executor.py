"""The executor: sandboxes forked from a parent that has everything imported."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal

import attrs
import msgspec

from core_plus.errors import ExecutorError
from core_plus.executors import Limits, Setup
from core_plus_sandbox.hosts import Hosts, checked
from core_plus_sandbox.packages import installed
from core_plus_sandbox.process import SandboxProcess
from core_plus_sandbox.settings import WALLS, Settings
from core_plus_sandbox.zygote import Gone, Missing, Zygote
from core_plus_worker import WorkerSession

MEMORY = 1 << 30
"""Bytes of memory for code beside what the interpreter has, where a session's limits don't say."""

PROCESSES = 64
"""Threads, where a session's limits don't say."""

HOLDS = "each session holds five descriptors of the host's (ulimit -n) and one process"


class SandboxExecutor:
    """Runs code in forks of a prepared interpreter, behind Linux's own walls, at native speed.

    Code can read the standard library, the installed packages and what is granted; it can write to an empty folder of
    its own, which is gone when its interpreter is; it reaches no host, starts no process and sees no environment.
    Where a wall can't be raised, opening a session fails and says what is missing and what to do.

    Args:
        preload: Modules that every sandbox has imported from the beginning, such as "numpy" and "pandas".
        files: Files and folders that code may use, each with "ro" (read) or "rw" (read and write); they stand where
            they stand on the host.
        hosts: Hosts that code may reach over TCP, such as "api.example.com:443" or "*.example.com:443". The host
            resolves, connects and passes the bytes on; names that lead to private addresses are refused.
        packages: Extra packages for code, such as "humanize==4.9": wheels that the host installs once, in the cache.
        allow_missing: Walls that may be missing on this machine: "namespaces", "landlock", "seccomp".
        leave_out: Walls that aren't raised even where they could be, for measuring and for tests.
        limits: Used instead of those that a session is opened with.
        spare: Whether one more sandbox waits, ready-made (3 MB), so that opening a session takes half the time.
        scratch: Bytes that a sandbox's own folder may hold: in memory; without namespaces on the disk, where it is
            looked at every 50 ms while code runs.

    Raises:
        ExecutorError: A setting is wrong; the text says which and why.
    """

    name = "sandbox"
    is_sandbox = True
    imports: tuple[str, ...] | None = None

    def __init__(
        self,
        *,
        preload: Sequence[str] = (),
        files: Mapping[str | os.PathLike[str], Literal["ro", "rw"]] | None = None,
        hosts: Sequence[str] = (),
        packages: Sequence[str] = (),
        allow_missing: Sequence[str] = (),
        leave_out: Sequence[str] = (),
        limits: Limits | None = None,
        spare: bool = True,
        scratch: int = 256 << 20,
    ) -> None:
        self._settings = Settings(
            preload=tuple(preload),
            files=dict(files or {}),
            hosts=checked(hosts),
            packages=tuple(packages),
            allow_missing=tuple(allow_missing),
            leave_out=tuple(leave_out),
            scratch=scratch,
        )
        self._limits, self._spare = limits, spare
        self._zygote: Zygote | None = None
        self._hosts: Hosts | None = None
        self._lock, self._owner = threading.Lock(), os.getpid()
        self._closed = False

    def open(self, setup: Setup) -> WorkerSession:
        limits = self._limits or setup.limits
        if limits.memory is None:
            limits = attrs.evolve(limits, memory=MEMORY)
        setup = msgspec.structs.replace(setup, limits=limits)
        start = partial(self._make, limits)
        try:
            return WorkerSession(start(), setup, restart=start)
        except OSError as error:
            raise ExecutorError(f"no sandbox can be made: {error}; {HOLDS}") from error

    @property
    def is_repeatable(self) -> bool:
        """Whether code can change nothing but its scratch: not where it may write files or reach hosts."""
        return not self._settings.hosts and "rw" not in self._settings.files.values()

    @property
    def walls(self) -> tuple[str, ...]:
        """The walls that stand around every sandbox, for people to read; starts the parent if need be.

        Raises:
            ExecutorError: One that is needed can't be raised here.
        """
        return self._parent().walls

    def describe(self) -> str:
        """The walls that stand, in one line, and why control groups don't, where they can't be had.

        Raises:
            ExecutorError: One that is needed can't be raised here.
        """
        zygote = self._parent()
        without = f" (no cgroup: {zygote.without_groups})" if zygote.without_groups else ""
        return ", ".join(zygote.walls) + without

    def start(self) -> None:
        """Start the parent ahead, so that the first session needn't wait for it (30 ms, and what is preloaded).

        Raises:
            ExecutorError: A wall that is needed can't be raised here.
        """
        self._parent()

    def close(self) -> None:
        self._closed = True
        zygote, self._zygote = self._zygote, None
        if zygote is not None:
            zygote.close()
        if self._hosts is not None:
            self._hosts.close()

    def _make(self, limits: Limits) -> SandboxProcess:
        """A fresh sandbox, from a new parent where the last one has ended."""
        try:
            return self._ask(self._parent(), limits)
        except Gone:
            return self._ask(self._parent(), limits)

    def _ask(self, zygote: Zygote, limits: Limits) -> SandboxProcess:
        order = {
            "memory": zygote.size + (limits.memory or MEMORY),
            "processes": limits.processes or PROCESSES,
            "hosts": self._settings.hosts,
            "spare": self._spare and not self._settings.hosts,
        }
        return SandboxProcess(zygote, order, None if self._hosts is None else self._hosts.attach())

    def _parent(self) -> Zygote:
        if os.getpid() != self._owner:  # a fork of the host: the parent and the lock are not its own
            self._lock, self._owner, self._zygote = threading.Lock(), os.getpid(), None
            self._hosts = None
        with self._lock:
            if self._closed:
                raise ExecutorError("this executor is closed: make another one")
            if self._zygote is None or not self._zygote.is_alive:
                self._zygote = raise_walls(self._settings)
            if self._hosts is None and self._settings.hosts:
                self._hosts = Hosts(self._settings.hosts)
            return self._zygote


def raise_walls(settings: Settings) -> Zygote:
    """Start a parent with every wall that can be raised, or say why not.

    Args:
        settings: Which may be missing, and all else.

    Raises:
        ExecutorError: One can't that must.
    """
    without, packages = settings.leave_out, installed(settings.packages)
    while True:
        try:
            return Zygote(settings.config(without, packages))
        except Missing as missing:
            if missing.wall in without or missing.wall not in settings.allow_missing:
                raise ExecutorError(refusal(missing)) from None
            without = (*without, missing.wall)


def refusal(missing: Missing) -> str:
    """Why no sandbox can be made, and what to do.

    Args:
        missing: What is missing.
    """
    if missing.wall == "preload":
        return f"preload: {missing.why}"
    text = f"the executor 'sandbox' can't start: {missing.wall}: {missing.why}"
    if missing.wall in WALLS:
        text += f"; to run without this wall, say allow_missing=[{missing.wall!r}]"
    return text
