"""Tool lists that change while an agent works."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core_plus import RunContext, Tool


def current_tools(context: RunContext[Any], tools: Sequence[Tool]) -> list[Tool]:
    """The tools of an agent with those of MCP servers as these list them now; an agent's `tool_filter`.

    Args:
        context: The run's.
        tools: As the agent was given them.
    """
    found, seen = list[Tool](), set[str]()
    for tool in tools:
        siblings = getattr(tool, "siblings", None)
        if siblings is None:
            found.append(tool)
        elif (server := getattr(tool, "server", "")) not in seen:
            seen.add(server)
            found += siblings()
    return found
