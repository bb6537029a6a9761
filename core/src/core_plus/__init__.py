"""Core plus plugins: a tiny kernel for agents; all else is a plugin."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "faces": "Conversation",
    "agents": "CodeAgent MultiStepAgent Runnable ToolCallingAgent",
    "cancellation": "Cancellation",
    "coerce": "validate",
    "context": "RunContext",
    "effects": "Allow Ask Continue Deny Edit Outcome Question Retry Stop",
    "errors": (
        "AgentAnswerError AgentDeniedError AgentError AgentExecutionError AgentGenerationError "
        "AgentMaxStepsError AgentParsingError AgentToolCallError AgentToolExecutionError AuthenticationError "
        "BadRequestError ConfigurationError ContentRefusedError ContextLengthError CorePlusError "
        "CutStreamError Divergence ExecutorError JournalError LimitReached MalformedReplyError "
        "ModelConnectionError ModelError ModelNotFoundError ModelTimeoutError OverloadedError "
        "PermissionDeniedError PluginError PromptError RateLimitError RunError RunFailed "
        "RunInterrupted RunSuspended ServerError ToolDefinitionError "
    ),
    "events": "ActionStep Event FinalAnswerStep PlanningStep Step TaskStep",
    "executors": "Executor Limits Session",
    "hookspecs": "hookimpl",
    "host": "default_host Host",
    "memory": "dump_steps load_steps Memory",
    "messages": "Audio File Image Message message Text Thinking ToolCall ToolResult Usage",
    "models": "Model ModelRequest ModelResponse",
    "parsing": "parse_code_blobs",
    "result": "RunResult",
    "run": "Run RunLimits",
    "schema": "schema_of",
    "secret": "Secret",
    "stream": "EventStream",
    "tools": "tool Tool ToolSpec",
    "ui": "Observer UI",
}
_WHERE = {name: room for room, names in _HOME.items() for name in names.split()}

__all__ = sorted(_WHERE)  # noqa: PLE0605 (one list of names, not two)


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for, so that `import core_plus` costs next to nothing."""
    if name not in _WHERE:
        raise AttributeError(f"module 'core_plus' has no attribute {name!r}")
    found = getattr(import_module(f"core_plus.{_WHERE[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
