"""Workers in the sandboxes of services, behind a relay that sees to their end when the host is gone."""

from __future__ import annotations

import struct
import threading
import weakref
from collections.abc import Callable, Iterable
from importlib import resources
from typing import Final

from core_plus_worker.remote.relay import BEAT, NUDGE
from core_plus_worker.source import worker_command
from core_plus_worker.stream import StreamProcess

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
            threading.Thread(target=self._nudge, name="core-plus-worker-nudge", daemon=True).start()

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


def relay_command(python: str, *, lines: bool = False) -> list[str]:
    """The command of a relay with its worker.

    Args:
        python: The sandbox's interpreter.
        lines: Whether what the worker says shall come as lines of base64, for services that hand on text only.
    """
    relay = resources.files("core_plus_worker.remote").joinpath("relay.py").read_text("utf-8")
    return [python, "-c", relay, "lines" if lines else "bytes", *worker_command((python,))]


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
        name: Of the thread.
        target: Its function.
        arguments: What that is given.
    """
    threading.Thread(target=target, args=arguments, name=name, daemon=True).start()


def scrubbed(text: str, secrets: Iterable[str]) -> str:
    """A text without secrets.

    Args:
        text: Perhaps of an error.
        secrets: What must not be seen.
    """
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return text
