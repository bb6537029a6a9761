"""Conformance kits for plugins, and loopback servers to run them against.

A kit is a class to inherit: give its fixture and every test of the contract runs against your plugin.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from core_plus_testkit.anthropic_server import AnthropicServer
    from core_plus_testkit.executor_kit import ExecutorKit
    from core_plus_testkit.loopback import Answer, LoopbackServer, Seen
    from core_plus_testkit.model_kit import ModelKit
    from core_plus_testkit.openai_server import OpenAIServer
    from core_plus_testkit.scripted_server import ScriptedServer, Turn

__all__ = [
    "Answer",
    "AnthropicServer",
    "ExecutorKit",
    "LoopbackServer",
    "ModelKit",
    "OpenAIServer",
    "ScriptedServer",
    "Seen",
    "Turn",
]

HOMES: Final = {
    "Answer": "loopback",
    "AnthropicServer": "anthropic_server",
    "ExecutorKit": "executor_kit",
    "LoopbackServer": "loopback",
    "ModelKit": "model_kit",
    "OpenAIServer": "openai_server",
    "Seen": "loopback",
    "ScriptedServer": "scripted_server",
    "Turn": "scripted_server",
}


def __getattr__(name: str) -> Any:
    """Import a kit when it is asked for: pytest loads this package in every run."""
    if name not in HOMES:
        raise AttributeError(f"module 'core_plus_testkit' has no attribute {name!r}")
    return getattr(import_module(f"core_plus_testkit.{HOMES[name]}"), name)
