"""A worker in a sandbox of E2B's, as the `Process` of a session."""

from __future__ import annotations

import base64
import functools
import shlex
import struct
import threading
import weakref
from collections.abc import Callable, Iterable
from importlib import resources
from typing import TYPE_CHECKING, Final

from core_plus_e2b.relay import BEAT, NUDGE
from core_plus_worker import StreamProcess, worker_command

if TYPE_CHECKING:
    from e2b import CommandHandle, Sandbox

EVERY: Final = 30.0
"""Seconds between two beats; the relay gives the host up after five."""

TELLING: Final = 2.0
"""Seconds to wait for the reason why nothing can be said any more."""

GRACE: Final = 2.0
"""Seconds in which code may end softly: a service is some way off."""


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


def unheard(reason: str) -> None:
    """Where a reason goes that nobody waits for."""


class Stdin:
    """What is said to the relay, from several threads.

    `has_ended` is set once it is known how the relay ended; `lost` is told why it can't be reached.

    Args:
        send: Takes bytes to its standard input.
    """

    def __init__(self, send: Callable[[bytes], object]) -> None:
        self._send, self._lock = send, threading.Lock()
        self._nudging = threading.Lock()
        self.has_ended = threading.Event()
        self.lost: Callable[[str], None] = unheard

    def write(self, data: bytes) -> None:
        """Say something to the worker.

        Args:
            data: What.
        """
        try:
            with self._lock:
                self._send(struct.pack(">I", len(data)) + data)
        except Exception:  # whatever the SDK raises; the thread that reads knows better why
            self.has_ended.wait(TELLING)
            raise

    def beat(self) -> None:
        """Say that the host lives."""
        with self._lock:
            self._send(struct.pack(">I", BEAT))

    def nudge(self) -> None:
        """Have the worker look up from its code, without waiting; one nudge at a time is on its way."""
        if self._nudging.acquire(blocking=False):
            threading.Thread(target=self._nudge, name="core-plus-e2b-nudge", daemon=True).start()

    def _nudge(self) -> None:
        try:
            with self._lock:
                self._send(struct.pack(">I", NUDGE))
        except Exception as error:  # whatever the SDK raises when the sandbox is gone
            self.lose(error)
        finally:
            self._nudging.release()

    def lose(self, error: Exception) -> None:
        """Tell that the relay can't be reached any more, unless its end is known.

        Args:
            error: What the SDK says.
        """
        self.has_ended.wait(TELLING)
        self.lost(f"it can't be reached any more: {type(error).__name__}: {error}"[:500])


class RemoteProcess(StreamProcess):
    """A worker in a sandbox that ends with it.

    Args:
        write: As for `StreamProcess`.
        kill: The same.
        nudge: The same.
    """

    grace = GRACE


def command(python: str) -> str:
    """The shell command of a relay with its worker.

    Args:
        python: The sandbox's interpreter.
    """
    relay = resources.files("core_plus_e2b").joinpath("relay.py").read_text("utf-8")
    return f"exec {shlex.join([python, '-c', relay, *worker_command((python,))])}"


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
    begin("output", follow, mine, handle, stdin.has_ended)
    begin("lease", keep, mine, stdin, sandbox, lease, over)
    return process


def tell_end(process: weakref.ref[RemoteProcess], reason: str) -> None:
    """Tell how a worker ended, if anybody waits for it; the first reason counts.

    Args:
        process: Whose worker it was.
        reason: Why.
    """
    found = process()
    if found is not None:
        found.ended(reason)


def begin(name: str, target: Callable[..., object], *arguments: object) -> None:
    """Start a thread that ends with its sandbox.

    Args:
        name: What it does.
        target: Its function.
        arguments: What that is given.
    """
    threading.Thread(target=target, args=arguments, name=f"core-plus-e2b-{name}", daemon=True).start()


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


def scrubbed(text: str, secrets: Iterable[str]) -> str:
    """A text without secrets.

    Args:
        text: Perhaps of an error.
        secrets: What must not be seen.
    """
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return text
