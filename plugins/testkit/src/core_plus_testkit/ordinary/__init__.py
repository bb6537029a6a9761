"""Ordinary code as models write it, and whether an executor does with it what Python does."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from core_plus_testkit.ordinary.corpus import Snippet, language_features, snippets
    from core_plus_testkit.ordinary.kit import OrdinaryKit

__all__ = ["OrdinaryKit", "Snippet", "language_features", "snippets"]

HOMES: Final = {"OrdinaryKit": "kit", "Snippet": "corpus", "language_features": "corpus", "snippets": "corpus"}


def __getattr__(name: str) -> Any:
    """Import a part when it is asked for."""
    if name not in HOMES:
        raise AttributeError(f"module 'core_plus_testkit.ordinary' has no attribute {name!r}")
    return getattr(import_module(f"core_plus_testkit.ordinary.{HOMES[name]}"), name)
