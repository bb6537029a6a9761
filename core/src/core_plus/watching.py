"""Showing what happens to those who watch: observers, the UI, whoever reads the stream."""

from __future__ import annotations

from typing import Any

from core_plus.effects import CallModel
from core_plus.events import Event, ModelDelta, Warned
from core_plus.ops import Emit, Ops
from core_plus.run import Run


def flush(run: Run) -> Ops:
    """Show what has happened to the observers, and pass it on.

    Args:
        run: Whose events.
    """
    events, passing = run.events, run.root.streaming
    while events:
        try:
            event = events.popleft()
        except IndexError:
            return
        for observer in tuple(run.observers):
            notify(run, observer, event)
        if passing:
            yield Emit(event)


def notify(run: Run, observer: Any, event: Event) -> None:
    """Show an event to one observer; a third failure detaches it.

    Args:
        run: Whose event.
        observer: Who sees it.
        event: What happened.
    """
    try:
        observer.observe(event)
    except Exception as error:
        key = id(observer)
        run.failures[key] = failed = run.failures.get(key, 0) + 1
        who = f"{type(observer).__module__}.{type(observer).__qualname__}"
        if failed == 1:
            run.host.report(f"observer {who} failed: {type(error).__name__}: {error}")
            run.emit(Warned(text=f"observer {who} failed: {type(error).__name__}: {error}"))
        if failed >= 3 and observer in run.observers:
            run.observers.remove(observer)


def show_delta(run: Run, effect: CallModel, delta: Any) -> Ops:
    """Show a piece of a reply to those who want it.

    Args:
        run: Whose reply.
        effect: The model call.
        delta: What came.
    """
    event = ModelDelta(delta=delta, purpose=effect.purpose, run_id=run.id, path=run.path)
    for observer in tuple(run.observers):
        if getattr(observer, "wants_deltas", False):
            notify(run, observer, event)
    if run.root.streaming:
        yield Emit(event)
