"""GGUF models run in process by llama.cpp."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from core_plus_llamacpp.files import Offer
    from core_plus_llamacpp.model import LlamaCppModel

__all__ = ["LlamaCppModel", "Offer"]


class Factory:
    """Makes models, and offers one to whoever has none."""

    def __call__(self, model_id: str, **settings: Any) -> LlamaCppModel:
        """A model.

        Args:
            model_id: As `LlamaCppModel` takes it.
            settings: The same.
        """
        from core_plus_llamacpp.model import LlamaCppModel

        return LlamaCppModel(model_id, **settings)

    def offer(self) -> Offer:
        """A small model to begin with, which a command line may offer to fetch."""
        from core_plus_llamacpp.files import SMALL

        return SMALL


@hookimpl
def register_models(register: Register) -> None:
    """Declare the provider "llamacpp"."""
    summary = "a GGUF model run in process, llamacpp:FILE.gguf or org/repo/FILE.gguf; `small` is one to begin with"
    register("llamacpp", Factory(), summary=summary)


def __getattr__(name: str) -> Any:
    """Import a class when asked for: a look-up of the plugin costs no transport."""
    if name == "LlamaCppModel":
        from core_plus_llamacpp.model import LlamaCppModel

        return LlamaCppModel
    if name == "Offer":
        from core_plus_llamacpp.files import Offer

        return Offer
    raise AttributeError(f"module 'core_plus_llamacpp' has no attribute {name!r}")
