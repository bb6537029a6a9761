"""Carrying out operations: one scheduler of branches, and two ways to wait, in a thread or on an event loop.

The scheduler steps all branches of a run in one thread. What blocks is performed in place while there is only
one branch, and beside the others as soon as there are more. Where a run must wait for a person it yields a
`Waiting` and goes on when the answers are sent in: a run that holds still costs no thread.
"""

from __future__ import annotations

import contextvars
import heapq
import inspect
import itertools
import queue
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import CancelledError
from typing import Any

import msgspec

from core_plus.cancellation import Interrupted
from core_plus.effects import Outcome, Question
from core_plus.events import Event
from core_plus.gate import Gate, gated
from core_plus.ops import END, Collect, Emit, Invoke, Next, Nursery, Open, Ops, Spawn, Suspend, Turn, Wait
from core_plus.run import Run
from core_plus.watching import notify


class Waiting(msgspec.Struct):
    """The run holds still until these are answered: send a dict of answers by question id."""

    questions: tuple[Question, ...]


class _Perform(msgspec.Struct):
    """Perform an operation: in place, sending its `Outcome`; or beside the rest, if it names a branch."""

    op: Any
    branch: _Branch | None = None


_ANY = object()
"""Wait for the first of what is performed beside; send its branch and `Outcome`."""


class _Branch:
    __slots__ = ("key", "nursery", "ops")

    def __init__(self, ops: Ops, nursery: Nursery | None = None, key: Any = None) -> None:
        self.ops, self.nursery, self.key = ops, nursery, key


class _Scheduler:
    """Steps the branches of a run. What `go` yields is for the drivers below, or events and `Waiting`."""

    def __init__(self, ops: Ops, run: Run) -> None:
        main = _Branch(ops)
        self.run, self.alive, self.beside = run, {main}, 0
        self.ready = deque([(main, Outcome())])
        self.held: dict[str, tuple[_Branch, Question]] = {}
        self.turns: list[tuple[float, int, _Branch]] = []
        self.arrival = itertools.count()

    def go(self) -> Generator[Any, Any, Any]:
        try:
            while True:
                while self.ready:
                    branch, given = self.ready.popleft()
                    op: Any = _stepped(branch, given)
                    if isinstance(op, Outcome) and branch.nursery is None:
                        return op.get()
                    if type(op) is Emit:
                        yield op.event
                        self.ready.appendleft((branch, Outcome()))
                    elif not self._arranged(branch, op):
                        yield from self._performed(branch, op)
                yield from self._awaited()
        finally:
            for branch in self.alive:
                branch.ops.close()

    def _arranged(self, branch: _Branch, op: Any) -> bool:
        """Whether an operation was one that needs no waiting."""
        kind, nursery = type(op), branch.nursery
        if kind is Outcome and nursery is not None:
            self.alive.discard(branch)
            nursery.done.append((branch.key, op))
            self.ready.extend(_collected(nursery))
        elif kind is Collect:
            op.nursery.collector = branch
            self.ready.extend(_collected(op.nursery))
        elif kind is Suspend:
            self.held[op.question.id] = branch, op.question
        elif kind is Turn:
            heapq.heappush(self.turns, (op.number, next(self.arrival), branch))
        elif kind is Spawn:
            self.alive.add(begun := _Branch(op.ops, op.nursery, op.key))
            self.ready.append((begun, Outcome()))
            self.ready.appendleft((branch, Outcome()))
        else:
            return False
        return True

    def _performed(self, branch: _Branch, op: Any) -> Generator[Any, Any, None]:
        """In place while nothing else goes on; a tool always beside, so that it is heard while it works."""
        if len(self.alive) > 1 or (type(op) is Invoke and op.given_up is not None):
            self.beside += 1
            yield _Perform(op, branch)
        else:
            self.ready.appendleft((branch, (yield _Perform(op))))

    def _awaited(self) -> Generator[Any, Any, None]:
        """Let the next one have its turn; else wait for the first of what is beside, or for answers."""
        if self.turns:
            self.ready.append((heapq.heappop(self.turns)[2], Outcome()))
            return
        if not self.beside:
            answers = (yield Waiting(tuple(question for _, question in self.held.values()))) or {}
            self.ready.extend((self.held.pop(key)[0], Outcome(answers[key])) for key in [*self.held] if key in answers)
            return
        item = yield _ANY
        if isinstance(item, Event):
            yield from _shown(self.run, item)
        else:
            self.beside -= 1
            self.ready.append(item)


