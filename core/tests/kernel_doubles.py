"""What the kernel's tests share: models that say what they are told, an executor that runs code here."""

from __future__ import annotations

import ast
import contextlib
import functools
import io
import queue
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeVar

from core_plus import Ask, Event, Message, ModelRequest, ModelResponse, ToolCall, Usage, hookimpl, message, tool
from core_plus.effects import CallTool, Effect
from core_plus.executors import Answer, CodeError, CodeRequest, Done, Paused, Setup
from core_plus.models import Delta, TextDelta, as_deltas

E = TypeVar("E", bound=Event)
USAGE = Usage(input_tokens=10, output_tokens=2)
"""What a scripted model says that a call used."""


class Scripted:
    """A model that answers from a list: texts, parts, messages, errors to raise, or functions of the request."""

    def __init__(self, *replies: Any, usage: Usage | None = USAGE) -> None:
        self.replies, self.usage = list(replies), usage
        self.requests: list[ModelRequest] = []
        self._lock = threading.Lock()

    def forward(self, request: ModelRequest) -> ModelResponse:
        with self._lock:
            self.requests.append(request)
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if callable(reply):
            reply = reply(request)
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, ModelResponse):
            return reply
        return ModelResponse(reply if isinstance(reply, Message) else message("assistant", reply), self.usage)

    def __str__(self) -> str:
        return "scripted:test"


class AsyncScripted(Scripted):
    """The same, async."""

    async def forward(self, request: ModelRequest) -> ModelResponse:  # type: ignore[override]
        import asyncio

        await asyncio.sleep(0)
        return super().forward(request)


class Streaming(Scripted):
    """A model that streams what it says, words letter by letter."""

    def stream(self, request: ModelRequest) -> Iterator[Delta]:
        for delta in as_deltas(self.forward(request)):
            if isinstance(delta, TextDelta):
                yield from (TextDelta(letter) for letter in delta.text)
            else:
                yield delta


class AsyncStreaming(AsyncScripted):
    """The same, async."""

    async def stream(self, request: ModelRequest) -> AsyncIterator[Delta]:
        for delta in as_deltas(await self.forward(request)):
            yield delta


class Watcher:
    """An observer that keeps what it sees."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def observe(self, event: Event) -> None:
        self.events.append(event)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]


class Reviews:
    """A plugin that decides on effects by a function of them."""

    def __init__(self, decide: Callable[[Effect], Any]) -> None:
        self.decide = decide

    @hookimpl
    def review_effect(self, effect: Effect) -> Any:
        return self.decide(effect)


@tool
def pay(amount: int) -> str:
    """Pays: a tool that one wants to be asked about.

    Args:
        amount: How much.
    """
    return f"paid {amount}"


def asks_before(name: str) -> Reviews:
    """A plugin that has a person asked before a tool is called."""
    return Reviews(lambda effect: Ask() if isinstance(effect, CallTool) and effect.call.name == name else None)


def call(name: str, call_id: str = "", **arguments: Any) -> ToolCall:
    """A tool call as a model makes it."""
    return ToolCall(call_id, name, arguments)


class ThreadExecutor:
    """Runs code in a thread of this process: what a session does, with nothing around it. For tests only."""

    name, is_sandbox, imports = "thread", False, None

    def __init__(self) -> None:
        self.sessions: list[ThreadSession] = []

    def open(self, setup: Setup) -> ThreadSession:
        self.sessions.append(ThreadSession(setup))
        return self.sessions[-1]

    def close(self) -> None:
        for session in self.sessions:
            session.close()


_WAKE = object()


class _Final(BaseException):
    def __init__(self, value: Any) -> None:
        self.value = value


class ThreadSession:
    """One namespace. A function of the host blocks its thread until it is answered."""

    def __init__(self, setup: Setup) -> None:
        self.setup, self.closed, self.listening = setup, False, False
        self.names: dict[str, Any] = dict(setup.variables)
        self.names.update({name: self._function(name) for name in setup.functions})
        if "final_answer" not in setup.functions:
            self.names["final_answer"] = self._final
        self.turns: queue.Queue[Any] = queue.Queue()
        self.waiting: dict[int, queue.Queue[Answer]] = {}
        self.count = 0
        self._lock = threading.Lock()

    def _final(self, value: Any) -> None:
        raise _Final(value)

    def _function(self, name: str) -> Any:
        def function(*args: Any, **kwargs: Any) -> Any:
            with self._lock:
                self.count += 1
                number, inbox = self.count, queue.Queue()
                self.waiting[number] = inbox
            self.turns.put(CodeRequest(number, name, args, kwargs))
            answer = inbox.get()
            if answer.error is not None:
                raise RuntimeError(f"{answer.kind}: {answer.error}")
            if name in self.setup.final:
                raise _Final(answer.value)
            return answer.value

        return function

    def start(self, code: str) -> Paused | Done:
        self.count = 0
        threading.Thread(target=self._work, args=(code,), daemon=True).start()
        return self._turn()

    def resume(self, answers: tuple[Answer, ...]) -> Paused | Done:
        for answer in answers:
            self.waiting.pop(answer.id).put(answer)
        if self.listening:
            self.turns.put(_WAKE)
        while self.listening:
            time.sleep(0.001)
        return self._turn(wait=0.05 if self.waiting and answers else None)

    def _turn(self, wait: float | None = None) -> Paused | Done:
        """What comes next. With calls still open nobody can tell whether the code runs on, so look only shortly."""
        self.listening = wait is None
        try:
            item = self.turns.get(timeout=wait)
        except queue.Empty:
            return Paused(running=True)
        finally:
            self.listening = False
        if isinstance(item, Done) or item is _WAKE:
            return item if isinstance(item, Done) else Paused(running=True)
        requests = [item]
        with contextlib.suppress(queue.Empty):
            while True:  # calls made by several threads of the code at once come together
                item = self.turns.get(timeout=0.02)
                if isinstance(item, Done):
                    self.turns.put(item)
                    break
                requests.append(item)
        return Paused(tuple(requests))

    def _work(self, code: str) -> None:
        out, done = io.StringIO(), Done()
        # The process's own sys.stdout is left alone: code that was given up would put it back in another test.
        self.names["print"] = functools.partial(print, file=out)
        try:
            tree = ast.parse(code)
            last = tree.body.pop().value if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, "<cell>", "exec"), self.names)
            value = eval(compile(ast.Expression(last), "<cell>", "eval"), self.names) if last else None
            done = Done(value, has_value=last is not None)
        except _Final as final:
            done = Done(final.value, is_final=True)
        except Exception as error:
            done = Done(error=CodeError(type(error).__name__, str(error)))
        fields = {name: getattr(done, name) for name in ("value", "is_final", "error", "has_value")}
        self.turns.put(Done(**fields, stdout=out.getvalue()))

    def assign(self, variables: Any) -> None:
        self.names.update(variables)

    def interrupt(self) -> None:
        self.turns.put(Done(error=CodeError("Interrupted", "stopped")))

    def close(self) -> None:
        self.closed = True
