"""Sync functions in threads of their own, that can be given up."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from core_plus.cancellation import Interrupted
from core_plus.events import Warned
from core_plus.messages import ToolCall
from core_plus.ops import Invoke
from core_plus.result import Abandoned
from core_plus.run import Run

GRACE = 2.0
"""Seconds that a sync tool gets to return after its run was told to stop."""


class Gate(Future[Any]):
    """What a sync function in a worker thread gives, waiting no longer than it may."""

    def __init__(self) -> None:
        super().__init__()
        self._settling = threading.Lock()

    def settle(self, done: Future[Any] | None, error: BaseException | None, first: Callable[[], object] = int) -> None:
        """Set it, unless that was done before; `first` is called before anyone who waits goes on."""
        with self._settling:
            if self.done():
                return
            first()
            if error is not None:
                self.set_exception(error)
            else:
                self.set_result(done.result() if done else None)


def gated(op: Invoke, run: Run, function: Callable[..., Any] | None = None) -> Gate:
    """Begin a sync function in a worker thread.

    Args:
        op: What to call.
        run: Whose operation; when it is told to stop, the function gets `GRACE` seconds.
        function: Instead of the operation's own.
    """
    gate, context = Gate(), contextvars.copy_context()
    timers: list[threading.Timer] = []
    work = run.host.workers.submit(lambda: context.run(function or op.function, *op.args, **op.kwargs))

    def give_up(error: BaseException) -> None:
        gate.settle(None, error, lambda: op.given_up(work) if op.given_up is not None else None)

    def after(seconds: float, error: BaseException) -> None:
        timers.append(timer := threading.Timer(seconds, give_up, (error,)))
        timer.daemon = True
        timer.start()

    def tidy(_: object) -> None:
        forget()
        for timer in timers:
            timer.cancel()

    forget = run.cancellation.on_cancel(lambda: after(GRACE, Interrupted(run.cancellation.reason)))
    if op.timeout is not None:
        after(op.timeout, TimeoutError(f"no answer within {op.timeout:g} seconds"))
    work.add_done_callback(lambda done: gate.settle(done, done.exception()))
    gate.add_done_callback(tidy)
    return gate


def giving_up(run: Run, call: ToolCall) -> Callable[[Any], None]:
    """What is told when a tool is given up: it stands in the result, with what comes of it later.

    Args:
        run: Whose tool.
        call: Which call.
    """

    def given_up(future: Any) -> None:
        left = Abandoned(call.name, call.id)
        run.abandoned.append(left)
        run.emit(Warned(text=f"tool {call.name} goes on in its thread: it did not return when it was told to stop"))

        def late(done: Any) -> None:
            error = done.exception()
            left.value = None if error else done.result()
            left.outcome = f"raised {type(error).__name__}: {error}" if error else f"returned {left.value!r:.200}"

        future.add_done_callback(late)

    return given_up
