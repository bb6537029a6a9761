"""The executor: sessions in Jupyter kernels, started here, found by their connection file, or on a server."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from core_plus.errors import ExecutorError
from core_plus.executors import Limits, Setup
from core_plus.secret import Secret
from core_plus_jupyter.process import KernelProcess
from core_plus_jupyter.server import ServerKernel, address_of
from core_plus_jupyter.wires import FoundKernel, StartedKernel, Wire
from core_plus_worker import WorkerSession
from core_plus_worker.folders import remove_own

KEPT = ("TZ", "LD_LIBRARY_PATH")
"""What code sees of the host's environment beside PATH: its local time, and where its libraries are."""

NOT_HELD = ("cpu_seconds", "memory", "processes")
"""Limits that a kernel can't be held to."""

DEFAULT = "python3"
"""The kernel that is started where none is named."""


class Place:
    """Where a session's kernels run, one after the other: with a directory, if they are started here.

    Args:
        wire: Makes the way to a kernel, given the directory.
        seconds: How long it may take to answer first.
        is_local: Whether there is need of a directory: "home" and "work" in it are the kernel's, the rest is ours.
    """

    def __init__(self, wire: Callable[[str], Wire], seconds: float, *, is_local: bool) -> None:
        self._wire, self._seconds = wire, seconds
        self._home = tempfile.mkdtemp(prefix="core-plus-") if is_local else ""
        self._remove = weakref.finalize(self, remove_own, self._home, os.getpid()) if is_local else None
        for name in ("home", "work") if is_local else ():
            Path(self._home, name).mkdir()
        self.first = self._begin()

    def _begin(self) -> KernelProcess:
        return KernelProcess(self._wire(self._home), self._seconds)

    def start(self) -> KernelProcess:
        """Another kernel.

        Raises:
            ExecutorError: It doesn't start, or can't be reached.
        """
        return self._begin().wait()

    def remove(self) -> None:
        """Remove the directory, if there is one."""
        if self._remove is not None:
            self._remove()

    def leave(self) -> None:
        """End the kernel that was started first, and remove the directory.

        Raises:
            ExecutorError: It didn't start, or didn't end.
        """
        try:
            self.first.close()
        finally:
            self.remove()


