"""A person's own servers: `model="mine:llama"` for a row [mine] of `providers.toml`."""

from __future__ import annotations

from typing import Any

from core_plus.hookspecs import hookimpl


@hookimpl
def resolve_model(ref: str) -> Any:
    """The model of a server that the person has named; None for other names."""
    from core_plus_compatible.table import own_servers

    name, _, model_id = ref.partition(":")
    server = own_servers().get(name)
    if server is None or not model_id:
        return None
    from core_plus_compatible.model import model

    return model(name, server, model_id)
