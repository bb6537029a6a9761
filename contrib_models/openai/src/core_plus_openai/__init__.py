"""OpenAI's models, and those of every server that speaks its chat completions or its Responses API."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from core_plus import hookimpl
from core_plus_http import Factory

if TYPE_CHECKING:
    from core_plus.hookspecs import Register
    from core_plus_http.chat import Quirks
    from core_plus_openai.model import OpenAIModel, OpenAIResponsesModel

__all__ = ["OpenAIModel", "OpenAIResponsesModel", "Quirks"]

MODEL = "core_plus_openai.model"
HOMES = {"OpenAIModel": MODEL, "OpenAIResponsesModel": MODEL, "Quirks": "core_plus_http.chat"}


@hookimpl
def register_models(register: Register) -> None:
    register(
        "openai",
        Factory(MODEL, "OpenAIModel"),
        summary="OpenAI, and any server with its chat completions (OPENAI_BASE_URL)",
    )
    register(
        "openai-responses",
        Factory(MODEL, "OpenAIResponsesModel"),
        summary="OpenAI's Responses API: reasoning kept, built-in tools",
    )


def __getattr__(name: str) -> Any:
    """Import the classes when asked for: a look-up of the plugin costs no transport."""
    if name not in HOMES:
        raise AttributeError(f"module 'core_plus_openai' has no attribute {name!r}")
    return getattr(import_module(HOMES[name]), name)
