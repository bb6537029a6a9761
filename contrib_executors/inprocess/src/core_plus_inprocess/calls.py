"""The code's half of a session: what runs in its thread, and how it reaches the host."""

from __future__ import annotations

import asyncio
import selectors
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from core_plus.executors import Answer, CodeRequest
from core_plus_inprocess.words import ToolError


class Stop(BaseException):
    """The code must end: its time is up, it was interrupted, or the final answer is there."""


class Call:
    """A call of the host that waits for its answer.

    Args:
        request: What the host is asked.
        tell: Called with the answer, in the thread that brings it; None where a thread waits for it.
    """

    def __init__(self, request: CodeRequest, tell: Callable[[Answer], None] | None = None) -> None:
        self.request, self._tell = request, tell
        self.answer: Answer | None = None
        self.here = threading.Event()

    def give(self, answer: Answer) -> None:
        """Bring the answer.

        Args:
            answer: The host's.
        """
        self.answer = answer
        self.here.set()
        if self._tell is not None:
            self._tell(answer)


class HostFunction:
    """A function of the host, as code has it.

    Args:
        name: Its name.
        ask: Asks the host and waits.
        ask_later: Asks the host and gives an awaitable.
    """

    __slots__ = ("__name__", "_ask", "_ask_later")

    def __init__(self, name: str, ask: Callable[..., Any], ask_later: Callable[..., Any]) -> None:
        self.__name__, self._ask, self._ask_later = name, ask, ask_later

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Ask the host, and wait for what it says."""
        return self._ask(self.__name__, args, kwargs)

    def later(self, *args: Any, **kwargs: Any) -> Any:
        """Ask the host; what it says can be awaited."""
        return self._ask_later(self.__name__, args, kwargs)

    def __repr__(self) -> str:
        return f"<function {self.__name__}>"


class Watched(selectors.DefaultSelector):
    """Says when an event loop waits.

    Args:
        waits: Told True when nothing but the host can wake it, False when a timer can, None when it goes on.
    """

    def __init__(self, waits: Callable[[bool | None], None]) -> None:
        super().__init__()
        self._waits = waits

    def select(self, timeout: float | None = None) -> Any:
        if timeout is not None and timeout <= 0:
            return super().select(timeout)
        self._waits(timeout is None)
        try:
            return super().select(timeout)
        finally:
            self._waits(None)


def outcome_of(answer: Answer) -> Any:
    """What the host's answer gives.

    Args:
        answer: The answer.

    Raises:
        Exception: What the call raises instead.
    """
    if answer.error is None:
        return answer.value
    raise error_named(answer.kind, answer.error)


def error_named(kind: str, text: str) -> Exception:
    """An exception that can be caught by Python's own name for it, and as a ToolError.

    Args:
        kind: Its name.
        text: What it says.
    """
    import builtins

    known = getattr(builtins, kind, None)
    if kind == "ToolError":
        return ToolError(text)
    usable = isinstance(known, type) and issubclass(known, Exception) and known not in AWKWARD
    bases = (ToolError, known) if usable and isinstance(known, type) else (ToolError,)
    made: Exception = type(kind, bases, {"__module__": "builtins", "__str__": lambda self: str(self.args[0])})(text)
    return made


AWKWARD = (UnicodeDecodeError, UnicodeEncodeError, UnicodeTranslateError, ExceptionGroup, StopIteration)
"""Exceptions that can't be made of one text, or mean something to a generator."""


def settle(future: asyncio.Future[Any], answer: Answer) -> None:
    """Give a future what the host says; nothing if nobody waits for it any more.

    Args:
        future: In its own loop's thread.
        answer: The answer.
    """
    if future.done():
        return
    try:
        future.set_result(outcome_of(answer))
    except Exception as error:
        future.set_exception(error)


def sleeper(alive: Callable[[], None], waits: Callable[[bool | None], None]) -> Callable[[float], None]:
    """`time.sleep` that can be stopped.

    Args:
        alive: Raises when the code must end.
        waits: As in `Watched`.
    """

    def sleep(seconds: float) -> None:
        """Sleep.

        Args:
            seconds: How long.
        """
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        until = time.monotonic() + seconds
        waits(False)
        try:
            while (left := until - time.monotonic()) > 0:
                alive()
                time.sleep(min(left, 0.02))
        finally:
            waits(None)

    return sleep


def wraps(function: Any) -> Any:
    """`functools.wraps` with one argument: its others would name attributes past the guards.

    Args:
        function: Whose name and text the decorated one gets.
    """
    import functools

    return functools.wraps(function)


def own_modules(names: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Modules that stand in the place of Python's, since those would change the host.

    Args:
        names: "sleep", "stdout" and "stderr" of the session.
    """
    import functools
    import random
    import sys

    dice = random.Random()
    times = "time time_ns monotonic perf_counter process_time gmtime localtime strftime strptime mktime ctime asctime"
    partly = ("partial", "reduce", "lru_cache", "cache", "cmp_to_key", "total_ordering")
    return {
        "random": {name: getattr(dice, name) for name in random.__all__ if hasattr(dice, name)},
        "time": {**{name: getattr(time, name) for name in times.split()}, "sleep": names["sleep"]},
        "functools": {**{name: getattr(functools, name) for name in partly}, "wraps": wraps},
        "sys": {
            "stdout": names["stdout"], "stderr": names["stderr"], "exit": names["exit"], "maxsize": sys.maxsize,
            "version": sys.version, "version_info": sys.version_info, "float_info": sys.float_info,
        },
    }  # fmt: skip
