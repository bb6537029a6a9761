"""A session in Monty: the kernel's `Session` on a worker of its pool."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from core_plus.errors import ExecutorError
from core_plus.executors import Answer, CodeError, Done, Setup, Turn
from core_plus_monty.engine import Engine
from core_plus_monty.errors import ALL, error_of, is_memory_gone, is_time_up, memory_error, syntax_error, time_text
from core_plus_monty.saved import packed
from core_plus_monty.snippet import Snippet
from core_plus_monty.source import Prepared, prepare
from core_plus_monty.values import Giver, Standing, Unsendable, take
from core_plus_worker import Opaque
from core_plus_worker.door import Door

if TYPE_CHECKING:
    from pydantic_monty import MontyComplete
    from pydantic_monty import MontySession as Checkout

KEPT: Final = 100
"""Snippets whose lines are kept for tracebacks; of older ones Monty gives the line as it ran it."""

IDLE: Final = 0.02
"""Seconds of sleep and waiting that a snippet may have had while Monty's own clock is still near enough to ours."""

LATE: Final = 0.06
"""Seconds after its deadline in which Monty may end code by itself; then its process is killed."""

INTERRUPTED: Final = CodeError("Interrupted", "the code was interrupted")

PRELUDE: Final = "ToolError = Exception"
"""Monty has no exception classes of one's own: what a tool raises has Python's names, and this one catches it."""


