"""The executor: code beside the caller's live objects."""

from __future__ import annotations

import msgspec

from core_plus.errors import ExecutorError
from core_plus.executors import Limits, Setup
from core_plus_inprocess.modules import MODULES
from core_plus_inprocess.session import InProcessSession

UNHELD = ("cpu_seconds", "memory", "processes")
"""Limits that a thread can't be held to."""


class InProcessExecutor:
    """Runs code in a thread of the caller's own process, by RestrictedPython. It is NO sandbox.

    Variables, arguments and answers are the very objects, not copies: a data frame of 10 GB costs nothing. Guards keep
    code from what its author doesn't mean to do: files, processes, attributes with underscores, changes of the host's
    objects. They are no boundary against somebody who means to get out: all is one process, and one way past a guard
    is the end of it.

    Code that is out of time gets an exception, which a call of C code sees only when it ends; such a thread is left to
    itself, and the session says so.

    Args:
        writable: Types of the host's objects that code may change, beside lists, dicts and sets.
        limits: Used instead of those that a session is opened with.
    """

    name = "inprocess"
    is_sandbox = False
    imports: tuple[str, ...] | None = tuple(MODULES)

    def __init__(self, *, writable: tuple[type, ...] = (), limits: Limits | None = None) -> None:
        self._writable, self._limits = writable, limits

    def open(self, setup: Setup) -> InProcessSession:
        if self._limits is not None:
            setup = msgspec.structs.replace(setup, limits=self._limits)
        for name in UNHELD:
            if getattr(setup.limits, name) is not None:
                raise ExecutorError(
                    f"the executor 'inprocess' can't hold limits.{name}={getattr(setup.limits, name)}: leave it None, "
                    "or use an executor with walls, such as 'sandbox'"
                )
        return InProcessSession(setup, self._writable)

    def close(self) -> None:
        """Nothing: it keeps nothing."""
