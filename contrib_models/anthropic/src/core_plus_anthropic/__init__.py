"""Anthropic's models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl
from core_plus_http import Factory

if TYPE_CHECKING:
    from core_plus_anthropic.model import AnthropicModel

__all__ = ["AnthropicModel"]


@hookimpl
def register_models(register: Register) -> None:
    """Declare the provider "anthropic"."""
    register(
        "anthropic",
        Factory("core_plus_anthropic.model", "AnthropicModel"),
        summary="Anthropic's Messages API (ANTHROPIC_API_KEY)",
    )


def __getattr__(name: str) -> Any:
    """Import the class when asked for: a look-up of the plugin costs no transport."""
    if name == "AnthropicModel":
        from core_plus_anthropic.model import AnthropicModel

        return AnthropicModel
    raise AttributeError(f"module 'core_plus_anthropic' has no attribute {name!r}")
