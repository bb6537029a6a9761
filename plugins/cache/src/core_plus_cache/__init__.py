"""`cache:openai:gpt-5-mini`: a model that answers from disk what was asked before, exactly.

It is a model and no hook: `answer_effect` can answer without asking, but nobody would tell the hook what to keep, and
a run that streams would see no piece of an answer.
"""

from __future__ import annotations

import functools
import weakref
from importlib import import_module
from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl
from core_plus.host import Host

if TYPE_CHECKING:
    from core_plus_cache.model import Cached
    from core_plus_cache.settings import Settings

__all__ = ["Cached", "Settings"]

HOMES = {"Cached": "model", "Settings": "settings"}


@hookimpl
def register_models(register: Register, host: Host) -> None:
    """Declare the model "cache"."""
    # The host holds the factory: a reference back would keep it from being collected.
    register(
        "cache",
        functools.partial(_cached, weakref.proxy(host)),
        summary="answers from disk what was asked before, exactly: cache:openai:gpt-5-mini",
    )


def _cached(
    host: Host,
    model_id: str = "",
    *,
    file: str | None = None,
    megabytes: float | None = None,
    days: float | None = None,
) -> Cached:
    from core_plus_cache.model import Cached, described
    from core_plus_cache.settings import settings_of

    model = host.model(model_id) if model_id else None
    settings = settings_of(file=file, megabytes=megabytes, days=days)
    return Cached(model, settings, identity=described(model, model_id, host.config))


def __getattr__(name: str) -> Any:
    """Import the classes when asked for: a look-up of the plugin costs no database."""
    if name not in HOMES:
        raise AttributeError(f"module 'core_plus_cache' has no attribute {name!r}")
    return getattr(import_module(f"core_plus_cache.{HOMES[name]}"), name)
