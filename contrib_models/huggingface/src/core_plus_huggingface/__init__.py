"""Hugging Face's models: Inference Providers, and endpoints of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl
from core_plus_http import Factory

if TYPE_CHECKING:
    from core_plus_huggingface.model import HuggingFaceModel

__all__ = ["HuggingFaceModel"]


@hookimpl
def register_models(register: Register) -> None:
    """Declare the provider "hf"."""
    register(
        "hf",
        Factory("core_plus_huggingface.model", "HuggingFaceModel"),
        summary="Hugging Face's Inference Providers, hf:org/name[:provider] (HF_TOKEN)",
    )


def __getattr__(name: str) -> Any:
    """Import the class when asked for: a look-up of the plugin costs no transport."""
    if name == "HuggingFaceModel":
        from core_plus_huggingface.model import HuggingFaceModel

        return HuggingFaceModel
    raise AttributeError(f"module 'core_plus_huggingface' has no attribute {name!r}")
