"""Anthropic's models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from core_plus_anthropic.model import AnthropicModel

__all__ = ["AnthropicModel"]


@hookimpl
def register_models(register: Register) -> None:
    """Declare the provider "anthropic"."""
    register("anthropic", _model, summary="Anthropic's Messages API (ANTHROPIC_API_KEY)")


def _model(model_id: str, **settings: Any) -> AnthropicModel:
    from core_plus_anthropic.model import AnthropicModel

    return AnthropicModel(model_id, **settings)


def __getattr__(name: str) -> Any:
    """Import the class when asked for: a look-up of the plugin costs no transport."""
    if name == "AnthropicModel":
        from core_plus_anthropic.model import AnthropicModel

        return AnthropicModel
    raise AttributeError(f"module 'core_plus_anthropic' has no attribute {name!r}")
