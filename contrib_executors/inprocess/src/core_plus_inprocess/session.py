"""A session in the caller's own process: the kernel's `Session` on a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from core_plus.errors import ExecutorError
from core_plus.executors import Answer, CodeError, Done, Setup, Turn
from core_plus_inprocess.calls import HostFunction, Stop, own_modules, sleeper
from core_plus_inprocess.guards import Guards
from core_plus_inprocess.modules import HostObject
from core_plus_inprocess.policy import Wrong, compiled
from core_plus_inprocess.snippet import Snippet
from core_plus_inprocess.tracing import AGENT
from core_plus_inprocess.words import leave
from core_plus_worker.door import Door

KEPT: Final = 100
"""Snippets whose lines are kept for tracebacks."""

ALL: Final = "all variables"

LEFT: Final = "; its thread can't be stopped in C code and runs on until that ends"


class InProcessSession:
    """One namespace, in which snippets run one after the other, each in a thread of its own.

    Args:
        setup: What the session starts with.
        writable: Types of live objects that code may change.
    """

    def __init__(self, setup: Setup, writable: tuple[type, ...] = ()) -> None:
        self._setup, self._writable = setup, writable
        self._variables = dict(setup.variables)
        self._news = threading.Event()
        self._door = Door(self._news.set)
        self._count, self._interrupted = 0, False
        self._snippet: Snippet | None = None
        self._end: Done | None = None
        self._sources: dict[str, list[str]] = {}
        self._names = self._fresh_names()

    # -- the Session protocol

    def start(self, code: str) -> Turn:
        with self._door:
            if self._snippet is not None:
                raise ExecutorError("a snippet is still running: resume it, or interrupt it first")
            self._interrupted, self._end = False, None
            self._count += 1
            file = f"{AGENT}{self._count}>"
            found = compiled(code, file)
            if isinstance(found, Wrong):
                text = f'  File "{file}", line {found.line or 1}\n{found.kind}: {found.message}\n'
                self._end = Done(error=CodeError(found.kind, found.message, text, found.line))
                return self._end
            self._sources[file] = code.split("\n")
            if len(self._sources) > KEPT:
                del self._sources[next(iter(self._sources))]
            self._names.update(self._functions)
            snippet = self._snippet = Snippet(self._setup, found, self._names, self._sources, self._news)
            snippet.thread.start()
            return self._go_on(snippet)

    def resume(self, answers: Sequence[Answer]) -> Turn:
        with self._door:
            snippet = self._snippet
            if snippet is None:
                if self._end is None:
                    raise ExecutorError("no snippet is running: start one first")
                return self._end
            for answer in answers:
                if answer.id not in snippet.open:
                    raise ExecutorError(f"no request {answer.id} is open; open are: {list(snippet.open) or 'none'}")
                if not self._interrupted:  # not one line more of the code shall run
                    snippet.answer(answer)
            return self._go_on(snippet)

    def assign(self, variables: Mapping[str, Any]) -> None:
        with self._door:
            if self._snippet is not None:
                raise ExecutorError("a snippet is still running: resume it, or interrupt it first")
            self._variables.update(variables)
            self._names.update(variables)

    def interrupt(self) -> None:
        if self._snippet is not None:
            self._interrupted = True
            self._news.set()

    def close(self) -> None:
        if not self._door.shut():
            return
        with self._door.inside:
            if self._snippet is not None:
                self._go_on(self._snippet)
            self._names = {}

    # -- the namespace

    def _fresh_names(self) -> dict[str, Any]:
        """A namespace that nothing has run in, and whose code ends by `_alive`."""
        given = dict.fromkeys([*self._setup.functions, *self._setup.final])
        ask, later = self._running("ask"), self._running("ask_later")
        self._functions = host_functions({name: HostFunction(name, ask, later) for name in given})
        out, err = Stream(self._running("print"), "stdout"), Stream(self._running("print"), "stderr")
        sleep = sleeper(self._running("alive"), self._running("waits"))
        own = own_modules({"sleep": sleep, "stdout": out, "stderr": err, "exit": leave})
        guards = Guards(self._setup.imports, self._writable, self._running("alive"), own)
        names = guards.names()
        names["__builtins__"]["print"] = Printer(out, err)
        guards.replace("asyncio", run=self._running("run_async"), create_task=create_task)
        return {**names, **self._variables}

    def _running(self, method: str) -> Any:
        """A method of the snippet that runs when it is called."""

        def call(*args: Any, **kwargs: Any) -> Any:
            snippet = self._snippet
            if snippet is None or snippet.thread is not threading.current_thread():
                raise Stop  # a thread that was left to itself must not speak for another snippet
            return getattr(snippet, method)(*args, **kwargs)

        return call

    # -- waiting

    def _go_on(self, snippet: Snippet) -> Turn:
        """Wait until there is something for the host to do."""
        left, began = snippet.time_left(), time.monotonic()
        deadline = None if left is None else began + left
        try:
            while True:
                self._news.clear()
                turn = self._look(snippet, deadline)
                if turn is not None:
                    return turn
                self._news.wait(snippet.patience(None if snippet.stopped else deadline))
        finally:
            if deadline is not None:
                snippet.used += time.monotonic() - began

    def _look(self, snippet: Snippet, deadline: float | None) -> Turn | None:
        """What there is for the host to do now."""
        if snippet.ended:
            return self._done(snippet)
        if snippet.stopped is not None:
            return self._left(snippet) if snippet.press() else None
        if self._interrupted or self._door.is_closed:
            snippet.stop(CodeError("Interrupted", "the code was interrupted"))
        elif deadline is not None and time.monotonic() >= deadline:
            snippet.stop(CodeError("TimeLimit", f"the code ran longer than {self._setup.limits.seconds:g} s"))
        elif self._door.visitors or snippet.is_pause_due():
            return snippet.paused()
        return None

    def _done(self, snippet: Snippet) -> Done:
        snippet.thread.join()
        error = snippet.error
        if snippet.final:
            error = None
        elif snippet.stopped is not None:
            found = error or snippet.stopped
            error = msgspec.structs.replace(snippet.stopped, traceback=found.traceback, line=found.line)
        return self._ended(snippet, error)

    def _left(self, snippet: Snippet) -> Done:
        """The code doesn't end: its thread is left to itself, and its namespace with it."""
        assert snippet.stopped is not None
        self._names = self._fresh_names()
        error = msgspec.structs.replace(snippet.stopped, message=snippet.stopped.message + LEFT, lost=ALL)
        return self._ended(snippet, None if snippet.final else error)

    def _ended(self, snippet: Snippet, error: CodeError | None) -> Done:
        self._snippet = None
        is_final = bool(snippet.final)
        value = snippet.final[0] if is_final else snippet.value if error is None else None
        has_value = is_final or (error is None and snippet.has_value)
        self._end = Done(value, is_final, *snippet.printed(), error, has_value, snippet.take_fresh())
        return self._end