class MontySession:
    """One interpreter with its variables, in a worker process of Monty's.

    Code that is stopped where it waits (a call, a sleep) keeps its variables. Code that is stopped while it computes
    loses all of them: what they are then, Monty doesn't promise. The next snippet finds a fresh interpreter with the
    variables that the session was given.

    Args:
        checkout: Gives a fresh worker.
        setup: What the session starts with.
        state: What `dump` of a worker gave, to begin with; None is a fresh start.
        feeds: How many snippets that worker had run.

    Raises:
        ExecutorError: No worker can be had, or a variable can't be given.
    """

    def __init__(
        self, checkout: Callable[[], Checkout], setup: Setup, *, state: bytes | None = None, feeds: int = 0
    ) -> None:
        self._new, self._setup, self._giver = checkout, setup, Giver()
        self._functions = host_functions([*setup.functions, *setup.final])
        self._sources: dict[str, list[str]] = {}
        self._prepared: dict[str, Prepared] = {}
        self._awaited: deque[frozenset[tuple[str, int, int]]] = deque(maxlen=KEPT)
        self._news, self._interrupted = threading.Event(), False
        self._door = Door(self._news.set)
        self._snippet: Snippet | None = None
        self._end: Done | None = None
        self._engine: Engine | None = None
        self._variables = self._given(setup.variables)
        self._open(state, feeds)

    # -- the Session protocol

    def start(self, code: str) -> Turn:
        with self._door:
            self._refuse_if_running()
            engine = self._engine or self._open()
            with self._door.mutex:
                self._interrupted, self._end = False, None
                snippet = self._snippet = self._begin(code, engine)
            return self._go_on(snippet, engine)

    def resume(self, answers: Sequence[Answer]) -> Turn:
        with self._door:
            snippet, engine = self._snippet, self._engine
            if snippet is None or engine is None:
                if self._end is None:
                    raise ExecutorError("no snippet is running: start one first")
                return self._end
            for answer in answers:
                if answer.id not in snippet.open:
                    raise ExecutorError(f"no request {answer.id} is open; open are: {list(snippet.open) or 'none'}")
                if not self._interrupted:  # not one line more of the code shall run
                    snippet.answer(answer)
            return self._go_on(snippet, engine)

    def assign(self, variables: Mapping[str, Any]) -> None:
        with self._door:
            self._refuse_if_running()
            given = self._given(variables)
            self._variables.update(given)
            if self._engine is None:
                self._open()
            else:
                self._engine.run("", given)

    def interrupt(self) -> None:
        with self._door.mutex:
            if self._snippet is None:
                return
            self._interrupted = True
            self._stop_work()
        self._news.set()

    def close(self) -> None:
        if self._door.shut(self._stop_work):
            with self._door.inside:
                self._drop()

    # -- beyond the protocol

    def snapshot(self) -> bytes:
        """All variables, functions and classes between two snippets, for `MontyExecutor.restore`.

        It takes about 0.2 ms and 40 KB beside the variables themselves; while it is made, their memory is needed twice
        more.

        Raises:
            ExecutorError: A snippet is running; or the memory limit is too small for it, and all variables are lost.
        """
        from pydantic_monty import MontyError

        with self._door:
            self._refuse_if_running()
            engine = self._engine or self._open()
            try:
                return packed(engine.worker.dump(), engine.feeds, self._setup.limits)
            except MontyError as error:
                self._drop()
                raise ExecutorError(
                    f"the session can't be saved, and {ALL} are lost: {error}; raise limits.memory"
                ) from None

    def _refuse_if_running(self) -> None:
        if self._snippet is not None:
            raise ExecutorError("a snippet is still running: resume it, or interrupt it first")

    # -- the worker

    def _open(self, state: bytes | None = None, feeds: int = 0) -> Engine:
        """Take a fresh worker and give it what the session has."""
        from pydantic_monty import MontyError

        engine = self._engine = Engine(self._new(), self._news)
        self._sources.clear()
        self._awaited.clear()
        try:
            if state is None:
                engine.run(PRELUDE, self._variables)
            else:
                engine.worker.load_session(state)
                engine.feeds = feeds
        except MontyError as error:
            self._drop()
            what = "start" if state is None else "be restored"
            raise ExecutorError(f"the session can't {what}: {error}") from None
        return engine

    def _given(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        given = {}
        for name, value in variables.items():
            try:
                given[name] = self._giver.give(value)
            except Unsendable as problem:
                raise ExecutorError(f"the variable {name!r} can't be given to the code: {problem}") from None
        return given

    def _stop_work(self) -> None:
        """End the process if it computes; where it waits, the code is ended softly."""
        if self._engine is not None and self._engine.working:
            self._engine.stop()

    def _drop(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    # -- a snippet

    def _begin(self, code: str, engine: Engine) -> Snippet:
        prepared = self._prepared.get(code)
        if prepared is None:
            prepared = prepare(code, self._setup.imports)
            if len(self._prepared) >= KEPT:
                self._prepared.clear()
            self._prepared[code] = prepared
        file = f"<python-input-{engine.feeds}>"
        engine.feeds += 1
        self._sources[file] = code.split("\n")
        if len(self._sources) > KEPT:
            del self._sources[next(iter(self._sources))]
        if prepared.awaited:
            self._awaited.append(frozenset((file, *place) for place in prepared.awaited))
        awaited: frozenset[tuple[str, int, int]] = frozenset().union(*self._awaited)
        snippet = Snippet(self._setup, prepared, awaited, self._giver)
        snippet.go = lambda: engine.worker.feed_start(
            prepared.text, inputs=dict(self._functions), print_callback=snippet.print
        )
        return snippet

    def _go_on(self, snippet: Snippet, engine: Engine) -> Turn:
        """Let Monty work until there is something for the host to do."""
        left, began = snippet.time_left(), time.monotonic()
        deadline = None if left is None else began + left
        try:
            while True:
                self._news.clear()
                turn = self._work(snippet, engine, deadline, began) or self._watch(snippet, engine, deadline)
                if turn is not None:
                    return turn
                due = deadline + LATE if deadline is not None and engine.working else deadline
                self._news.wait(snippet.patience(due))
        except BaseException:  # the caller's own Ctrl-C, in the middle of a turn
            self._snippet = None
            self._drop()
            raise
        finally:
            if deadline is not None:
                snippet.used += time.monotonic() - began

    def _work(self, snippet: Snippet, engine: Engine, deadline: float | None, began: float) -> Turn | None:
        """Give Monty what it waits for, turn by turn, until it is done, waits for the host or works in its thread."""
        from pydantic_monty import MontyComplete

        while not engine.working:
            result = engine.result()
            if isinstance(result, Exception):
                return self._failed(snippet, result)
            if isinstance(result, MontyComplete):
                return self._completed(snippet, result)
            if result is not None:
                snippet.arrived(result)
            if snippet.stopped is None:
                if self._interrupted or self._door.is_closed:
                    snippet.stop(INTERRUPTED)
                elif deadline is not None and time.monotonic() >= deadline:
                    snippet.stop(CodeError("TimeLimit", time_text(self._setup.limits)))
            go = snippet.next()
            if go is None:
                return None
            now = time.monotonic()
            apart = self._setup.stream or snippet.stopped is not None or snippet.waited(now, began) > IDLE
            engine.turn(go, apart)
            snippet.computed += time.monotonic() - now
        return None

    def _watch(self, snippet: Snippet, engine: Engine, deadline: float | None) -> Turn | None:
        """Whether the host is to look now, and whether the worker must go."""
        now = time.monotonic()
        if engine.working and (now >= snippet.kill_at or (deadline is not None and now >= deadline + LATE)):
            snippet.stopped = snippet.stopped or CodeError("TimeLimit", time_text(self._setup.limits))
            engine.stop()
        elif self._door.visitors or snippet.is_pause_due(engine.working):
            return snippet.paused(engine.working)
        return None

    # -- its end

    def _completed(self, snippet: Snippet, end: MontyComplete) -> Done:
        if self._interrupted:
            return self._failed(snippet, RuntimeError("it was stopped"))
        value = end.output
        has_value = snippet.prepared.has_value or value is not None
        if snippet.final or snippet.stopped:
            return self._done(snippet, snippet.stopped)
        try:
            value = take(value, self._setup.limits.result)
        except Unsendable as problem:
            value = Opaque(type(value).__name__, f"<{type(value).__name__}: {problem}>")
        return self._done(snippet, None, value, has_value)

    def _failed(self, snippet: Snippet, problem: Exception) -> Done:
        from pydantic_monty import MontyCrashedError, MontyError, MontySyntaxError

        gone = isinstance(problem, MontyCrashedError) or not isinstance(problem, MontyError)
        limits, error = self._setup.limits, snippet.stopped
        if self._interrupted or self._door.is_closed:
            error = error or INTERRUPTED
        if is_time_up(problem):
            gone, error = True, error or CodeError("TimeLimit", time_text(limits))
        elif is_memory_gone(problem):
            gone, error = True, error or memory_error(limits)
        elif gone:
            error = error or CodeError("Lost", f"the interpreter was lost: {problem}")
        elif isinstance(problem, MontyError):
            found = error_of(problem, self._sources, snippet.kinds, limits)
            if isinstance(problem, MontySyntaxError) and snippet.prepared.wrong is not None:
                found = syntax_error(*snippet.prepared.wrong)
            if error is not None:
                stack = found.traceback.removesuffix(f"{found.kind}: {found.message}\n")
                error = msgspec.structs.replace(error, traceback=stack, line=found.line)
            error = error or found
        if gone:
            self._drop()
            error = error and msgspec.structs.replace(error, lost=ALL)
        return self._done(snippet, error)

    def _done(self, snippet: Snippet, error: CodeError | None, value: Any = None, has_value: bool = False) -> Done:
        if snippet.final:
            value, has_value = snippet.final[0], True
            if error is not None and error.lost:
                snippet.print("stderr", f"[{ALL} are lost: {error.message}]\n")
            error = None
        with self._door.mutex:
            self._snippet = None
        self._end = Done(
            value,
            bool(snippet.final),
            snippet.stdout.text(),
            snippet.stderr.text(),
            error,
            has_value,
            snippet.take_fresh(),
        )
        return self._end


def host_functions(names: Sequence[str]) -> dict[str, Any]:
    """What stands for the host's functions, and for its objects: those of functions named "object.method".

    Args:
        names: The functions.
    """
    from pydantic_monty import ClassInstance

    found: dict[str, Any] = {name: function_named(name) for name in names if "." not in name}
    for owner in dict.fromkeys(name.partition(".")[0] for name in names if "." in name):
        methods = {name.partition(".")[2]: function_named(name) for name in names if name.startswith(f"{owner}.")}
        made = type(owner, (Standing,), {})()
        made.__dict__.update(methods)
        found[owner] = ClassInstance(made, eager_attrs=tuple(methods))
    return found


def function_named(name: str) -> Callable[[], None]:
    """What stands for a function of the host: Monty asks for its name only.

    Args:
        name: The name.
    """

    def stand_in() -> None:
        raise NotImplementedError(f"{name} is answered by the host")

    stand_in.__name__ = name
    return stand_in
