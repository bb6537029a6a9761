"""A planner that writes subtasks, gives each to the managed agent that fits, and revises the rest as it goes."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import msgspec

from core_plus import AgentParsingError, ModelRequest, ModelResponse, PlanningStep, Run, RunError, RunResult, message
from core_plus.effects import CallModel, RunAgent
from core_plus.events import ActionStep, StepError


class Subtask(msgspec.Struct, frozen=True):
    """One piece of work.

    Args:
        agent: The managed agent that does it.
        task: What to do, with all that must be known for it.
    """

    task: str
    agent: str


_SCHEMA: dict[str, Any] = {
    "title": "Subtasks",
    "type": "object",
    "properties": {
        "subtasks": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"agent": {"type": "string"}, "task": {"type": "string"}},
                "required": ["agent", "task"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["subtasks"],
    "additionalProperties": False,
}

_WISH = """\
Break the task down into subtasks for your team, in the order in which they must be done. Leave out what is done.

The task: {task}

The team:
{team}

{done}Answer with JSON only: {{"subtasks": [{{"agent": "a team member's name", "task": "what to do"}}]}}. Put into
each task all that must be known for it. An empty list means that nothing is left for the team."""


class SubtaskPlanner:
    """Plans, delegates and revises until nothing is left for the team; then the agent answers in its own steps.

    Args:
        most: Subtasks at the most, so that a model that never has enough comes to an end.
        retries: How often a plan that can't be read is asked for again.
    """

    def __init__(self, most: int = 20, retries: int = 2) -> None:
        self.most, self.retries = most, retries

    def plan(self, run: Run) -> Generator[Any, Any, None]:
        """Work off the task's subtasks.

        Args:
            run: In progress; the plans and what came of them are recorded as steps.

        Raises:
            AgentParsingError: The model gave no plan that could be read.
        """
        team = {tool.name: tool.agent for tool in run.tools.values() if tool.is_agent and hasattr(tool, "agent")}
        done: list[str] = []
        while team and len(done) < self.most:
            subtasks = yield from self._asked(run, team, done)
            said = "\n".join(f"{n}. {one.agent}: {one.task}" for n, one in enumerate(subtasks, 1)) or "Nothing is left."
            said_as = (message("assistant", f"Plan:\n{said}"),)
            run.record(PlanningStep(number=run.step_number + 1, plan=said, subtasks=tuple(subtasks), messages=said_as))
            if not subtasks:
                break
            done.append((yield from self._delegated(run, subtasks[0], team)))

    def _asked(self, run: Run, team: dict[str, Any], done: list[str]) -> Generator[Any, Any, list[Subtask]]:
        listed = "\n".join(f"- {name}: {agent.description}" for name, agent in team.items())
        so_far = "Done so far:\n" + "\n".join(done) + "\n\n" if done else ""
        wish = message("user", _WISH.format(task=run.task, team=listed, done=so_far))
        conversation = [*(yield from run.bound.view(run)), wish]
        problem = ""
        for _ in range(1 + self.retries):
            request = ModelRequest(tuple(conversation), output_schema=_SCHEMA, cancellation=run.cancellation)
            response: ModelResponse = yield CallModel(request=request, purpose="plan")
            try:
                return _read(response.message.text, team)
            except AgentParsingError as error:
                problem = str(error)
                conversation += [response.message, message("user", f"{problem} Answer with the JSON object only.")]
        raise AgentParsingError(f"the model gave no plan: {problem}")

    def _delegated(self, run: Run, subtask: Subtask, team: dict[str, Any]) -> Generator[Any, Any, str]:
        run.step_number += 1
        result: RunResult[Any] = yield RunAgent(agent=team[subtask.agent], task=subtask.task, variables=run.variables)
        error, found = None, ""
        try:
            found = f"{subtask.agent} answers: {result.output}"
        except RunError as failed:
            error = StepError(type(failed).__name__, str(failed))
            found = f"{subtask.agent} failed: {failed}"
        said = (message("user", f"Subtask: {subtask.task}\n{found}"),)
        run.record(
            ActionStep(number=run.step_number, seconds=result.seconds, messages=said, observation=found, error=error)
        )
        return f"- {subtask.agent}, {subtask.task}: {found}"


def _read(text: str, team: dict[str, Any]) -> list[Subtask]:
    begin, end = text.find("{"), text.rfind("}")
    try:
        found = msgspec.json.decode(text[begin : end + 1], type=dict[str, list[Subtask]])
        subtasks = found["subtasks"]
    except (msgspec.DecodeError, KeyError, UnicodeEncodeError) as error:
        raise AgentParsingError(f"the plan is not the JSON that was asked for: {error}.") from error
    for one in subtasks:
        if one.agent not in team:
            raise AgentParsingError(f"there is no team member {one.agent!r}; there are {', '.join(team)}.")
    return subtasks
