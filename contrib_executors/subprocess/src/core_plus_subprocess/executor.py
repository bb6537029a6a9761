"""The executor: a worker in a plain process, in a directory of its own."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path

import msgspec

from core_plus.errors import ExecutorError
from core_plus.executors import Limits, Setup
from core_plus_worker import LocalProcess, WorkerSession
from core_plus_worker.folders import remove_own

KEPT = ("TZ", "LD_LIBRARY_PATH")
"""What code sees of the host's environment beside PATH: its local time, and where its libraries are."""


class Place:
    """A directory with a worker that was started in it.

    Args:
        python: The interpreter.
        env: Variables beside the minimal ones.
        cwd: The directory; None makes one that is removed at the end.

    Raises:
        ExecutorError: The worker can't be started.
    """

    def __init__(self, python: str, env: Mapping[str, str], cwd: Path | None) -> None:
        self._cwd = tempfile.mkdtemp(prefix="core-plus-") if cwd is None else str(cwd)
        self._remove = None if cwd is not None else weakref.finalize(self, remove_own, self._cwd, os.getpid())
        self._python = python
        self._env = {**minimal_env(python, self._cwd), **env}
        try:
            self.process = self.start()
        except ExecutorError:
            self.remove()
            raise

    def start(self) -> LocalProcess:
        """Start a worker here.

        Raises:
            ExecutorError: It can't be started.
        """
        try:
            return LocalProcess([self._python], env=self._env, cwd=self._cwd)
        except OSError as error:
            raise ExecutorError(
                f"{self._python} can't be started in {self._cwd}: {error}; "
                "give the executor python=, the path of a Python from 3.8 on, and a cwd= that exists"
            ) from error

    def remove(self) -> None:
        """Remove the directory, if it was made for this."""
        if self._remove is not None:
            self._remove()

    def leave(self) -> None:
        """End the worker that was started first, and remove the directory."""
        self.process.close()
        self.remove()


class SubprocessExecutor:
    """Runs code in plain processes on Linux and macOS. It is NO sandbox: code may do what the user may do.

    Code finds a minimal environment (PATH, HOME, TMPDIR, LANG and a fixed PYTHONHASHSEED, so that running it again
    gives the same order of sets) and an empty directory that is removed with the session. Its processes are killed
    with the session, unless they take pains to get away.

    Args:
        python: The interpreter that runs the code, Python 3.8 or newer; None is the one that runs the host.
        env: Environment variables beside the minimal ones.
        cwd: Where code runs, for all sessions; None gives each a directory of its own.
        limits: Used instead of those that a session is opened with.
        spare: How many workers wait ready-started, so that opening a session doesn't wait for one (about 30 ms).
    """

    name = "subprocess"
    is_sandbox = False
    imports: tuple[str, ...] | None = None

    def __init__(
        self,
        *,
        python: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        limits: Limits | None = None,
        spare: int = 0,
    ) -> None:
        self._python = str(python or sys.executable)
        self._env = dict(env or {})
        self._cwd = None if cwd is None else Path(cwd)
        self._limits, self._spare = limits, spare
        self._waiting: list[Place] = []
        self._closed = False

    def open(self, setup: Setup) -> WorkerSession:
        if self._closed:
            raise ExecutorError("this executor is closed: make another one")
        if self._limits is not None:
            setup = msgspec.structs.replace(setup, limits=self._limits)
        refuse_what_cant_be_held(setup.limits)
        place = self._take()
        try:
            return WorkerSession(place.process, setup, restart=place.start, on_close=place.remove)
        finally:
            self._refill()

    def close(self) -> None:
        self._closed = True
        while self._waiting:
            self._waiting.pop().leave()

    def _take(self) -> Place:
        """A worker that waits and is still alive, or a new one."""
        while self._waiting:
            place = self._waiting.pop()
            if place.process.is_alive:
                return place
            place.leave()
        return Place(self._python, self._env, self._cwd)

    def _refill(self) -> None:
        with contextlib.suppress(ExecutorError):  # the next session will be told, if it still can't be
            while len(self._waiting) < self._spare and not self._closed:
                self._waiting.append(Place(self._python, self._env, self._cwd))


def minimal_env(python: str, home: str) -> dict[str, str]:
    """What code finds in its environment: nothing that is a secret.

    Args:
        python: The interpreter; its directory comes first on PATH, so that `python` is this one.
        home: The directory it runs in.
    """
    beside = str(Path(python).parent) if Path(python).is_absolute() else ""
    path = os.pathsep.join(part for part in (beside, os.environ.get("PATH", os.defpath)) if part)
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, "PATH": path, "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}


def refuse_what_cant_be_held(limits: Limits) -> None:
    """Refuse limits that a plain process can't be held to.

    Args:
        limits: What the session asks for.

    Raises:
        ExecutorError: One of them, or this system.
    """
    if sys.platform == "win32":
        raise ExecutorError("the executor 'subprocess' needs Linux or macOS; use another executor on Windows")
    refused = ["processes"] if limits.processes is not None else []
    if sys.platform == "darwin" and limits.memory is not None:
        refused.append("memory")
    if refused:
        raise ExecutorError(
            f"the executor 'subprocess' can't hold limits.{refused[0]}={getattr(limits, refused[0])}: "
            "leave it None, or use an executor with walls, such as 'sandbox' or 'docker'"
        )
