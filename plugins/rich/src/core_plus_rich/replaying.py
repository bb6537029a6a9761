"""Showing a saved run again."""

from __future__ import annotations

from collections.abc import Iterable

from core_plus.events import ActionStep, FinalAnswerStep, PlanningStep, RunFinished, Step, StepStarted
from core_plus.messages import Usage
from core_plus.ui import Observer


def replay(steps: Iterable[Step], ui: Observer) -> None:
    """Show saved steps as if they happened now; nothing is called, run or asked.

    Args:
        steps: A run's steps, in order, such as `result.steps`.
        ui: What shows them; any observer will do.
    """
    usage, seconds, last = Usage(), 0.0, None
    for step in steps:
        if isinstance(step, ActionStep | PlanningStep):
            kind = "plan" if isinstance(step, PlanningStep) else "action"
            ui.observe(StepStarted(number=step.number, kind=kind, run_id=step.run_id, path=step.path))
        ui.observe(step)
        usage, seconds, last = usage + step.usage, seconds + step.seconds, step
    if last is not None and not last.path:
        output = last.output if isinstance(last, FinalAnswerStep) else None
        state = "success" if isinstance(last, FinalAnswerStep) else "unfinished"
        ui.observe(RunFinished(state=state, output=output, usage=usage, seconds=seconds, run_id=last.run_id))
