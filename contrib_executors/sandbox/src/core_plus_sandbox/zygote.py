"""The host's side of the pre-fork parent: starts it, asks it for sandboxes, and ends it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from core_plus.errors import ExecutorError
from core_plus_sandbox.groups import NoGroups, TopGroup
from core_plus_worker.folders import remove
from core_plus_worker.source import MODULES

START_SECONDS = 120.0
"""How long a parent may take to start; packages to preload take most of it."""

ANSWER_SECONDS = 20.0
"""How long it may take to fork."""

FLAGS = ("-P", "-s", "-X", "utf8")
"""Of the interpreter: nothing is imported from where it is started or from the user's home; text is UTF-8."""

BOOT = """
import sys, types
for name, path in zip(("core_plus_worker", "core_plus_sandbox"), sys.argv[4:6]):
    package = sys.modules[name] = types.ModuleType(name)
    package.__path__ = [path]
from core_plus_sandbox.inside.parent import main
main(*map(int, sys.argv[1:4]))
"""
"""The two packages without what the host needs of them, so that forks are small."""

WORKER = [f"core_plus_worker.inside.{name}" for name in MODULES]
"""What the parent imports first: a sandbox can't read it any more."""

KEPT = ("TZ", "LD_LIBRARY_PATH")
"""What the parent has of the host's environment: local time, and where Python's own libraries are."""