def _stepped(branch: _Branch, given: Outcome) -> Any:
    """The branch's next operation, or the outcome that it ended with."""
    try:
        return branch.ops.send(given.value) if given.error is None else branch.ops.throw(given.error)
    except StopIteration as stop:
        return Outcome(stop.value)
    except BaseException as error:
        return Outcome(error=error)


def _shown(run: Run, event: Event) -> Generator[Event, None, None]:
    """Something that a tool at work has to say."""
    for observer in tuple(run.observers):
        notify(run, observer, event)
    if run.streaming:
        yield event


def _collected(nursery: Nursery) -> Generator[tuple[_Branch, Outcome], None, None]:
    """Hand what is done to whoever collects."""
    if nursery.collector is not None and nursery.done:
        collector, nursery.collector = nursery.collector, None
        yield collector, Outcome(nursery.done.popleft())


def drive(ops: Ops, run: Run) -> Generator[Any, Any, Any]:
    """Carry out operations in this thread.

    Args:
        ops: From the engine.
        run: Whose operations.

    Yields:
        Events, and a `Waiting` where the run holds still.
    """
    opened: list[Any] = []
    scheduler, reply = _Scheduler(ops, run).go(), None
    finished: queue.SimpleQueue[Any] = queue.SimpleQueue()
    run.post = finished.put
    try:
        while True:
            try:
                item = scheduler.send(reply)
            except StopIteration as stop:
                return stop.value
            if type(item) is not _Perform:
                reply = finished.get() if item is _ANY else (yield item)
            elif item.branch is None:
                reply = _performed(item.op, run, opened)
            else:
                reply = None
                _beside(item, run, opened, finished)
    finally:
        run.post = None
        scheduler.close()
        for stream in opened:
            run.host.close_one(stream)


def _beside(item: _Perform, run: Run, opened: list[Any], finished: queue.SimpleQueue[Any]) -> None:
    op, branch, context = item.op, item.branch, contextvars.copy_context()
    if type(op) is Invoke and op.where == "worker":
        gate = gated(op, run)
        gate.add_done_callback(lambda done: finished.put((branch, _outcome(done.result, op, run))))
        return
    work = run.host.workers.submit(lambda: context.run(_performed, op, run, opened))
    work.add_done_callback(lambda done: finished.put((branch, done.result())))


def _performed(op: Any, run: Run, opened: list[Any]) -> Outcome:
    return _outcome(lambda: _begun(op, run, opened, False), op, run)


def _outcome(begin: Callable[[], Any], op: Any, run: Run) -> Outcome:
    try:
        value = begin()
        if isinstance(value, Gate):
            value = value.result()
        return Outcome(_awaited(value, run, op) if inspect.isawaitable(value) else value)
    except BaseException as error:
        return Outcome(error=error)


def _awaited(awaitable: Any, run: Run, op: Any) -> Any:
    """Wait for something async in a sync run: on the host's event loop."""
    future = run.host.workers.submit_async(awaitable, getattr(op, "timeout", None))
    forget = run.cancellation.on_cancel(future.cancel if _is_stoppable(op) else int)
    try:
        return future.result()
    except CancelledError:
        if run.cancellation.cancelled:
            raise Interrupted(run.cancellation.reason) from None
        raise RuntimeError("something within it was cancelled") from None
    finally:
        forget()
        future.cancel()


