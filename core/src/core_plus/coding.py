"""Performing code effects: the session of a run, opened when code is first run."""

from __future__ import annotations

from typing import Any

from core_plus import effects as fx
from core_plus.events import Warned
from core_plus.executors import Done, Setup
from core_plus.ops import Invoke, Ops
from core_plus.run import Run


def open_session(run: Run) -> Ops:
    """Give the run a session, if it has none; and one that outlived another run this run's variables.

    Args:
        run: Whose code.
    """
    space, executor = run.space, run.bound.executor
    if space.session is None:
        setup: Setup = run.bound.agent.setup(run)
        space.session = yield Invoke(executor.open, (setup,))
    elif space.run_id != run.id and run.variables:
        yield Invoke(space.session.assign, (run.variables,))
    space.run_id = run.id
    yield from prepare(run)


def prepare(run: Run) -> Ops:
    """Run what the tools bring along, in an interpreter that is new.

    Args:
        run: Whose code.
    """
    space, code = run.space, run.bound.prelude
    if space.is_ready or not code:
        return
    session: Any = space.session
    turn = yield Invoke(session.start, (code,))
    while not isinstance(turn, Done):
        turn = yield Invoke(session.resume, ((),))
    space.is_ready = True
    if turn.error is not None:
        what = f"{turn.error.kind}: {turn.error.message}"
        run.emit(Warned(text=f"{run.bound.executor.name} can't run what tools bring along for code: {what}"))


def run_code(run: Run, effect: fx.RunCode) -> Ops:
    """Start a snippet; `Paused` or `Done`.

    Args:
        run: Whose code.
        effect: The snippet.
    """
    yield from open_session(run)
    session: Any = run.space.session
    return (yield from _stoppable(run, session, Invoke(session.start, (effect.code,))))


def resume_code(run: Run, effect: fx.ResumeCode) -> Ops:
    """Answer the code, or wait on; `Paused` or `Done`.

    Args:
        run: Whose code.
        effect: The answers.
    """
    session: Any = run.space.session
    return (yield from _stoppable(run, session, Invoke(session.resume, (effect.answers,))))


def _stoppable(run: Run, session: Any, op: Invoke) -> Ops:
    forget = run.cancellation.on_cancel(session.interrupt)
    run.space.busy = True
    try:
        turn = yield op
        run.space.busy = not isinstance(turn, Done)
        if isinstance(turn, Done) and turn.error is not None and turn.error.lost:
            run.space.is_ready = False
        return turn
    finally:
        forget()
