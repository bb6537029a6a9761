"""The executor: a pool of Monty's worker processes, started when the first session is opened."""

from __future__ import annotations

import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from attrs import evolve

from core_plus.errors import ExecutorError
from core_plus.executors import Limits, Setup
from core_plus_monty.errors import MODULES
from core_plus_monty.presence import missing
from core_plus_monty.saved import unpacked
from core_plus_monty.session import LATE, MontySession

if TYPE_CHECKING:
    from pydantic_monty import Monty, ResourceLimits
    from pydantic_monty import MontySession as Checkout

MEMORY = 256 << 20
"""Bytes that code may use where no limit says otherwise."""

DEPTH = 1000
"""Calls within calls, as in CPython."""

NEVER = 1 << 30
"""Calls out of a session that Monty itself allows: the session counts them, snippet by snippet."""


class MontyExecutor:
    """Runs code in Monty, an interpreter of a part of Python in Rust, in processes of its own. It is a sandbox.

    Code reaches no file, no network, no environment and no object of the host: the interpreter has no way to. What it
    imports is Monty's own; nothing that is installed can be used.

    Args:
        memory: Bytes that code may use where the session's limits name none; None is no limit.
        limits: Used instead of those that a session is opened with.
        spare: How many workers wait ready-started (8 MB each).
        most: Sessions at once; one more waits for 30 s and is refused then.
        binary: Path of the program `monty`; None finds the one that was installed with pydantic-monty.
    """

    name = "monty"
    is_sandbox = True
    is_repeatable = True
    imports: tuple[str, ...] | None = MODULES

    def __init__(
        self,
        *,
        memory: int | None = MEMORY,
        limits: Limits | None = None,
        spare: int = 1,
        most: int = 1000,
        binary: str | Path | None = None,
    ) -> None:
        self._memory, self._limits, self._spare, self._most = memory, limits, spare, most
        self._binary = binary
        self._lock = threading.Lock()
        self._pool: Monty | None = None
        self._sessions: weakref.WeakSet[MontySession] = weakref.WeakSet()
        self._closed = False

    def open(self, setup: Setup) -> MontySession:
        setup = self._limited(setup)
        return self._kept(MontySession(lambda: self._checkout(setup.limits), setup))

    def restore(self, data: bytes, setup: Setup) -> MontySession:
        """A session as it was when `MontySession.snapshot` was called, in this process or another one.

        Args:
            data: What that gave. Only bytes that you have kept yourself: Monty doesn't check them, and forged ones may
                hold anything, though still within Monty.
            setup: As when the session was opened; `variables` are given only if the interpreter is lost.

        Raises:
            ExecutorError: They are no snapshot, or one of another version or with other limits.
        """
        setup = self._limited(setup)
        saved = unpacked(data, setup.limits)
        state, feeds = saved.state, saved.feeds
        return self._kept(MontySession(lambda: self._checkout(setup.limits), setup, state=state, feeds=feeds))

    def close(self) -> None:
        with self._lock:
            self._closed = True
            pool, self._pool = self._pool, None
        for session in list(self._sessions):  # a worker that is out wouldn't end with its pool
            session.close()
        if pool is not None:
            pool.__exit__(None, None, None)

    def _kept(self, session: MontySession) -> MontySession:
        self._sessions.add(session)
        return session

    def _limited(self, setup: Setup) -> Setup:
        limits = self._limits or setup.limits
        if limits.memory is None:
            limits = evolve(limits, memory=self._memory)
        return msgspec.structs.replace(setup, limits=limits)

    def _checkout(self, limits: Limits) -> Checkout:
        times = [seconds for seconds in (limits.seconds, limits.cpu_seconds) if seconds is not None]
        held: ResourceLimits = {
            "max_feed_duration_secs": min(times, default=None),
            "max_memory": limits.memory,
            "max_recursion_depth": DEPTH,
            "max_suspensions": NEVER,
        }
        return self._started().checkout(limits=held, os_policy={"sleep": "call_host"})

    def _started(self) -> Monty:
        """The pool, started on first need."""
        with self._lock:
            if self._closed:
                raise ExecutorError("this executor is closed: make another one")
            if self._pool is None:
                self._pool = started(self._binary, self._spare, self._most)
            return self._pool


def started(binary: str | Path | None, spare: int, most: int) -> Monty:
    """A pool of workers.

    Args:
        binary: Path of the program; None finds it.
        spare: How many are started at once.
        most: How many there may be.

    Raises:
        ExecutorError: It can't be started.
    """
    lack = missing() if binary is None else ""
    if lack:
        raise ExecutorError(f"the executor 'monty' can't start: {lack}; or use another executor")
    from pydantic_monty import Monty

    try:
        pool = Monty(
            binary_path=binary,
            min_processes=spare,
            max_processes=most,
            checkout_timeout=30.0,
            feed_duration_limit_grace=LATE,
        )
        return pool.__enter__()
    except (OSError, RuntimeError) as error:
        raise ExecutorError(
            f"the executor 'monty' can't start: {error}; install pydantic-monty anew, where it has a wheel for this "
            "system, or use another executor"
        ) from error
