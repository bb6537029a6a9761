"""A worker in a sandbox of E2B's, as the `Process` of a session."""

from __future__ import annotations

import base64
import functools
import shlex
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

from core_plus_worker.remote import EVERY, RemoteProcess, Stdin, begin, relay_command, tell_end

if TYPE_CHECKING:
    from e2b import CommandHandle, Sandbox


class Lines:
    """Puts the relay's lines together, however they are cut.

    Args:
        feed: Gets the bytes.
    """

    def __init__(self, feed: Callable[[bytes], object]) -> None:
        self._feed, self._rest = feed, ""

    def add(self, text: str) -> None:
        """Text as it came.

        Args:
            text: Any part of the lines.

        Raises:
            ValueError: It isn't what the relay writes.
        """
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._feed(base64.b64decode(line, validate=True))


def command(python: str) -> str:
    """The shell command of a relay with its worker.

    Args:
        python: The sandbox's interpreter.
    """
    return f"exec {shlex.join(relay_command(python, lines=True))}"


def attach(sandbox: Sandbox, handle: CommandHandle[None], lease: int) -> RemoteProcess:
    """The process of a worker that was started.

    Args:
        sandbox: Where; it is killed with the worker.
        handle: The relay's command.
        lease: Seconds that the sandbox lives on without the host.
    """
    stdin, over = Stdin(handle.send_stdin), threading.Event()

    def kill() -> None:
        over.set()
        sandbox.kill()

    process = RemoteProcess(stdin.write, kill=kill, nudge=stdin.nudge)
    mine = weakref.ref(process)
    stdin.lost = functools.partial(tell_end, mine)
    begin("core-plus-e2b-output", follow, mine, handle, stdin.has_ended)
    begin("core-plus-e2b-lease", keep, mine, stdin, sandbox, lease, over)
    return process


def follow(process: weakref.ref[RemoteProcess], handle: CommandHandle[None], has_ended: threading.Event) -> None:
    """Pass on what the relay prints, until it ends or nobody wants it.

    Args:
        process: Whose worker it is.
        handle: The relay's command.
        has_ended: Set once it is told how it ended.
    """

    def feed(data: bytes) -> None:
        found = process()
        if found is not None:
            found.feed(data)

    reason = "its stream ended"
    try:
        lines = Lines(feed)
        for out, err, _ in handle:
            if out:
                lines.add(out)
            found = process()
            if err and found is not None:
                found.feed_print(2, err.encode("utf-8"))
            del found
        reason = ending(handle)
    except Exception as error:  # whatever the SDK raises when the sandbox is gone
        reason = f"its stream broke off: {type(error).__name__}: {error}"[:500]
    finally:
        tell_end(process, reason)
        has_ended.set()


def ending(handle: CommandHandle[None]) -> str:
    """How a command ended whose output has.

    Args:
        handle: The command.
    """
    from e2b import CommandExitException

    try:
        return f"exit status {handle.wait().exit_code}"
    except CommandExitException as error:
        return (
            f"killed by signal {error.exit_code - 128}" if error.exit_code > 128 else f"exit status {error.exit_code}"
        )


def keep(
    process: weakref.ref[RemoteProcess], stdin: Stdin, sandbox: Sandbox, lease: int, over: threading.Event
) -> None:
    """Keep the sandbox alive as long as its session lives, and no longer.

    Args:
        process: Whose worker it is.
        stdin: Of its relay.
        sandbox: The sandbox.
        lease: Seconds that it lives on without the host.
        over: Set when it is killed.
    """
    while not over.wait(min(EVERY, lease / 3)) and process() is not None:
        try:
            stdin.beat()
            sandbox.set_timeout(lease)
        except Exception as error:  # whatever the SDK raises when the sandbox is gone, or the network
            stdin.lose(error)
            return
