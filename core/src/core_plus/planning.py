"""Plans: made before the first step and then every n steps, from what is known so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core_plus import effects as fx
from core_plus import prompts
from core_plus.calls import call_tool
from core_plus.errors import AgentError
from core_plus.events import FinalAnswerStep, PlanningStep, StepStarted, ToolRecord
from core_plus.messages import ToolResult, message
from core_plus.models import ModelRequest, ModelResponse
from core_plus.render import as_parts

if TYPE_CHECKING:
    from core_plus.run import Run

ROUNDS = 4
"""How often a planner may call its tools (ask a person, hand off) before it must write the plan."""


def make_plan(run: Run) -> fx.Effects:
    """Make or renew the plan, by the run's own planner where it has one.

    Args:
        run: In progress. The plan is recorded as a step; a hand-off may end the run.
    """
    run.emit(StepStarted(number=run.step_number + 1, max_steps=run.max_steps, kind="plan"))
    if run.planning is not True and not isinstance(run.planning, int):
        yield from run.bound.planner(run.planning).plan(run)
        return
    began, before = run.root.now, run.own_usage
    planned = any(isinstance(step, PlanningStep) for step in run.steps[run.before :])
    text = run.bound.prompt("plan_update" if planned else "plan_first")
    values = {**run.bound.described(run), "task": run.task, "remaining_steps": run.remaining_steps}
    view = yield from run.bound.view(run)
    messages = [*view, message("user", prompts.fill(text, values))]
    tools = {name: tool for name, tool in run.tools.items() if tool.planning}
    records: dict[str, ToolRecord] = {}
    left, response = ROUNDS, ModelResponse(message("assistant"))
    while left > 0:
        left -= 1
        specs = tuple(tool.spec for tool in tools.values()) if left else ()
        request = ModelRequest(tuple(messages), specs, options=run.bound.agent.options, cancellation=run.cancellation)
        response = yield fx.CallModel(request=request, purpose="plan")
        if not response.message.tool_calls or not left:
            break
        messages.append(response.message)
        messages.append((yield from _results(run, response, records)))
        if run.finished:
            return
    plan = response.message.text.strip()
    said = (message("assistant", plan), message("user", "Now carry out this plan, step by step."))
    spent = run.spent_since(before)
    run.record(
        PlanningStep(number=run.step_number + 1, seconds=run.root.now - began, usage=spent, messages=said, plan=plan)
    )


def _results(run: Run, response: ModelResponse, records: dict[str, ToolRecord]) -> fx.Effects:
    results = []
    for call in response.message.tool_calls:
        try:
            value = yield from call_tool(run, records, call)
        except AgentError as error:
            results.append(ToolResult(call.id, call.name, as_parts(str(error)), is_error=True))
            continue
        results.append(ToolResult(call.id, call.name, as_parts(value)))
        if run.tools[call.name].final:
            run.finish("success", value)
            run.record(FinalAnswerStep(number=run.step_number, output=value))
    return message("tool", results)
