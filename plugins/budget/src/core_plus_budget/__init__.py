"""Limits on tokens, money, calls, time and depth, held before each effect.

Installed, it does nothing until a limit is set: in the host's settings ("hooks.budget"), in the environment
(CORE_PLUS_BUDGET_TOKENS, …), or for one agent (`policies=[Budget(tokens=50_000)]`).
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from core_plus.effects import CallModel, Decision, Effect
    from core_plus.errors import ModelError
    from core_plus.host import Host
    from core_plus.run import Run
    from core_plus_budget.budget import Budget, Left
    from core_plus_budget.limits import Limits
    from core_plus_budget.memory import WithBudget
    from core_plus_budget.pricing import Prices

__all__ = ["Budget", "Left", "Limits", "Prices", "WithBudget"]

NAME = "hooks.budget"
_HOME = {"Budget": "budget", "Left": "budget", "Limits": "limits", "Prices": "pricing", "WithBudget": "memory"}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: the plugin is loaded with every host, and mostly has no limit."""
    if name not in _HOME:
        raise AttributeError(f"module 'core_plus_budget' has no attribute {name!r}")
    return getattr(import_module(f"core_plus_budget.{_HOME[name]}"), name)


@hookimpl
def lifespan(host: Host) -> None:
    """Refuse settings that make no sense before anything runs."""
    if NAME in host.config:
        _made(host)


@hookimpl
def register_memories(register: Register) -> None:
    """Declare the memory "budget"."""
    register("budget", _memory, summary="everything, and at the end what is left of the budget")


@hookimpl
def review_effect(run: Run, effect: Effect) -> Decision | None:
    """Let pass what fits, as the host's settings say."""
    budget = budget_of(run)
    return None if budget is None else budget.review_effect(run, effect)


@hookimpl(trylast=True)
def answer_effect(run: Run, effect: Effect) -> None:
    """Hold what a call may use that begins now."""
    if (budget := budget_of(run)) is not None:
        budget.answer_effect(run, effect)


@hookimpl(tryfirst=True)
def retry_effect(run: Run, effect: CallModel, error: ModelError, attempt: int) -> None:
    """Hold what the next attempt may use."""
    if (budget := budget_of(run)) is not None:
        budget.retry_effect(run, effect, error, attempt)


def budget_of(run: Run) -> Budget | None:
    """The budget of the host's settings, or of the environment's; made once for an outermost run.

    Args:
        run: Any run of the host.

    Raises:
        ConfigurationError: The settings make no sense.
    """
    notes = run.root.notes
    if NAME not in notes:
        notes[NAME] = _made(run.host)
    budget: Budget | None = notes[NAME]
    return budget


def _made(host: Host) -> Budget | None:
    given = host.config.get(NAME, {})
    if not given and not any(name.startswith("CORE_PLUS_BUDGET_") for name in os.environ):
        return None
    from core_plus_budget.budget import Budget
    from core_plus_budget.limits import settings_of

    return Budget(**settings_of(given))


def _memory() -> WithBudget:
    from core_plus_budget.memory import WithBudget

    return WithBudget()
