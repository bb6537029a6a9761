"""Runs snippets in one namespace and says how they ended."""

from __future__ import annotations

import ast
import builtins
import linecache
import signal
import sys
import types
from typing import TYPE_CHECKING, Any

from core_plus_worker.inside import rewrite
from core_plus_worker.inside.places import AGENT
from core_plus_worker.inside.stops import Final, Stop

if TYPE_CHECKING:
    from core_plus_worker.inside.channel import Channel

CRITICAL = tuple(f"core_plus_worker.inside.{name}" for name in ("channel", "eager", "frames"))
"""Modules that must not be left in the middle: a half-written message would be the end of the session."""

HEADER = "Traceback (most recent call last):\n"
MESSAGE, TRACEBACK = 10_000, 20_000
"""Characters of an error's text and traceback that are kept, cut in the middle."""


class Outcome:
    """How a snippet ended.

    Args:
        value: The last expression's value, or the final answer.
        has_value: Whether there is one.
        is_final: Whether it is the final answer.
        error: kind, message, traceback and line, if it didn't end well.
    """

    def __init__(
        self, value: Any = None, has_value: bool = False, is_final: bool = False, error: list[Any] | None = None
    ) -> None:
        self.value, self.has_value, self.is_final, self.error = value, has_value, is_final, error


def cut(text: str, length: int) -> str:
    """A text, cut in the middle where it is longer.

    Args:
        text: The text.
        length: Characters at most, the note aside.
    """
    if len(text) <= length:
        return text
    return f"{text[: length // 2]}\n... {len(text) - length} characters cut ...\n{text[-length // 2 :]}"


