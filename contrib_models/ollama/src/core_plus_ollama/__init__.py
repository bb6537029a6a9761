"""Ollama's own API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl
from core_plus_http import Factory

if TYPE_CHECKING:
    from core_plus_ollama.model import OllamaModel

__all__ = ["OllamaModel"]


@hookimpl
def register_models(register: Register) -> None:
    """Declare the provider "ollama-native"."""
    register(
        "ollama-native",
        Factory("core_plus_ollama.model", "OllamaModel"),
        summary="Ollama's own API: thinking, and models pulled on demand (OLLAMA_HOST)",
    )


def __getattr__(name: str) -> Any:
    """Import the class when asked for: a look-up of the plugin costs no transport."""
    if name == "OllamaModel":
        from core_plus_ollama.model import OllamaModel

        return OllamaModel
    raise AttributeError(f"module 'core_plus_ollama' has no attribute {name!r}")