def _is_stoppable(op: Any) -> bool:
    """Whether an operation is given up when the run is told to stop."""
    return not getattr(op, "to_the_end", False)


async def adrive(ops: Ops, run: Run) -> AsyncGenerator[Any, Any]:
    """Carry out operations on the running event loop.

    Args:
        ops: From the engine.
        run: Whose operations.

    Yields:
        Events, a `Waiting` where the run holds still, and at the very end the `Outcome`.
    """
    import asyncio

    opened: list[Any] = []
    scheduler, reply = _Scheduler(ops, run).go(), None
    finished: asyncio.Queue[Any] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    run.post = lambda event: loop.call_soon_threadsafe(finished.put_nowait, event)
    tasks: set[asyncio.Task[None]] = set()

    async def beside(item: _Perform) -> None:
        finished.put_nowait((item.branch, await _aperformed(item.op, run, opened)))

    try:
        while True:
            try:
                item = scheduler.send(reply)
            except StopIteration as stop:
                yield Outcome(stop.value)
                return
            reply = None
            if type(item) is not _Perform:
                reply = await finished.get() if item is _ANY else (yield item)
            elif item.branch is None:
                reply = await _aperformed(item.op, run, opened)
            else:
                tasks.add(task := asyncio.ensure_future(beside(item)))
                task.add_done_callback(tasks.discard)
    finally:
        run.post = None  # a tool that was given up may still speak, when the loop is gone
        for task in [*tasks]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        scheduler.close()
        for stream in opened:
            if hasattr(stream, "aclose"):
                await stream.aclose()
            elif hasattr(stream, "close"):
                stream.close()


async def _aperformed(op: Any, run: Run, opened: list[Any]) -> Outcome:
    import asyncio

    try:
        value = _begun(op, run, opened, True)
        if isinstance(value, Gate):
            value = await asyncio.wrap_future(value)
        return Outcome(await _stoppable(value, run, op) if inspect.isawaitable(value) else value)
    except BaseException as error:
        return Outcome(error=error)


async def _stoppable(awaitable: Any, run: Run, op: Any) -> Any:
    """Wait for something on the running loop, no longer than the run may go on."""
    import asyncio

    task, loop, pending = asyncio.current_task(), asyncio.get_running_loop(), True

    def stop() -> None:
        if pending and task is not None:
            task.cancel()

    forget = run.cancellation.on_cancel(lambda: loop.call_soon_threadsafe(stop) if _is_stoppable(op) else None)
    try:
        timeout = getattr(op, "timeout", None)
        return await (awaitable if timeout is None else asyncio.wait_for(awaitable, timeout))
    except asyncio.CancelledError:
        if task is not None and task.cancelling() == 0:
            raise RuntimeError("something within it was cancelled") from None
        if run.cancellation.cancelled and task is not None and task.uncancel() == 0:
            raise Interrupted(run.cancellation.reason) from None
        raise
    finally:
        pending = False
        forget()


def _begun(op: Any, run: Run, opened: list[Any], on_loop: bool) -> Any:
    """Begin an operation: its value, or a gate or something awaitable to wait for."""
    if type(op) is Wait:
        return op.awaitable
    if type(op) is Next:
        iterator = op.iterator
        if hasattr(iterator, "__anext__"):
            return anext(iterator, END)
        return gated(Invoke(next, (iterator, END)), run) if on_loop else next(iterator, END)
    function = (op.alternative or op.function) if on_loop else op.function
    if type(op) is Open:
        opened.append(stream := function(*op.args))
        return stream
    in_place = op.where == "caller" or (op.where == "blocking" and not on_loop)
    if (
        in_place
        or inspect.iscoroutinefunction(function)
        or inspect.iscoroutinefunction(getattr(function, "__call__", 0))  # noqa: B004 (what kind it is, not whether)
    ):
        return function(*op.args, **op.kwargs)
    return gated(op, run, function)
