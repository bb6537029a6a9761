"""Tools that the kernel itself gives to agents: the final answer, managed agents, hand-offs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from core_plus import prompts
from core_plus.context import RunContext
from core_plus.effects import Effects, RunAgent
from core_plus.errors import ConfigurationError
from core_plus.events import ActionStep
from core_plus.result import RunResult
from core_plus.tools import Tool

if TYPE_CHECKING:
    from core_plus.agents import Runnable


class FinalAnswerTool(Tool):
    """Ends a run with a value.

    Args:
        output_type: What the answer must be; None is anything.
    """

    name = "final_answer"
    description = "End the task with the answer."
    inputs = {"answer": {"type": "any", "description": "The answer."}}
    output_type = "any"
    effect = "read"
    final = True
    thread = "caller"

    def __init__(self, output_type: Any = None) -> None:
        if output_type is not None:
            from core_plus.schema import schema_of

            answer = {**schema_of(output_type), "description": "The answer."}
            self.description += f" It must fit this JSON Schema: {msgspec.json.encode(answer).decode()}"
            definitions = {"$defs": answer.pop("$defs")} if "$defs" in answer else {}
            schema = {
                "type": "object",
                "properties": {"answer": answer},
                "required": ["answer"],
                "additionalProperties": False,
            }
            self.parameters = {**schema, **definitions}

    def forward(self, answer: Any) -> Any:
        """The answer, as it is."""
        return answer


class AgentTool(Tool):
    """An agent as another's tool.

    Args:
        agent: Has a name and a description.

    Raises:
        ConfigurationError: It hasn't.
    """

    inputs = {
        "task": {"type": "string", "description": "What to do, with all that must be known for it."},
        "variables": {"type": "object", "description": "Values to work with, by name.", "nullable": True},
    }
    output_type = "any"
    is_agent = True

    def __init__(self, agent: Runnable[Any, Any]) -> None:
        if not agent.name or not agent.description:
            raise ConfigurationError(
                f"an agent that works for another needs a name and a description: {agent.name or type(agent).__name__}"
            )
        self.agent, self.name, self.description = agent, agent.name, agent.description
        own = (getattr(agent, "prompts", None) or {}).get("managed_task")
        self.text = prompts.chosen("managed_task", own, "managed_task")

    def forward(self, context: RunContext[Any], task: str, variables: dict[str, Any] | None = None) -> Effects:
        """Have the agent do a task; its answer."""
        text = prompts.fill(self.text, {"name": self.name, "task": task})
        result: RunResult[Any] = yield RunAgent(
            agent=self.agent, task=text, variables=variables or {}, call_id=context.call_id
        )
        if not getattr(self.agent, "provide_run_summary", False):
            return result.output
        done = [
            f"{step.number}. {step.thought}\n{step.observation}".strip()
            for step in result.steps
            if isinstance(step, ActionStep)
        ]
        return f"{result.output}\n\nSummary of the work:\n" + "\n".join(text[:1000] for text in done)


class HandoffTool(Tool):
    """Hands the conversation over to another agent, whose answer is the run's.

    Args:
        agent: Has a name and a description.
    """

    inputs = {"message": {"type": "string", "description": "What the other must know besides the conversation."}}
    output_type = "any"
    final = True
    planning = True
    is_agent = True

    def __init__(self, agent: Runnable[Any, Any]) -> None:
        if not agent.name or not agent.description:
            raise ConfigurationError(
                f"an agent that is handed over to needs a name and a description: {agent.name or type(agent).__name__}"
            )
        self.agent, self.name = agent, f"hand_off_to_{agent.name}"
        self.description = f"Hand the whole conversation over to {agent.name} and be done. {agent.description}"

    def forward(self, context: RunContext[Any], message: str) -> Effects:
        """Have the agent go on; its answer."""
        history = tuple(context.messages)
        result: RunResult[Any] = yield RunAgent(
            agent=self.agent, task=message, history=history, call_id=context.call_id
        )
        return result.output
