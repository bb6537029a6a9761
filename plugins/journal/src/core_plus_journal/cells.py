"""Having an interpreter back as it was: its code runs again from the start, answered from the journal."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import attrs
import msgspec

from core_plus import effects as fx
from core_plus.coding import prepare
from core_plus.errors import Divergence
from core_plus.executors import Answer, CodeError, CodeRequest, Done, Paused
from core_plus.ops import Invoke, Ops
from core_plus.run import Run
from core_plus_journal.values import arguments_tree, same, tree_of

STOPPED = ("TimeLimit", "MemoryLimit", "CallLimit", "Interrupted")
"""How code ends that something else has stopped."""


@attrs.define
class Cell:
    """A snippet as it went.

    Args:
        code: Its source.
        number: Its place among the run's, from 1.
        requests: The calls that it made, by their numbers.
        deliveries: The answers that it got, in the order in which it got them.
        rests: For each, whether the code was seen to wait for answers only, before it came.
        at_rest: Whether it was last seen so.
        done: How it ended; None while it hasn't.
        assigned: Variables that the session was given before it.
    """

    code: str
    number: int
    requests: dict[int, CodeRequest] = attrs.field(factory=dict)
    deliveries: list[tuple[Answer, ...]] = attrs.field(factory=list)
    rests: list[bool] = attrs.field(factory=list)
    at_rest: bool = False
    done: Done | None = None
    assigned: Mapping[str, Any] = attrs.field(factory=dict)

    def note(self, turn: Paused | Done) -> None:
        """Note what came out of it.

        Args:
            turn: The latest.
        """
        if isinstance(turn, Done):
            self.done = turn
        else:
            self.requests.update({request.id: request for request in turn.requests})
            self.at_rest = not turn.running

    def deliver(self, answers: tuple[Answer, ...]) -> None:
        """Note what it was given.

        Args:
            answers: To its calls.
        """
        self.deliveries.append(answers)
        self.rests.append(self.at_rest)


class Cells:
    """The snippets of a run and of its inner runs, as far as they were repeated from the journal."""

    def __init__(self) -> None:
        self._cells: dict[str, list[Cell]] = {}
        self._variables: dict[str, dict[str, Any]] = {}
        self._surplus: dict[str, Paused] = {}
        self._seen: set[str] = set()
        self._busy: dict[str, threading.Event] = {}

    def follow(self, run: Run, earlier: Cells, earlier_id: str) -> None:
        """Begin where an earlier run of the same conversation ended, in the same interpreter.

        Args:
            run: The later run.
            earlier: The earlier run's, repeated to its end.
            earlier_id: That run's id.
        """
        cells = earlier._cells.get(earlier_id, [])
        if cells and cells[-1].done is not None:  # one whose code was left in the middle keeps no interpreter
            self._cells[run.id] = [*cells]
            self._variables[run.id] = earlier._variables[earlier_id]

    def note(self, run: Run, effect: fx.RunCode | fx.ResumeCode, turn: Paused | Done) -> None:
        """Note a turn that was given back from the journal.

        Args:
            run: Whose code.
            effect: What was wanted.
            turn: What came of it.
        """
        cells = self._cells.setdefault(run.id, [])
        if isinstance(effect, fx.RunCode):
            is_first = run.id not in self._seen
            self._seen.add(run.id)
            self._variables.setdefault(run.id, dict(run.variables))
            assigned = dict(run.variables) if is_first and cells else {}
            cells.append(Cell(effect.code, len(cells) + 1, assigned=assigned))
        elif effect.answers:
            cells[-1].deliver(effect.answers)
        cells[-1].note(turn)
        if isinstance(turn, Done) and turn.error is not None and turn.error.lost:
            cells.clear()  # what came after it began in a fresh interpreter

    def wanted(self, run: Run, effect: fx.RunCode | fx.ResumeCode, was_begun: bool) -> int:
        """How many snippets must run again before an effect is performed.

        Args:
            run: Whose code.
            effect: What is about to be performed.
            was_begun: Whether it was begun in an earlier process.
        """
        if run.space.session is not None:
            return 0
        return len(self._cells.get(run.id, ())) + (was_begun and isinstance(effect, fx.RunCode))

    def forget(self, run: Run) -> None:
        """Go on with a fresh interpreter.

        Args:
            run: Whose code.
        """
        self._cells.pop(run.id, None)

    def rebuild(self, run: Run) -> Ops:
        """Have the run's interpreter back.

        Args:
            run: Whose code.

        Raises:
            Divergence: The code doesn't do what it did.
        """
        cells, variables = self._cells.pop(run.id, []), self._variables.pop(run.id, {})
        if not cells:
            return
        self._busy[run.id] = threading.Event()
        try:
            yield from self._rebuilt(run, cells, variables)
        finally:
            self._busy.pop(run.id).set()

    def ready(self, run: Run) -> Ops:
        """Wait until the run's interpreter is back, where another branch is having it back.

        Args:
            run: Whose code.
        """
        busy = self._busy.get(run.id)
        if busy is not None:
            yield Invoke(busy.wait)

    def surplus(self, run: Run) -> Paused | None:
        """Calls that code made while it was brought back, beyond what the journal has; told once.

        The code may be waiting for nothing but their answers: whoever waits for it must hear of them first.

        Args:
            run: Whose code.
        """
        return self._surplus.pop(run.id, None)

    def with_surplus(self, run: Run, turn: Paused | Done) -> Paused | Done:
        """What code came out with while it was brought back, beside what it says now.

        Args:
            run: Whose code.
            turn: What it says now.
        """
        more = self.surplus(run)
        if more is None or isinstance(turn, Done):
            return turn
        return msgspec.structs.replace(turn, requests=(*more.requests, *turn.requests))

    def _rebuilt(self, run: Run, cells: list[Cell], variables: Mapping[str, Any]) -> Ops:
        setup = msgspec.structs.replace(run.bound.agent.setup(run), variables=variables)
        session: Any = yield Invoke(run.bound.executor.open, (setup,))
        # Where all of it is an earlier run's, this run's own variables are still to be given.
        run.space.session, run.space.run_id = session, run.id if run.id in self._seen else ""
        run.space.is_ready = False
        yield from prepare(run)
        run.space.busy = True
        forget = run.cancellation.on_cancel(session.interrupt)
        try:
            for cell in cells:
                surplus = yield from _Repeat(run, session, cell).go()
                if surplus is not None:
                    self._surplus[run.id] = surplus
            run.space.busy = cells[-1].done is None
        finally:
            forget()


class _Repeat:
    """One snippet run again, and held against what it did."""

    def __init__(self, run: Run, session: Any, cell: Cell) -> None:
        self.run, self.session, self.cell = run, session, cell
        self.open: set[int] = set()
        self.more: list[CodeRequest] = []
        self.turn: Paused | Done = Paused()

    def go(self) -> Ops:
        cell = self.cell
        if cell.assigned:
            yield Invoke(self.session.assign, (cell.assigned,))
        self._take((yield Invoke(self.session.start, (cell.code,))))
        for delivery, at_rest in zip(cell.deliveries, cell.rests, strict=True):
            yield from self._until({answer.id for answer in delivery}, at_rest)
            self._take((yield Invoke(self.session.resume, (delivery,))))
        if cell.done is not None:
            while not isinstance(self.turn, Done):
                self._take((yield Invoke(self.session.resume, ((),))))
            self._compare(self.turn, cell.done)
            return None
        yield from self._until(set(cell.requests), cell.at_rest)
        running = isinstance(self.turn, Paused) and self.turn.running
        return Paused(tuple(self.more), running=running) if self.more else None

    def _until(self, wanted: set[int], at_rest: bool) -> Ops:
        """Wait until the code has made these calls, and has dealt with the answers before, where it had done so."""
        while not wanted <= self.open or (at_rest and isinstance(self.turn, Paused) and self.turn.running):
            if isinstance(self.turn, Done):
                missing = self.cell.requests.get(min(wanted - self.open))
                words = f"calls {missing.name}" if missing else "goes on"
                error = f" ({self.turn.error.kind}: {self.turn.error.message})" if self.turn.error else ""
                self._differs(f"it ends{error} where it {words} in the journal", self.turn.error)
            self._take((yield Invoke(self.session.resume, ((),))))

    def _take(self, turn: Paused | Done) -> None:
        self.turn = turn
        for request in turn.requests if isinstance(turn, Paused) else ():
            self.open.add(request.id)
            was = self.cell.requests.get(request.id)
            if was is None and self.cell.done is None:
                self.more.append(request)
            elif was is None:
                self._differs(f"it calls {request.name}, which it doesn't in the journal", request)
            elif request.name != was.name or not same(
                arguments_tree(request.args, request.kwargs), arguments_tree(was.args, was.kwargs)
            ):
                self._differs(f"it calls {_call(request)}, where the journal has {_call(was)}", request)

    def _compare(self, turn: Done, was: Done) -> None:
        if _fault(turn) != _fault(was):
            self._differs(f"it ends with {_ending(turn)}, where the journal has {_ending(was)}", turn.error)
        for name in ("stdout", "stderr"):
            now, then = getattr(turn, name).splitlines(), getattr(was, name).splitlines()
            for line in range(max(len(now), len(then))):
                one, other = (lines[line] if line < len(lines) else None for lines in (now, then))
                if one != other:
                    self._differs(f"line {line + 1} of what it prints is {one!r:.200}, {other!r:.200} in the journal")
        if not same(tree_of(turn.value), tree_of(was.value)):
            self._differs(f"its value is {turn.value!r:.200}, {was.value!r:.200} in the journal")

    def _differs(self, what: str, where: CodeError | CodeRequest | None = None) -> None:
        line = f", line {where.line}" if where is not None and where.line else ""
        raise Divergence(
            f"run {self.run.id}: snippet {self.cell.number}{line} doesn't do what it did: {what}. Code that depends on "
            "the time, on random numbers or on files can't be repeated; fork the run before this step"
        )


def _fault(done: Done) -> tuple[Any, ...]:
    """What must be the same of how code fails; where it was when it was stopped depends on the machine."""
    if done.error is None:
        return ()
    return (done.error.kind,) if done.error.kind in STOPPED else (done.error.kind, done.error.line)


def _call(request: CodeRequest) -> str:
    words = [*map(repr, request.args), *(f"{name}={value!r}" for name, value in request.kwargs.items())]
    return f"{request.name}({', '.join(words)[:200]})"


def _ending(done: Done) -> str:
    return f"{done.error.kind}: {done.error.message:.200}" if done.error else "no error"
