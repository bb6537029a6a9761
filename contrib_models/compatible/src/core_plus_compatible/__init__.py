"""Servers that speak OpenAI's chat completions, by name: a table, and nothing of each one's own."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl
from core_plus_compatible.table import Server, servers

if TYPE_CHECKING:
    from core_plus_http.chat import ChatModel


class Factory:
    """Makes the models of one server.

    Args:
        name: The server's name.
        server: Its row of the table.
    """

    def __init__(self, name: str, server: Server) -> None:
        self.name, self.server = name, server

    @functools.cached_property
    def __signature__(self) -> Any:
        """What settings there are: those of `core_plus_compatible.model.model`, but for the row."""
        import inspect

        from core_plus_compatible.model import model

        found = inspect.signature(model)
        return found.replace(parameters=[*found.parameters.values()][2:])

    def __call__(self, model_id: str, **settings: Any) -> ChatModel:
        """A model.

        Args:
            model_id: Its name at the server.
            **settings: As for `core_plus_compatible.model.model`.
        """
        from core_plus_compatible.model import model

        return model(self.name, self.server, model_id, **settings)

    def missing(self) -> str:
        """What has to be set before the server can be asked, "" if nothing."""
        from core_plus_compatible.model import missing

        return missing(self.server)


@hookimpl
def register_models(register: Register) -> None:
    """Declare a provider for each row of the table."""
    for name, server in servers().items():
        register(name, Factory(name, server), summary=server.summary)
