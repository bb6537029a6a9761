"""Agents in sequence (`chain`), and plans whose subtasks go to the agent that fits (`planning="auto"`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from core_plus_teams.sequence import Chain, chain
    from core_plus_teams.subtasks import SubtaskPlanner

__all__ = ["Chain", "SubtaskPlanner", "chain"]


@hookimpl
def register_agents(register: Register) -> None:
    """Declare the planner "auto"."""
    register("auto", _planner, summary="plans subtasks, gives each to the managed agent that fits, and revises")


@hookimpl
def register_tools(register: Register) -> None:
    """Declare the tool "ask_person"."""
    register("ask_person", _ask_person, summary="asks the person who gave the task; also while a plan is made")


def _ask_person() -> Any:
    from core_plus_teams.asking import ask_person

    return ask_person


def _planner(**settings: Any) -> SubtaskPlanner:
    from core_plus_teams.subtasks import SubtaskPlanner

    return SubtaskPlanner(**settings)


def __getattr__(name: str) -> Any:
    if name in ("Chain", "chain"):
        from core_plus_teams import sequence as room

        return getattr(room, name)
    if name == "SubtaskPlanner":
        from core_plus_teams.subtasks import SubtaskPlanner

        return SubtaskPlanner
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
