"""A worker in a sandbox of Modal's, as the `Process` of a session."""

from __future__ import annotations

import functools
import struct
import threading
import weakref
from collections.abc import Callable, Iterable
from importlib import resources
from typing import TYPE_CHECKING, Final

from core_plus_modal.relay import BEAT, NUDGE
from core_plus_worker import StreamProcess, worker_command

if TYPE_CHECKING:
    from modal.container_process import ContainerProcess
    from modal.sandbox import Sandbox

EVERY: Final = 30.0
"""Seconds between two beats; the relay gives the host up after five."""

TELLING: Final = 2.0
"""Seconds to wait for the reason why nothing can be said any more."""

GRACE: Final = 2.0
"""Seconds in which code may end softly: a service is some way off."""


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
            threading.Thread(target=self._nudge, name="core-plus-modal-nudge", daemon=True).start()

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


def command(python: str) -> list[str]:
    """The command of a relay with its worker.

    Args:
        python: The sandbox's interpreter.
    """
    relay = resources.files("core_plus_modal").joinpath("relay.py").read_text("utf-8")
    return [python, "-c", relay, *worker_command((python,))]


def attach(sandbox: Sandbox, relay: ContainerProcess[bytes]) -> RemoteProcess:
    """The process of a worker that was started.

    Args:
        sandbox: Where; it is ended with the worker.
        relay: The relay's command.
    """

    def send(data: bytes) -> None:
        relay.stdin.write(data)
        relay.stdin.drain()

    stdin, over = Stdin(send), threading.Event()

    def kill() -> None:
        over.set()
        end(sandbox)

    process = RemoteProcess(stdin.write, kill=kill, nudge=stdin.nudge)
    mine = weakref.ref(process)
    stdin.lost = functools.partial(tell_end, mine)
    begin("output", follow, mine, relay, stdin.has_ended)
    begin("errors", follow_errors, mine, relay, stdin)
    begin("beat", keep, mine, stdin, over)
    return process


def end(sandbox: Sandbox) -> None:
    """End a sandbox, and the connection to it.

    Args:
        sandbox: The sandbox.
    """
    try:
        sandbox.terminate()
    finally:
        sandbox.detach()


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
    threading.Thread(target=target, args=arguments, name=f"core-plus-modal-{name}", daemon=True).start()


def follow(process: weakref.ref[RemoteProcess], relay: ContainerProcess[bytes], has_ended: threading.Event) -> None:
    """Pass on what the worker says, until it ends or nobody wants it.

    Args:
        process: Whose worker it is.
        relay: The relay's command.
        has_ended: Set once it is told how it ended.
    """
    reason = "its stream ended"
    try:
        for data in relay.stdout:
            found = process()
            if found is not None:
                found.feed(data)
            del found
        status = relay.wait()
        reason = f"killed by signal {status - 128}" if status > 128 else f"exit status {status}"
    except Exception as error:  # whatever the SDK raises when the sandbox is gone
        reason = f"its stream broke off: {type(error).__name__}: {error}"[:500]
    finally:
        tell_end(process, reason)
        has_ended.set()


def follow_errors(process: weakref.ref[RemoteProcess], relay: ContainerProcess[bytes], stdin: Stdin) -> None:
    """Pass on what is printed past the worker's stream.

    Args:
        process: Whose worker it is.
        relay: The relay's command.
        stdin: Of the relay.
    """
    try:
        for data in relay.stderr:
            found = process()
            if found is not None:
                found.feed_print(2, data)
            del found
    except Exception as error:  # whatever the SDK raises when the sandbox is gone
        stdin.lose(error)


def keep(process: weakref.ref[RemoteProcess], stdin: Stdin, over: threading.Event) -> None:
    """Tell the relay now and then that the session lives.

    Args:
        process: Whose worker it is.
        stdin: Of its relay.
        over: Set when it is killed.
    """
    while not over.wait(EVERY) and process() is not None:
        try:
            stdin.beat()
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