class Runner:
    """One namespace and what runs in it.

    Args:
        channel: Where calls go, and where a stop comes from.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        module = types.ModuleType("__main__")
        module.__dict__["__builtins__"] = builtins
        sys.modules["__main__"] = module
        self.names = module.__dict__
        self.always: dict[str, Any] = {}
        self._compiled: dict[str, tuple[types.CodeType, bool]] = {}
        self._count = 0
        self._armed = False
        self._passing: Stop | None = None
        self._loop: Any = None
        for name, helper in ((rewrite.LATER, awaitable), (rewrite.PASS_ON, self._pass_on)):
            setattr(builtins, name, helper)

    # -- running

    def run(self, source: str) -> Outcome:
        """Run a snippet.

        Args:
            source: Python source.
        """
        self.names.update(self.always)
        self._passing = None
        try:
            try:
                code, has_value = self._compile(source)
                self._armed = True
                waiting = eval(code, self.names)
                if waiting is not None:
                    self._await(waiting)
                self._armed = False
            except BaseException as error:
                self._armed = False
                return self._ended_by(error, source)
        except Stop as late:  # it came between two lines of ours
            return self._ended_by(late, source)
        value = self.names.pop(rewrite.LAST, None)
        swallowed = self._stop()
        if swallowed is not None:
            return self._ended_by(swallowed, source)
        return Outcome(value, has_value)

    def _compile(self, source: str) -> tuple[types.CodeType, bool]:
        found = self._compiled.get(source)
        if found is None:
            self._count += 1
            name = f"{AGENT}{self._count}>"
            linecache.cache[name] = (len(source), None, source.splitlines(True), name)
            flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            tree = compile(source, name, "exec", ast.PyCF_ONLY_AST | flags, dont_inherit=True)
            has_value = rewrite.keep_last(tree)
            if "except" in source:
                rewrite.let_stops_pass(tree)
            if "await" in source or "asyncio" in source:
                from core_plus_worker.inside.loops import watch_loops

                watch_loops(self._channel)
                rewrite.mark_awaited(tree)
            found = compile(tree, name, "exec", flags, dont_inherit=True), has_value
            if len(self._compiled) < 200:
                self._compiled[source] = found
        return found

    def _await(self, coroutine: Any) -> None:
        """Run top-level `await`s in the session's loop; its tasks live on from snippet to snippet."""
        import asyncio

        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(coroutine)
        except Stop:
            tasks = asyncio.all_tasks(self._loop)
            for task in tasks:
                task.cancel()
            if tasks and self._channel.stop is None:  # they may clean up, while there is time
                self._loop.run_until_complete(asyncio.wait(tasks))
            raise

    # -- stopping

    def final(self, *args: Any, **kwargs: Any) -> None:
        """End the snippet with the final answer: one argument, or all of them where there are more.

        Raises:
            Final: Always.
        """
        values = [*args, *kwargs.values()]
        value = values[0] if len(values) == 1 else dict(kwargs) if kwargs and not args else tuple(values) or None
        self.finish(value)

    def finish(self, value: Any) -> None:
        """End the snippet with a value; the first one counts.

        Args:
            value: The final answer.

        Raises:
            Final: Always.
        """
        if not isinstance(self._passing, Final):
            self._passing = Final(value)
        raise Final(self._passing.value)

    def on_signal(self, number: int, frame: types.FrameType | None) -> None:
        """The host's nudge, or the end of the CPU time: end the snippet, unless a message is on its way.

        Args:
            number: The signal.
            frame: Where the main thread is.

        Raises:
            Stop: If it may.
        """
        if not self._armed:
            return
        stop = Stop("Stopped") if number == signal.SIGINT else Stop("CpuLimit")
        while frame is not None and not frame.f_code.co_filename.startswith(AGENT):
            if frame.f_globals.get("__name__") in CRITICAL:
                self._channel.stop = stop
                return
            frame = frame.f_back
        if self._passing is None:
            self._passing = stop
        raise stop

    def _stop(self) -> Stop | None:
        """What was to end the snippet, even if something caught it."""
        return self._passing if self._passing is not None else self._channel.stop

    def _pass_on(self) -> None:
        """Called first in handlers that catch everything."""
        error = sys.exc_info()[1]
        if isinstance(error, Stop):
            raise error

    # -- saying how it ended

    def _ended_by(self, error: BaseException, source: str) -> Outcome:
        self.names.pop(rewrite.LAST, None)
        if isinstance(self._passing, Final):
            return Outcome(self._passing.value, has_value=True, is_final=True)
        stop = error if isinstance(error, Stop) else self._stop()
        if stop is not None:
            forget_half_imported()
            text, line = self._traceback(error, source) if error is stop else ("", None)
            return Outcome(error=[stop.kind, stop.text, text, line])
        text, line = self._traceback(error, source)
        kind = "MemoryError" if isinstance(error, MemoryError) else type(error).__name__  # numpy has one of its own
        return Outcome(error=[kind, cut(self._message(error), MESSAGE), cut(text, TRACEBACK), line])

    def _message(self, error: BaseException) -> str:
        if isinstance(error, SyntaxError):
            return str(error.msg)
        if isinstance(error, SystemExit):
            return f"exit({error.code!r}) was called; code ends after its last line by itself"
        try:
            return str(error)
        except BaseException as failure:  # the agent's own __str__: whatever it raises, it isn't the end of the worker
            return f"<its text can't be had: {type(failure).__name__}>"

    def _traceback(self, error: BaseException, source: str) -> tuple[str, int | None]:
        """The lines of the agent's own code, and the innermost line of this snippet."""
        import traceback

        found = self._compiled.get(source)
        name = found[0].co_filename if found else f"{AGENT}{self._count}>"
        steps = traceback.walk_tb(error.__traceback__)
        lines = [line for frame, line in steps if frame.f_code.co_filename == name]
        if isinstance(error, SyntaxError) and error.filename == name and error.lineno:
            lines.append(error.lineno)
        shown = traceback.TracebackException(type(error), error, error.__traceback__, limit=-1000)
        only_own(shown)
        text = [HEADER, *shown.stack.format()] if isinstance(error, Stop) else shown.format()
        return "".join(text), lines[-1] if lines else None


def forget_half_imported() -> None:
    """Have packages that were stopped while they were imported imported from the beginning next time.

    Python forgets the package but not those of its modules that were finished, and these aren't bound again.
    """
    for name in list(sys.modules):
        parent = name.rpartition(".")[0]
        if parent and parent not in sys.modules:
            del sys.modules[name]


def only_own(shown: Any) -> None:
    """Leave the agent's lines in a traceback, and in those of the exceptions behind it.

    Args:
        shown: A TracebackException, changed in place.
    """
    own = [frame for frame in shown.stack if frame.filename.startswith(AGENT)]
    shown.stack[:] = own
    for behind in [shown.__cause__, shown.__context__, *(getattr(shown, "exceptions", None) or [])]:
        if behind is not None:
            only_own(behind)


def awaitable(function: Any) -> Any:
    """A function of the host as one that gives an awaitable; anything else as it is.

    Args:
        function: What is called where an awaitable is wanted.
    """
    return getattr(function, "__core_plus_later__", function)
