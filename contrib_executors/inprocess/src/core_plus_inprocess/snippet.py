"""One snippet: the thread that runs it, and what the host knows of it."""

from __future__ import annotations

import asyncio
import ctypes
import threading
import time
import types
from collections.abc import Mapping
from typing import Any, Final, Literal

from core_plus.executors import Answer, CodeError, CodeRequest, Output, Paused, Setup
from core_plus_inprocess.calls import Call, Stop, Watched, outcome_of, settle
from core_plus_inprocess.policy import Compiled
from core_plus_inprocess.tracing import error_of
from core_plus_worker.code import LAST, Clip

GRACE: Final = 0.06
"""Seconds in which code may end; then its thread is left to itself."""

AGAIN: Final = 0.01
"""Seconds between two exceptions that are thrown into it."""

SHOW: Final = 0.05
"""Seconds between two pauses that only show output."""

SOON: Final = 0.002
"""Seconds in which more calls may join one that was made, before the host is told."""


class Snippet:
    """One running snippet.

    Args:
        setup: What the session was opened with.
        compiled: The code.
        names: Its namespace.
        sources: The lines of the snippets, by the names of their files.
        news: Set when there is something for the host.
    """

    def __init__(
        self,
        setup: Setup,
        compiled: Compiled,
        names: dict[str, Any],
        sources: Mapping[str, list[str]],
        news: threading.Event,
    ) -> None:
        self.setup, self._compiled, self._names, self._sources, self._news = setup, compiled, names, sources, news
        self.lock = threading.RLock()
        self.stopped: CodeError | None = None
        self.final: list[Any] = []
        self.error: CodeError | None = None
        self.value: Any = None
        self.has_value = self.ended = False
        self.kill_at = self._again_at = 0.0
        self.used = 0.0
        self.open: dict[int, Call] = {}
        self._fresh: list[Output] = []
        self._new: list[CodeRequest] = []
        self._new_at = self._shown_at = 0.0
        self._calls = 0
        self._waits: bool | None = None
        self._told = True
        self._loop: asyncio.SelectorEventLoop | None = None
        self._clips = {"stdout": Clip(setup.limits.output), "stderr": Clip(setup.limits.output)}
        self.thread = threading.Thread(target=self._run, name="core-plus-code", daemon=True)

    # -- in the code's thread

    def _run(self) -> None:
        try:
            try:
                self._evaluate()
            except BaseException as error:
                self._failed(error)
        except BaseException as late:  # a second exception, thrown in while the first was read
            self._failed(late)
        finally:
            with self.lock:
                self.ended = True
            self._news.set()

    def _evaluate(self) -> None:
        waiting = eval(self._compiled.code, self._names)
        if isinstance(waiting, types.CoroutineType):
            self.run_async(waiting)
        self.value = self._names.pop(LAST, None)
        self.has_value = self._compiled.has_value

    def _failed(self, error: BaseException) -> None:
        self._names.pop(LAST, None)
        self.value, self.has_value = None, False
        self.error = error_of(error, self._sources, is_stop=isinstance(error, Stop))

    def run_async(self, coroutine: Any, **_: Any) -> Any:
        """Run a coroutine to its end: `asyncio.run`, and awaiting at the top.

        Args:
            coroutine: What is awaited.
        """
        loop = asyncio.SelectorEventLoop(Watched(self.waits))
        self._loop = loop
        try:
            asyncio.set_event_loop(loop)
            return loop.run_until_complete(as_coroutine(coroutine))
        finally:
            self._loop = None
            self._wind_up(loop)

    def _wind_up(self, loop: asyncio.SelectorEventLoop) -> None:
        """Cancel what still runs in a loop, and close it."""
        try:
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            if tasks:
                loop.run_until_complete(asyncio.wait(tasks, timeout=GRACE / 2))
        finally:
            asyncio.set_event_loop(None)
            loop.close()

    def alive(self) -> None:
        """End the code here, if it must end.

        Raises:
            Stop: It must.
        """
        if self.stopped is not None and threading.current_thread() is self.thread:
            raise Stop

    def waits(self, forever: bool | None) -> None:
        """The code has begun or ended to wait.

        Args:
            forever: Whether only the host can wake it; None: it goes on.
        """
        with self.lock:
            self._waits = forever
            if forever:
                self._told = False
        if forever is not None:
            self._news.set()
        self.alive()

    def ask(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Call a function of the host and wait for it.

        Args:
            name: The function.
            args: Its arguments.
            kwargs: Its named arguments.

        Raises:
            Stop: The code must end.
            Exception: The function failed.
        """
        self._finish_if_final(name, args, kwargs)
        call = self._opened(name, args, kwargs)
        self.waits(True)
        call.here.wait()
        self.waits(None)
        assert call.answer is not None
        value = outcome_of(call.answer)
        if name in self.setup.final:
            self.final = self.final or [value]
            raise Stop
        return value

    def ask_later(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Call a function of the host; what it gives can be awaited.

        Args:
            name: The function.
            args: Its arguments.
            kwargs: Its named arguments.
        """
        self._finish_if_final(name, args, kwargs)
        if name in self.setup.final or self._loop is None:
            return self._lazily(name, args, kwargs)
        loop = self._loop
        future: asyncio.Future[Any] = loop.create_future()

        def tell(answer: Answer) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, future, answer)

        self._opened(name, args, kwargs, tell)
        return future

    async def _lazily(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Outside of a loop a call is made when it is awaited."""
        return self.ask(name, args, kwargs) if name in self.setup.final else await self.ask_later(name, args, kwargs)

    def _finish_if_final(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self.alive()
        if name in self.setup.final and name not in self.setup.functions:
            values = [*args, *kwargs.values()]
            one = values[0] if len(values) == 1 else dict(kwargs) if kwargs and not args else tuple(values) or None
            self.final = self.final or [one]
            raise Stop

    def _opened(self, name: str, args: Any, kwargs: Any, tell: Any = None) -> Call:
        limit = self.setup.limits.calls
        with self.lock:
            if limit is not None and self._calls >= limit:
                self.stopped = CodeError("CallLimit", f"the code made more than {limit} calls of functions")
                self.kill_at = time.monotonic() + GRACE
                raise Stop
            self._calls += 1
            call = Call(CodeRequest(self._calls, name, args, kwargs), tell)
            self.open[self._calls] = call
            self._new.append(call.request)
            self._new_at = time.monotonic()
        self._news.set()
        return call

    def print(self, stream: Literal["stdout", "stderr"], text: str) -> None:
        """Keep printed text.

        Args:
            stream: Where to.
            text: What was printed.
        """
        self.alive()
        with self.lock:
            shown = self._clips[stream].feed(text)
            if not (shown and self.setup.stream):
                return
            if self._fresh and self._fresh[-1].stream == stream:
                shown = self._fresh.pop().text + shown
            self._fresh.append(Output(shown, stream))
        self._news.set()

    # -- in the host's

    def printed(self) -> tuple[str, str]:
        """All that was printed to standard output and to standard error."""
        with self.lock:
            return self._clips["stdout"].text(), self._clips["stderr"].text()

    def take_fresh(self) -> tuple[Output, ...]:
        """What was printed since the last look, to be shown now."""
        with self.lock:
            fresh, self._fresh, self._shown_at = tuple(self._fresh), [], time.monotonic()
            return fresh

    def paused(self) -> Paused:
        """The snippet as it stands."""
        with self.lock:
            requests, self._new, self._told = tuple(self._new), [], True
            return Paused(requests, self.take_fresh(), self._waits is not True)

    def is_pause_due(self) -> bool:
        """Whether the host is to look now."""
        now = time.monotonic()
        with self.lock:
            if self._fresh and now >= self._shown_at + SHOW:
                return True
            if self._new:
                return self._waits is not None or now >= self._new_at + SOON
            return bool(self.open) and self._waits is True and not self._told

    def patience(self, deadline: float | None) -> float | None:
        """How many seconds may be waited before something is to be done; None: until something comes.

        Args:
            deadline: When the code's time is up.
        """
        with self.lock:
            due = [self._again_at] if self.stopped is not None else []
            due += [deadline] if deadline is not None else []
            due += [self._shown_at + SHOW] if self._fresh else []
            due += [self._new_at + SOON] if self._new else []
        return max(0.0, min(due) - time.monotonic()) if due else None

    def time_left(self) -> float | None:
        """Seconds that the code may still run; None: the clock stands still, or there is no limit."""
        limit = self.setup.limits.seconds
        return None if limit is None or self.open else limit - self.used

    def answer(self, answer: Answer) -> None:
        """Bring the host's answer to an open request.

        Args:
            answer: Its id must be one of the open ones.
        """
        with self.lock:
            call = self.open.pop(answer.id)
            if not call.here.is_set():
                self._waits = None
        call.give(answer)

    def stop(self, error: CodeError) -> None:
        """Make the code end.

        Args:
            error: Why.
        """
        with self.lock:
            self.stopped = self.stopped or error
            self.kill_at = time.monotonic() + GRACE
            calls = list(self.open.values())
            self.open.clear()
            self._new.clear()
        for call in calls:
            call.give(Answer(call.request.id, error="the code was stopped"))
        self.press()

    def press(self) -> bool:
        """Throw an exception into the code's thread, now and then; True: it had its time."""
        now = time.monotonic()
        with self.lock:
            if self.ended:
                return False
            if now >= self.kill_at:
                return True
            if now >= self._again_at:
                self._again_at = now + AGAIN
                throw(self.thread)
                if self._loop is not None:
                    self._loop.call_soon_threadsafe(self.alive)
        return False


def throw(thread: threading.Thread) -> None:
    """Raise `Stop` in a thread, at the next line of Python that it runs.

    Args:
        thread: A running one.
    """
    if thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(Stop))


async def as_coroutine(awaitable: Any) -> Any:
    """Anything that can be awaited, as a coroutine.

    Args:
        awaitable: It.
    """
    return await awaitable