class JupyterExecutor:
    """Runs code in Jupyter kernels that speak Python. It is NO sandbox: code may do what the kernel's user may do.

    Without `url` and `connection_file` each session starts a kernel of its own on this machine, in an empty directory
    and with a minimal environment; both end with the session. With `url` it is started by a Jupyter Server or a
    kernel gateway. A kernel that runs already (`connection_file`, or `url` with `kernel_id`) is shared with its other
    clients, variables and all, and lives on.

    Args:
        kernel: The name of a kernel's specification; None is "python3" here and a server's own choice there.
        connection_file: Of a kernel that runs on this machine, or where its ports are reached.
        url: The address of a Jupyter Server or kernel gateway, as it prints it; the token may be in it.
        token: What the server wants to see; None takes the environment's JUPYTER_TOKEN.
        kernel_id: A kernel that runs on the server.
        env: Environment variables of a kernel that is started here, beside the minimal ones.
        cwd: Where such a kernel runs, for all sessions; None gives each a directory of its own.
        limits: Used instead of those that a session is opened with.
        start_seconds: How long a kernel may take to answer first.
        spare: How many kernels wait ready-started; one takes half a second and more.

    Raises:
        ExecutorError: The settings contradict each other.
    """

    name = "jupyter"
    is_sandbox = False
    imports: tuple[str, ...] | None = None

    def __init__(
        self,
        *,
        kernel: str | None = None,
        connection_file: str | Path | None = None,
        url: str | None = None,
        token: str | Secret | None = None,
        kernel_id: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        limits: Limits | None = None,
        start_seconds: float = 60.0,
        spare: int = 0,
    ) -> None:
        self._kernel, self._id = kernel, kernel_id
        self._file = None if connection_file is None else Path(connection_file)
        self._url, in_url = ("", "") if url is None else address_of(url)
        self._token = Secret(token or in_url or os.environ.get("JUPYTER_TOKEN", ""))
        self._env, self._cwd = dict(env or {}), None if cwd is None else str(cwd)
        self._limits, self._seconds = limits, start_seconds
        self._spare = spare
        self._waiting: list[Place] = []
        self._closed = False
        refuse_contradictions(self._file is not None, bool(self._url), kernel_id is not None, bool(env or cwd), spare)

    def open(self, setup: Setup) -> WorkerSession:
        if self._closed:
            raise ExecutorError("this executor is closed: make another one")
        if self._limits is not None:
            setup = msgspec.structs.replace(setup, limits=self._limits)
        refuse_what_cant_be_held(setup.limits)
        place = self._take()
        try:
            process = place.first.wait()
            return WorkerSession(process, setup, restart=place.start, on_close=place.remove)
        except BaseException:
            place.remove()
            raise
        finally:
            self._refill()

    def close(self) -> None:
        self._closed = True
        with contextlib.ExitStack() as ends:
            while self._waiting:
                ends.callback(self._waiting.pop().leave)

    def _take(self) -> Place:
        while self._waiting:
            place = self._waiting.pop(0)
            if place.first.is_alive:
                return place
            place.leave()
        return self._place()

    def _place(self) -> Place:
        if self._file is not None or self._url:
            return Place(lambda home: self._wire(), self._seconds, is_local=False)
        return Place(self._start, self._seconds, is_local=True)

    def _start(self, home: str) -> Wire:
        env = {**minimal_env(str(Path(home, "home"))), **self._env}
        return StartedKernel(self._kernel or DEFAULT, env, self._cwd or str(Path(home, "work")), home)

    def _wire(self) -> Wire:
        if self._file is not None:
            return FoundKernel(self._file)
        return ServerKernel(self._url, self._token, self._kernel or "", self._id)

    def _refill(self) -> None:
        while len(self._waiting) < self._spare and not self._closed:
            self._waiting.append(self._place())


def minimal_env(home: str) -> dict[str, str]:
    """What code finds in the environment of a kernel that is started here: nothing that is a secret.

    Args:
        home: Its home directory.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, "PATH": path, "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}


def refuse_contradictions(has_file: bool, has_url: bool, has_id: bool, is_placed: bool, spare: int) -> None:
    """Refuse settings that don't go together.

    Args:
        has_file: Whether there is a connection file.
        has_url: Whether there is a server.
        has_id: Whether there is a kernel of the server's.
        is_placed: Whether a directory or an environment is wished for.
        spare: How many kernels are to wait.

    Raises:
        ExecutorError: Two of them contradict each other.
    """
    if has_file and has_url:
        raise ExecutorError("give connection_file= or url=, not both: a kernel is in one place")
    if has_id and not has_url:
        raise ExecutorError("kernel_id= names a kernel of a server: give url= too")
    if is_placed and (has_file or has_url):
        raise ExecutorError("env= and cwd= are for kernels that are started here; set them where the kernel is started")
    if spare and (has_file or has_id):
        raise ExecutorError("spare= is for kernels that are started; this one runs already")


def refuse_what_cant_be_held(limits: Limits) -> None:
    """Refuse limits that a kernel can't be held to.

    Args:
        limits: What the session asks for.

    Raises:
        ExecutorError: One of them, or this system.
    """
    if sys.platform == "win32":
        raise ExecutorError("the executor 'jupyter' needs Linux or macOS; use another executor on Windows")
    for name in NOT_HELD:
        if getattr(limits, name) is not None:
            raise ExecutorError(
                f"the executor 'jupyter' can't hold limits.{name}={getattr(limits, name)}: "
                "leave it None, or use an executor with walls, such as 'sandbox' or 'docker'"
            )
