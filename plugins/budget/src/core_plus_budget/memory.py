"""What is left, where the model reads it: at the end of each request, so that what stands before stays the same."""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterator
from typing import Any

from core_plus.memory import ListMemory
from core_plus.messages import message
from core_plus.run import Run
from core_plus_budget.account import around
from core_plus_budget.budget import Budget


class WithBudget:
    """A memory that ends in what is left: `CodeAgent(..., memory="budget")`, or around another.

    The words stand in the request alone; the run's history stays as it is.

    Args:
        memory: What the model sees otherwise; None is everything.
    """

    def __init__(self, memory: Any = None) -> None:
        self.memory = memory or ListMemory()

    def view(self, run: Run) -> Generator[Any, Any, Any]:
        """The messages, and one more that says what is left.

        Args:
            run: The run.
        """
        seen = self.memory.view(run)
        messages = (yield from seen) if inspect.isgenerator(seen) else seen
        left = [words for budget in budgets_of(run) if (words := budget.left(run).words)]
        if not left:
            return messages
        return [*messages, message("user", f"(What is left of the budget: {'; '.join(left)}.)")]


def budgets_of(run: Run) -> Iterator[Budget]:
    """The budgets that a run is held to.

    Args:
        run: Any.
    """
    from core_plus_budget import budget_of

    found = [policy for one in around(run) for policy in one.bound.agent.policies if isinstance(policy, Budget)]
    if (host := budget_of(run)) is not None:
        found.append(host)
    yield from {id(one): one for one in found}.values()
