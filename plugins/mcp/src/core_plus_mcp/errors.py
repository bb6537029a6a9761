"""What goes wrong with a server, in words for the model and for the person."""

from __future__ import annotations

from core_plus import ConfigurationError


class ServerError(ConfigurationError):
    """An MCP server can't be reached, or doesn't speak the protocol; the text names it and says why."""
