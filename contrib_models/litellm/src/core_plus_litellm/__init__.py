"""Every provider that LiteLLM knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from core_plus_litellm.model import LiteLLMModel

__all__ = ["LiteLLMModel"]


@hookimpl
def register_models(register: Register) -> None:
    """Declare the provider "litellm"."""
    register("litellm", _model, summary="any provider that LiteLLM knows, litellm:provider/model")


def _model(model_id: str, **settings: Any) -> LiteLLMModel:
    from core_plus_litellm.model import LiteLLMModel

    return LiteLLMModel(model_id, **settings)


def __getattr__(name: str) -> Any:
    """Import the class when asked for: a look-up of the plugin costs no transport."""
    if name == "LiteLLMModel":
        from core_plus_litellm.model import LiteLLMModel

        return LiteLLMModel
    raise AttributeError(f"module 'core_plus_litellm' has no attribute {name!r}")
