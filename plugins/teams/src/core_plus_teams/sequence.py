"""Agents in sequence: each gets the answer of the one before it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import attrs

from core_plus import ConfigurationError, Run, Runnable, RunResult
from core_plus.effects import RunAgent
from core_plus.events import FinalAnswerStep, TaskStep


@attrs.frozen(kw_only=True, eq=False)
class Chain(Runnable[Any, Any]):
    """Agents that work one after another; made by `chain`. It runs as an agent does, and may be a managed agent.

    Args:
        agents: In order.
        share: Whether each also sees the conversation of those before it, not only the last answer.
    """

    agents: tuple[Runnable[Any, Any], ...] = ()
    share: bool = False

    def loop(self, run: Run) -> Generator[Any, Any, None]:
        """Give the task to the first agent, its answer to the second, and so on.

        Args:
            run: Fresh.
        """
        run.record(TaskStep(task=run.task, attachments=run.attachments))
        history, answer = tuple(run.history), None
        for number, agent in enumerate(self.agents, 1):
            run.step_number = number
            task = run.task if number == 1 else f"{run.task}\n\nWhat was found before you:\n{answer}"
            result: RunResult[Any] = yield RunAgent(
                agent=agent, task=task, variables=run.variables, history=history, attachments=run.attachments
            )
            answer = result.output
            history = result.messages if self.share else history
        run.finish("success", answer)
        run.record(FinalAnswerStep(number=run.step_number, output=answer))


def chain(*agents: Runnable[Any, Any], share: bool = False, **settings: Any) -> Chain:
    """Agents in sequence: each gets the task and the answer of the one before it; the last one's answer counts.

    Args:
        *agents: In order.
        share: Whether each also sees the conversation of those before it.
        **settings: Settings of a `Runnable`, such as name, description or limits.

    Raises:
        ConfigurationError: There are none.
    """
    if not agents:
        raise ConfigurationError("a chain needs at least one agent: chain(first, second)")
    return Chain(agents=agents, share=share, **settings)