ENV = {
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
"""One thread for each library that computes: a fork takes none of its parent's along."""

MESSAGE, ENDS = 1 << 16, 4


class Missing(ExecutorError):
    """A wall can't be raised.

    Args:
        wall: Which.
        why: What is missing, and what to do.
    """

    def __init__(self, wall: str, why: str) -> None:
        super().__init__(why)
        self.wall, self.why = wall, why


class Gone(ExecutorError):
    """The parent has ended."""


class Zygote:
    """A running pre-fork parent.

    Args:
        config: As `inside.walls.Walls` takes it, with the modules to preload.

    Raises:
        Missing: A wall can't be raised here.
        ExecutorError: It doesn't start.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.owner, self._lock = os.getpid(), threading.Lock()
        self.base = own_folder() if "namespaces" in config["missing"] else ""
        self.group, self.without_groups = top_group()
        with tempfile.TemporaryFile() as said:
            self._begin(said.fileno())
            own = {"base": self.base, "worker": WORKER}
            own |= {"group": self.group.name, "controllers": self.group.controllers} if self.group else {}
            try:
                hello = self._hello({**config, **own})
            except (OSError, ValueError) as error:
                self.close()
                said.seek(0)
                text = said.read().decode(errors="replace").strip()[-2000:]
                raise ExecutorError(
                    f"the pre-fork parent of the sandboxes didn't start: {str(error) or 'it ended'}"
                    + (f"; it printed: {text}" if text else "")
                ) from None
        if "missing" in hello:
            self.close()
            raise Missing(hello["missing"], hello["why"])
        self.walls: tuple[str, ...] = tuple(hello["walls"])
        self.size: int = hello["size"]
        if self.group is not None and hello["without_groups"]:
            self.group.close()
            self.without_groups = hello["without_groups"]

    def _begin(self, errors: int) -> None:
        """Start the process; from here on its end leaves nothing behind."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            popen = self._start(theirs, errors, self.group)
        except BaseException:
            ours.close()
            clear(self.base, self.group)
            raise
        finally:
            theirs.close()
        if self.group is not None:
            self.group.let_go()
        self._control = ours
        self._end = weakref.finalize(self, end, popen, ours, self.base, self.group, self.owner)

    def _start(self, control: socket.socket, errors: int, group: TopGroup | None) -> subprocess.Popen[bytes]:
        fds = (control.fileno(), *([group.fd] if group else []))
        numbers = [str(number) for number in (control.fileno(), self.owner, group.fd if group else -1)]
        paths = [str(resources.files(name)) for name in ("core_plus_worker", "core_plus_sandbox")]
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        return subprocess.Popen(
            [sys.executable, *FLAGS, "-c", BOOT, *numbers, *paths],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            pass_fds=fds,
            env={**kept, **ENV},
            cwd="/",
            start_new_session=True,
        )

    def _hello(self, config: Mapping[str, Any]) -> dict[str, Any]:
        self._control.settimeout(START_SECONDS)
        self._control.send(json.dumps(config).encode())
        hello: dict[str, Any] = json.loads(self._control.recv(MESSAGE))
        self._control.settimeout(ANSWER_SECONDS)
        return hello

    def give(self, order: Mapping[str, Any], fds: Sequence[int]) -> tuple[int, list[int]]:
        """Have a sandbox made, or take the one that waits.

        Args:
            order: As `inside.walls.Walls.enter` takes it, and `spare`: whether another one shall wait then.
            fds: Its way to granted hosts, if it has one.

        Returns:
            Its number; and descriptors of its process, its stream, its standard output and its standard error.

        Raises:
            Gone: The parent has ended.
            ExecutorError: It can't be made.
        """
        with self._lock:
            reply, received = self._ask({"do": "give", **order}, fds)
        if "error" in reply:
            raise ExecutorError(f"no sandbox can be made: {reply['error']}")
        if len(received) < ENDS:  # the sandbox ends by itself: nobody has the other end of its stream
            for fd in received:
                os.close(fd)
            raise ExecutorError("no sandbox can be made: no descriptor is left to hold it by (ulimit -n)")
        return reply["number"], received

    def status(self, number: int, wait: int) -> tuple[int | None, str]:
        """How a sandbox ended, told once: its status and, where the parent ended it, why. None: the parent is gone.

        Args:
            number: Which sandbox.
            wait: Milliseconds to wait for its end.
        """
        try:
            with self._lock:
                reply, _ = self._ask({"do": "status", "number": number, "wait": wait}, ())
        except Gone:
            return None, ""
        return reply["status"], reply["why"]

    def _ask(self, order: Mapping[str, Any], fds: Sequence[int]) -> tuple[dict[str, Any], list[int]]:
        try:
            socket.send_fds(self._control, [json.dumps(order).encode()], fds)
            data, received, _, _ = socket.recv_fds(self._control, MESSAGE, ENDS, socket.MSG_CMSG_CLOEXEC)
            if data:
                return json.loads(data), received
            reason = "its socket was closed"
        except OSError as error:
            reason = str(error)
        self._end()
        raise Gone(f"the pre-fork parent of the sandboxes has ended: {reason}")

    @property
    def is_alive(self) -> bool:
        """Whether it may be asked."""
        return self._end.alive

    def close(self) -> None:
        """End it and every sandbox of it, and wait for that; a second call does nothing."""
        self._end()


def own_folder() -> str:
    """A folder for those of sandboxes: each one's user passes through it to its own."""
    path = tempfile.mkdtemp(prefix="core-plus-sandbox-")
    os.chmod(path, 0o711)  # noqa: PTH101  # tempfile gives a text
    return path


def top_group() -> tuple[TopGroup | None, str]:
    """A folder for the control groups of sandboxes; or why there is none."""
    try:
        return TopGroup(), ""
    except NoGroups as error:
        return None, str(error)


def clear(base: str, group: TopGroup | None) -> None:
    """Remove what stands outside of any process.

    Args:
        base: The folder of folders, if there is one.
        group: The folder of control groups, if there is one.
    """
    if base:
        remove(base)
    if group is not None:
        group.close()


def end(popen: subprocess.Popen[bytes], control: socket.socket, base: str, group: TopGroup | None, owner: int) -> None:
    """Leave nothing of a parent behind.

    Args:
        popen: The parent.
        control: The socket to it; that it is closed is its order to end.
        base: The folder of folders, if there is one.
        group: The folder of control groups, if there is one.
        owner: The process that started it; in another one, a fork of it, only the socket is closed.
    """
    if os.getpid() != owner:
        control.close()
        return
    with contextlib.suppress(OSError):  # it may have ended by itself
        control.shutdown(socket.SHUT_RDWR)
    control.close()
    try:
        popen.wait(ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        popen.kill()
        popen.wait()
    clear(base, group)
