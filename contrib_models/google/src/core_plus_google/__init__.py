"""Google's models: Gemini's API, and Vertex AI."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl
from core_plus_http import Factory

if TYPE_CHECKING:
    from core_plus_google.model import GoogleModel
    from core_plus_google.vertex import VertexModel

__all__ = ["GoogleModel", "VertexModel"]

HOMES = {"GoogleModel": "model", "VertexModel": "vertex"}


@hookimpl
def register_models(register: Register) -> None:
    """Declare the providers "google" and "vertex"."""
    register("google", Factory("core_plus_google.model", "GoogleModel"), summary="Google's Gemini API (GEMINI_API_KEY)")
    register(
        "vertex",
        Factory("core_plus_google.vertex", "VertexModel"),
        summary="Google's Vertex AI (application default credentials, GOOGLE_CLOUD_PROJECT)",
    )


def __getattr__(name: str) -> Any:
    """Import the classes when asked for: a look-up of the plugin costs no transport."""
    if name not in HOMES:
        raise AttributeError(f"module 'core_plus_google' has no attribute {name!r}")
    return getattr(import_module(f"core_plus_google.{HOMES[name]}"), name)
