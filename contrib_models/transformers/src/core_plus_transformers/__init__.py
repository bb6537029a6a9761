"""Models of the Hugging Face Hub, run in process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from core_plus_transformers.model import TransformersModel

__all__ = ["TransformersModel"]


@hookimpl
def register_models(register: Register) -> None:
    """Declare the provider "transformers"."""
    register("transformers", _model, summary="a model run in process, transformers:org/name or a folder")


def _model(model_id: str, **settings: Any) -> TransformersModel:
    from core_plus_transformers.model import TransformersModel

    return TransformersModel(model_id, **settings)


def __getattr__(name: str) -> Any:
    """Import the class when asked for: a look-up of the plugin costs no transport."""
    if name == "TransformersModel":
        from core_plus_transformers.model import TransformersModel

        return TransformersModel
    raise AttributeError(f"module 'core_plus_transformers' has no attribute {name!r}")
