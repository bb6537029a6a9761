"""Conformance kits for plugins, and loopback servers to run them against.

A kit is a class to inherit: give its fixture and every test of the contract runs against your plugin.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from core_plus_testkit.anthropic_server import AnthropicServer
    from core_plus_testkit.bedrock_server import BedrockServer
    from core_plus_testkit.executor_kit import ExecutorKit
    from core_plus_testkit.fault_kit import FaultKit
    from core_plus_testkit.google_server import GoogleServer
    from core_plus_testkit.loopback import Answer, LoopbackServer, Seen
    from core_plus_testkit.memory_kit import MemoryKit
    from core_plus_testkit.model_kit import ModelKit
    from core_plus_testkit.openai_server import OpenAIServer
    from core_plus_testkit.request_kit import RequestKit
    from core_plus_testkit.responses_server import ResponsesServer
    from core_plus_testkit.scripted_server import ScriptedServer, Turn
    from core_plus_testkit.store_kit import StoreKit

__all__ = [
    "Answer",
    "AnthropicServer",
    "BedrockServer",
    "ExecutorKit",
    "FaultKit",
    "GoogleServer",
    "LoopbackServer",
    "MemoryKit",
    "ModelKit",
    "OpenAIServer",
    "RequestKit",
    "ResponsesServer",
    "ScriptedServer",
    "Seen",
    "StoreKit",
    "Turn",
]

HOMES: Final = {
    "Answer": "loopback",
    "AnthropicServer": "anthropic_server",
    "BedrockServer": "bedrock_server",
    "ExecutorKit": "executor_kit",
    "FaultKit": "fault_kit",
    "GoogleServer": "google_server",
    "LoopbackServer": "loopback",
    "MemoryKit": "memory_kit",
    "ModelKit": "model_kit",
    "OpenAIServer": "openai_server",
    "RequestKit": "request_kit",
    "ResponsesServer": "responses_server",
    "Seen": "loopback",
    "ScriptedServer": "scripted_server",
    "StoreKit": "store_kit",
    "Turn": "scripted_server",
}


def __getattr__(name: str) -> Any:
    """Import a kit when it is asked for: pytest loads this package in every run."""
    if name not in HOMES:
        raise AttributeError(f"module 'core_plus_testkit' has no attribute {name!r}")
    return getattr(import_module(f"core_plus_testkit.{HOMES[name]}"), name)
