"""A worker in a container: one of its own, or one that the user runs."""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from core_plus.errors import ExecutorError
from core_plus_worker.command import PASSED, CommandProcess
from core_plus_worker.containers.engine import Calls, passed, said_text
from core_plus_worker.containers.inside import warden
from core_plus_worker.containers.owners import LABEL, owner
from core_plus_worker.containers.settings import ENV, Bounds, Box
from core_plus_worker.link import OUT_OF_MEMORY
from core_plus_worker.source import FLAGS, text_of

FUTURE = "from __future__ import annotations\n"

PATIENCE = 0.5
"""Seconds in which a container ends by itself once its input is closed; then the engine is told to remove it."""

FAILED = (125, 126, 127)
"""Exit statuses of an engine's command that couldn't start a container."""

PAUSES = (0.0, 0.2, 0.5)
"""Seconds before each attempt to remove a container that the engine may only just be making."""

GONE = ("no such container", "no container with", "already in progress")
"""What engines say of a container that is gone, or that its own end is just removing."""

KILLED = 137
"""Exit status of a container whose first process was killed (128 and SIGKILL)."""


@functools.cache
def program() -> str:
    """What `python -c` is given in a container: starts a worker on standard input and output, and watches over it."""
    warden = Path(__file__).with_name("inside") / "warden.py"
    texts = [f"{FUTURE}{text_of('boot')}", warden.read_text("utf-8").replace(FUTURE, "")]
    return "\n\n".join([*texts, "main(boot, *map(int, sys.argv[1:]))\n"])


class Container:
    """A container, to be removed.

    Args:
        calls: The engine.
        name: The container's; "" is the user's, which stays.
    """

    def __init__(self, calls: Calls, name: str) -> None:
        self._calls, self.name = calls, name
        self.command: subprocess.Popen[bytes] | None = None

    def remove(self) -> None:
        """Wait for its end, which the engine's command tells by its own; or have the engine remove it.

        Raises:
            ExecutorError: The engine doesn't answer, or can't remove it.
        """
        command = self.command
        if command is not None:
            try:
                status = command.wait(PATIENCE)
                if status >= 0 and status not in FAILED:
                    return
            except subprocess.TimeoutExpired:
                command.kill()  # it may hang in what nobody reads any more, and the engine with it
        if self.name:
            self._force()

    def _force(self) -> None:
        text = ""
        for pause in PAUSES:
            time.sleep(pause)
            said = self._calls.tried("rm", "--force", self.name)
            if self.name in said.stdout.decode("utf-8", "replace").split():
                return
            text = said_text(said) if said.returncode != 0 else ""
            if self.command is not None and (self.command.poll() or 0) > 0:
                break  # it has given up by itself: nothing is being made any more
        if text and not any(sign in text.lower() for sign in GONE):
            raise ExecutorError(f"{self.name}: {self._calls.explained(text)}")


class ContainerProcess(CommandProcess):
    """A worker in a container, reached through the engine's command.

    It ends with its standard input: when this process does, however it does, and when the command or the
    connection to an engine elsewhere is lost. `name` is the container's, "" where it is the user's.

    Args:
        command: The engine's whole command, up to the interpreter's own arguments.
        env: What that command's environment has beside this process's own.
        container: Where it is.
        direct: Whether the command passes on a descriptor that is the stream.

    Raises:
        ExecutorError: The command can't be started.
    """

    def __init__(self, command: list[str], env: Mapping[str, str], container: Container, *, direct: bool) -> None:
        whole = [*command, *FLAGS, "-c", program(), *([str(PASSED)] if direct else [])]
        try:
            super().__init__(whole, kill=container.remove, env={**os.environ, **env}, direct=direct)
        except OSError as error:
            raise ExecutorError(f"{command[0]} can't be started: {error}") from error
        container.command, self.name = self._popen, container.name

    def kill(self) -> None:
        if os.getpid() == self._owner and self._end.alive:
            self._cut()
            self._killer.start()

    def close(self) -> None:
        self.kill()
        try:
            if os.getpid() == self._owner:
                self._killer.finish()
        finally:
            super().close()

    def _cut(self) -> None:
        """Close the stream, but not its descriptor's number: who still writes to it finds it broken."""
        if self._stream is not None:
            with contextlib.suppress(OSError):  # it is broken already
                self._stream.shutdown(socket.SHUT_RDWR)
            return
        nobody, broken = os.pipe()
        os.close(nobody)
        os.dup2(broken, self.writer, inheritable=False)
        os.close(broken)

    def ending(self) -> str:
        text = super().ending()
        if text == f"exit status {warden.OUT_OF_MEMORY}":
            return f"it was killed: its container was {OUT_OF_MEMORY}"
        if text == f"exit status {KILLED}":
            return "it was killed, by somebody or for want of memory (SIGKILL)"
        if text == f"exit status {FAILED[0]}":
            return f"{text}, which is also what the engine's command ends with when the engine is gone"
        return text


def started(calls: Calls, box: Box, bounds: Bounds, *, direct: bool = False) -> ContainerProcess:
    """Start a worker in a container of its own.

    Args:
        calls: The engine.
        box: What the container is given.
        bounds: Its memory in bytes and its processes.
        direct: Whether the engine passes on a descriptor that is the stream.

    Raises:
        ExecutorError: The command can't be started. What the engine says, the session's start tells.
    """
    name = f"core-plus-{secrets.token_hex(8)}"
    flags, env = passed({**calls.engine.env, **ENV, **box.env})
    options = box.arguments(name=name, labels={LABEL: owner()}, bounds=bounds)
    passes = calls.engine.passes if direct else ()
    return ContainerProcess(
        [*calls.command, "run", *calls.engine.options, *passes, *flags, *options],
        env,
        Container(calls, name),
        direct=direct,
    )


def joined(calls: Calls, box: Box, container: str, *, direct: bool = False) -> ContainerProcess:
    """Start a worker in a container that runs already.

    Args:
        calls: The engine.
        box: Of it, the interpreter and the environment are used.
        container: The container's name.
        direct: As for `started`.

    Raises:
        ExecutorError: As for `started`.
    """
    flags, env = passed({"PYTHONHASHSEED": ENV["PYTHONHASHSEED"], **box.env})
    passes = calls.engine.passes if direct else ()
    return ContainerProcess(
        [*calls.command, "exec", "--interactive", *passes, *flags, container, box.python],
        env,
        Container(calls, ""),
        direct=direct,
    )