def host_functions(functions: Mapping[str, HostFunction]) -> dict[str, Any]:
    """What code has of the host: functions, and objects with those whose names are "object.method".

    Args:
        functions: By their full names.
    """
    found: dict[str, Any] = {name: function for name, function in functions.items() if "." not in name}
    for owner in dict.fromkeys(name.partition(".")[0] for name in functions if "." in name):
        own = [name for name in functions if name.startswith(f"{owner}.")]
        found[owner] = HostObject(owner, {name.partition(".")[2]: functions[name] for name in own})
    return found


def create_task(awaitable: Any, **_: Any) -> Any:
    """`asyncio.create_task`, for what a function of the host gives, too.

    Args:
        awaitable: What is to run.
    """
    import asyncio

    return asyncio.ensure_future(awaitable)


class Stream:
    """`sys.stdout` or `sys.stderr`, as code has it.

    Args:
        show: Takes the stream's name and a text.
        name: "stdout" or "stderr".
    """

    def __init__(self, show: Any, name: str) -> None:
        self._show, self._name = show, name

    def write(self, text: str) -> int:
        """Print a text as it is.

        Args:
            text: The text.
        """
        if type(text) is not str:
            raise TypeError("write() takes text")
        self._show(self._name, text)
        return len(text)

    def flush(self) -> None:
        """Nothing: what is printed is there at once."""


class Printer:
    """`print`.

    Args:
        out: Where it prints to.
        err: The other stream that `file=` may name.
    """

    def __init__(self, out: Stream, err: Stream) -> None:
        self._out, self._streams = out, (out, err)

    def __call__(
        self, *values: object, sep: str | None = " ", end: str | None = "\n", file: Any = None, **_: Any
    ) -> None:
        """Print values, with their own text, in the code's thread.

        Args:
            values: Any.
            sep: What stands between them.
            end: What stands behind.
            file: One of the two streams.
        """
        stream = self._out if file is None else file
        if stream not in self._streams:
            raise TypeError("print() can write to sys.stdout and sys.stderr only")
        text = (" " if sep is None else sep).join("".join(str(value)) for value in values)
        stream.write("".join([text, "\n" if end is None else end]))
