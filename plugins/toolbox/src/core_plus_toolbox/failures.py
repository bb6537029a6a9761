"""What a tool of the box says when it can't do what it was asked."""

from __future__ import annotations

from core_plus import AgentToolExecutionError


class ToolboxError(AgentToolExecutionError):
    """A call that can't be carried out; the model reads why."""
