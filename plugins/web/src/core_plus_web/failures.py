"""What goes wrong between here and a server."""

from __future__ import annotations

from core_plus import AgentToolExecutionError


class WebError(AgentToolExecutionError):
    """An address that may not be reached, or a server that gave nothing of use; the model reads why."""
