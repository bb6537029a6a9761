"""OpenAI's models, and those of every server that speaks its chat completions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus import hookimpl

if TYPE_CHECKING:
    from core_plus.hookspecs import Register
    from core_plus_http.chat.quirks import Quirks
    from core_plus_openai.model import OpenAIModel

__all__ = ["OpenAIModel", "Quirks"]


@hookimpl
def register_models(register: Register) -> None:
    register("openai", _model, summary="OpenAI, and any server with its chat completions (OPENAI_BASE_URL)")


def _model(model_id: str, **settings: Any) -> OpenAIModel:
    from core_plus_openai.model import OpenAIModel

    return OpenAIModel(model_id, **settings)


def __getattr__(name: str) -> Any:
    """Import the classes when asked for: a look-up of the plugin costs no transport."""
    if name == "OpenAIModel":
        from core_plus_openai.model import OpenAIModel

        return OpenAIModel
    if name == "Quirks":
        from core_plus_http.chat.quirks import Quirks

        return Quirks
    raise AttributeError(f"module 'core_plus_openai' has no attribute {name!r}")
