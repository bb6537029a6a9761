"""Hostile code, and what an executor lets through of it: a corpus, a runner, a kit to inherit, a command."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from core_plus_testkit.hostile.corpus import Attempt, attempts
    from core_plus_testkit.hostile.kit import HostileKit
    from core_plus_testkit.hostile.trial import Trial, Verdict, named

__all__ = ["Attempt", "HostileKit", "Trial", "Verdict", "attempts", "named"]

HOMES: Final = {
    "Attempt": "corpus",
    "HostileKit": "kit",
    "Trial": "trial",
    "Verdict": "trial",
    "attempts": "corpus",
    "named": "trial",
}


def __getattr__(name: str) -> Any:
    """Import a part when it is asked for."""
    if name not in HOMES:
        raise AttributeError(f"module 'core_plus_testkit.hostile' has no attribute {name!r}")
    return getattr(import_module(f"core_plus_testkit.hostile.{HOMES[name]}"), name)
