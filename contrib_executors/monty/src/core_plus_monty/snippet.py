"""What a session knows of the snippet that is running, and how the snippet goes on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from core_plus.executors import Answer, CodeError, CodeRequest, Output, Paused, Setup
from core_plus_monty.errors import RAISABLE, no_module
from core_plus_monty.source import Prepared
from core_plus_monty.values import MAX_NAME, Giver, Unsendable, take
from core_plus_worker.code import Clip

if TYPE_CHECKING:
    from pydantic_monty import FunctionSnapshot, FutureSnapshot, SyncSnapshot

Go: TypeAlias = "Callable[[], SyncSnapshot]"
"""Lets Monty go on, and gives where it stops next."""

GRACE: Final = 0.05
"""Seconds in which code may end softly; then its worker is killed."""

SHOW: Final = 0.05
"""Seconds between two pauses that only show output."""

LEAVE: Final = {"exc_type": "KeyboardInterrupt"}
"""How code is ended at a call: this passes `except Exception`, and `finally` does its work."""


class Snippet:
    """One running snippet.

    Args:
        setup: What the session was opened with.
        prepared: The code.
        awaited: Where calls stand whose value is awaited: the file's name, start and end.
        giver: Makes values ready for Monty.
    """

    def __init__(
        self, setup: Setup, prepared: Prepared, awaited: frozenset[tuple[str, int, int]], giver: Giver
    ) -> None:
        self.setup, self.prepared, self._awaited, self._giver = setup, prepared, awaited, giver
        self.step: SyncSnapshot | None = None
        self.go: Go | None = None
        self.final: list[Any] = []
        self.stopped: CodeError | None = None
        self.kill_at = math.inf
        self.open: dict[int, tuple[str, int | None]] = {}
        self.timers: dict[int, float] = {}
        self.wake_at: float | None = None
        self.calls = 0
        self.used = self.computed = 0.0
        self.kinds: dict[tuple[str, str], str] = {}
        self._requests: list[CodeRequest] = []
        self._settled: dict[int, Any] = {}
        self._fresh: list[Output] = []
        self._shown_at = 0.0
        self._told = False
        self.stdout, self.stderr = Clip(setup.limits.output), Clip(setup.limits.output)

    # -- output

    def print(self, stream: Literal["stdout", "stderr"], text: str) -> None:
        """Keep printed text.

        Args:
            stream: Where to.
            text: What was printed.
        """
        shown = (self.stdout if stream == "stdout" else self.stderr).feed(text)
        if shown and self.setup.stream:
            if self._fresh and self._fresh[-1].stream == stream:
                shown = self._fresh.pop().text + shown
            self._fresh.append(Output(shown, stream))

    def take_fresh(self) -> tuple[Output, ...]:
        """What was printed since the last look, to be shown now."""
        fresh, self._fresh, self._shown_at = tuple(self._fresh), [], time.monotonic()
        return fresh

    # -- pauses

    def paused(self, running: bool = False) -> Paused:
        """The snippet as it stands.

        Args:
            running: Whether Monty is at work.
        """
        requests, self._requests, self._told = tuple(self._requests), [], True
        return Paused(requests, self.take_fresh(), running or bool(self.timers) or self.wake_at is not None)

    def is_pause_due(self, running: bool) -> bool:
        """Whether the host is to look now.

        Args:
            running: Whether Monty is at work.
        """
        if self._fresh and time.monotonic() >= self._shown_at + SHOW:
            return True
        return not running and bool(self._requests or (self.open and not self._told))

    def patience(self, deadline: float | None) -> float | None:
        """How many seconds may be waited before something is to be done; None: until something comes."""
        due = [self.kill_at, *self.timers.values()]
        due += [at for at in (deadline, self.wake_at) if at is not None]
        due += [self._shown_at + SHOW] if self._fresh else []
        soonest = min(due)
        return None if soonest == math.inf else max(0.0, soonest - time.monotonic())

    def time_left(self) -> float | None:
        """Seconds that the code may still run; None: the clock stands still, or there is no limit."""
        limit = self.setup.limits.seconds
        return None if limit is None or self.open else limit - self.used

    def waited(self, now: float, began: float) -> float:
        """Seconds of the code's time in which it didn't compute: Monty's clock knows nothing of them.

        Args:
            now: The time.
            began: Since when the code has its turn.
        """
        return self.used + now - began - self.computed

    # -- what goes on

    def stop(self, error: CodeError) -> None:
        """End the code where it waits; it may clean up for a moment.

        Args:
            error: Why.
        """
        self.stopped, self.kill_at = error, time.monotonic() + GRACE
        self.open.clear()
        self._requests.clear()
        self.go = self._leave() if self.step is not None else no_step

    def next(self) -> Go | None:
        """How Monty goes on now; None: something must come first."""
        go, self.go = self.go, None
        if go is not None:
            return go
        now = time.monotonic()
        if self.wake_at is not None and now >= self.wake_at:
            self.wake_at = None
            return self._returning(None)
        for call in [call for call, due in self.timers.items() if now >= due]:
            del self.timers[call]
            self._settled[call] = {"return_value": None}
        pending = getattr(self.step, "pending_call_ids", None)
        ready = {call: self._settled.pop(call) for call in pending or () if call in self._settled}
        if not ready:
            return None
        future: FutureSnapshot = self.step  # type: ignore[assignment]  # only these have pending calls
        return lambda: future.resume(ready)

    def arrived(self, step: SyncSnapshot) -> None:
        """Monty has stopped: see what it wants.

        Args:
            step: Where it stands.
        """
        from pydantic_monty import FunctionSnapshot, NameLookupSnapshot

        self.step, self._told = step, False
        if isinstance(step, NameLookupSnapshot):
            self.go = step.resume  # all names that there are were given
        elif isinstance(step, FunctionSnapshot):
            if self.final or self.stopped:
                self.go = self._leave()
            elif step.is_os_function:
                self._system(step)
            elif step.object_id is not None:
                self.go = self._raising(
                    "AttributeError", f"objects of the host have no methods here: {step.function_name}"
                )
            else:
                self._call(step)
        elif (self.final or self.stopped) and hasattr(step, "pending_call_ids"):
            self.go = self._leave()

    def _call(self, step: FunctionSnapshot) -> None:
        """The code calls something that Monty doesn't know."""
        name = step.function_name
        try:
            if name in self.setup.functions:
                self._request(step)
            elif name in self.setup.final:
                self.final.append(take(final_value(step.args, step.kwargs), self.setup.limits.result))
                self.go = self._leave()
            elif name in ("exit", "quit"):
                self.go = self._raising("SystemExit", str(step.args[0]) if step.args else "")
            elif name == "input":
                self.go = self._raising("EOFError", "there is nobody here to type an answer")
            else:
                self.go = self._raising("NameError", f"name '{name}' is not defined")
        except Unsendable as problem:
            what = "the final answer" if name in self.setup.final else f"an argument of {name}()"
            self.go = self._raising("ValueError", f"{what} can't leave the code: {problem}")

    def _request(self, step: FunctionSnapshot) -> None:
        limit, name = self.setup.limits.calls, str(step.function_name)
        if limit is not None and self.calls >= limit:
            self.stop(CodeError("CallLimit", f"the code made more than {limit} calls of functions"))
            return
        if any(len(key) > MAX_NAME for key in step.kwargs):
            raise Unsendable(f"a name of more than {MAX_NAME} characters")
        args, kwargs = take((step.args, step.kwargs), self.setup.limits.result)
        self.calls += 1
        place = (step.position.filename, step.position.start, step.position.end)
        later = name not in self.setup.final and (step.allow_eager_await or place in self._awaited)
        self.open[self.calls] = name, step.call_id if later else None
        self._requests.append(CodeRequest(self.calls, name, args, kwargs))
        if later:
            self.go = lambda: step.resume({"future": ...})

    def _system(self, step: FunctionSnapshot) -> None:
        """The code sleeps, imports what Monty doesn't have, or wants something of the system that isn't there."""
        name = step.function_name
        if name == "time.sleep":
            self.wake_at = time.monotonic() + float(step.args[0])
        elif name == "asyncio.sleep":
            self.timers[step.call_id] = time.monotonic() + float(step.args[0])
            self.go = lambda: step.resume({"future": ...})
        elif name == "import":
            module = str(step.args[0])
            refused = self.prepared.refused.get(module)
            kind = "ModuleNotFoundError" if refused is None else "ImportError"
            self.go = self._raising(kind, no_module(refused or module, self.setup.imports))
        else:
            self.go = step.resume_not_handled

    # -- answers

    def answer(self, answer: Answer) -> None:
        """Take the host's answer to an open request.

        Args:
            answer: Its id must be one of the open ones.
        """
        name, call = self.open.pop(answer.id)
        if self.stopped is not None:
            return
        if answer.error is None and name in self.setup.final:
            self.final.append(answer.value)
            self.go = self._leave()
            return
        result: Mapping[str, Any]
        if answer.error is None:
            try:
                result = {"return_value": self._giver.give(answer.value)}
            except Unsendable as problem:
                result = self._failure("ToolError", f"the result of {name}() can't be given to the code: {problem}")
        else:
            result = self._failure(answer.kind, answer.error)
        if call is not None:
            self._settled[call] = result
        else:
            plain: FunctionSnapshot = self.step  # type: ignore[assignment]  # a plain call waits in one
            self.go = lambda: plain.resume(result)  # type: ignore[arg-type]  # one of ExternalResult's forms

    def _failure(self, kind: str, text: str) -> dict[str, Any]:
        """An error as Monty raises it; where it has none of that name, another one that is remembered."""
        if not text.isascii():
            text = text.encode(errors="replace").decode()
        known = kind if kind in RAISABLE else "Exception"
        self.kinds.pop((known, text), None)
        if known != kind:
            self.kinds[known, text] = kind
        return {"exc_type": known, "message": text}

    def _raising(self, kind: str, text: str) -> Go:
        step: FunctionSnapshot = self.step  # type: ignore[assignment]  # only a call is answered so
        failure: Any = self._failure(kind, text)
        return lambda: step.resume(failure)

    def _returning(self, value: Any) -> Go:
        step: FunctionSnapshot = self.step  # type: ignore[assignment]  # only a call is answered so
        return lambda: step.resume({"return_value": value})

    def _leave(self) -> Go:
        """End the code at the call, or the await, in which it is."""
        step: Any = self.step
        self.wake_at = None
        self.timers.clear()
        pending = getattr(step, "pending_call_ids", None)
        if pending is None:
            return lambda: step.resume(LEAVE)
        return lambda: step.resume({pending[0]: LEAVE})


def final_value(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The final answer: the one argument, or all of them where there are more.

    Args:
        args: Positional ones.
        kwargs: Named ones.
    """
    values = [*args, *kwargs.values()]
    if len(values) == 1:
        return values[0]
    return dict(kwargs) if kwargs and not args else tuple(values) or None


def no_step() -> SyncSnapshot:
    """Stands for code that was stopped before it began.

    Raises:
        RuntimeError: Always.
    """
    raise RuntimeError("it was stopped before it began")
