"""Names by OpenTelemetry's semantic conventions for generative AI, version 1.41 and what came after.

All of them are in development. The package that holds the conventions' constants marks these as moved, so they are
written out here: docs/gen-ai of open-telemetry/semantic-conventions v1.41.0, and model/gen-ai of
open-telemetry/semantic-conventions-genai as it was in November 2026 (metrics.yaml, spans.yaml, migration.md).
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from core_plus.cancellation import Interrupted
from core_plus.errors import AgentError

OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
AGENT: Final = "gen_ai.agent.name"
AGENT_DESCRIPTION: Final = "gen_ai.agent.description"
OUTPUT_TYPE: Final = "gen_ai.output.type"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_STREAM: Final = "gen_ai.request.stream"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_ID: Final = "gen_ai.response.id"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHE_READ: Final = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE: Final = {False: "gen_ai.usage.cache_creation.input_tokens", True: "gen_ai.usage.cache_write.input_tokens"}
"""By whether the names are the latest."""
REASONING: Final = "gen_ai.usage.reasoning.output_tokens"
TOKEN_TYPE: Final = "gen_ai.token.type"
TOOL: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
TOOL_CALL: Final = "gen_ai.tool.call.id"
TOOL_DESCRIPTION: Final = "gen_ai.tool.description"
ARGUMENTS: Final = "gen_ai.tool.call.arguments"
RESULT: Final = "gen_ai.tool.call.result"
SYSTEM: Final = "gen_ai.system_instructions"
INPUT: Final = "gen_ai.input.messages"
OUTPUT: Final = "gen_ai.output.messages"
DEFINITIONS: Final = "gen_ai.tool.definitions"
ADDRESS: Final = "server.address"
PORT: Final = "server.port"
ERROR: Final = "error.type"
MCP_METHOD: Final = "mcp.method.name"
MEMORY_STORE: Final = "gen_ai.memory.store.id"
MEMORY: Final = frozenset(
    f"{verb}_memory{what}"
    for verb, what in [(v, "") for v in ("create", "search", "update", "upsert", "delete")]
    + [("create", "_store"), ("delete", "_store")]
)
"""Operations on memories; a tool that is one says so by an attribute `memory_operation`."""
KIND: Final = "openinference.span.kind"
"""Of Arize's OpenInference: what Phoenix shows a span as."""

MODEL_EXCEPTION: Final = "gen_ai.client.operation.exception"
TOOL_EXCEPTION: Final = "gen_ai.execute_tool.exception"
DETAILS: Final = "gen_ai.client.inference.operation.details"

RUN_ID: Final = "core_plus.run.id"
RUN_STATE: Final = "core_plus.run.state"
RUN_RESUMED: Final = "core_plus.run.resumed"
STEP: Final = "core_plus.step.number"
ORIGIN: Final = "core_plus.tool.origin"

INTERPRETER: Final = "python_interpreter"
"""What running code is called as a tool: the name it has in smolagents."""

OPTIONS: Final = {
    "frequency_penalty": ("gen_ai.request.frequency_penalty", float),
    "presence_penalty": ("gen_ai.request.presence_penalty", float),
    "temperature": ("gen_ai.request.temperature", float),
    "top_p": ("gen_ai.request.top_p", float),
    "top_k": ("gen_ai.request.top_k", int),
    "seed": ("gen_ai.request.seed", int),
    "n": ("gen_ai.request.choice.count", int),
}
"""Parameters of a request: the attribute of each, and its type."""

_PROVIDERS: Final = {
    "bedrock": "aws.bedrock",
    "azure": "azure.ai.openai",
    "google": "gcp.gemini",
    "vertex": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "mistral": "mistral_ai",
    "moonshot": "moonshot_ai",
    "openai-responses": "openai",
    "xai": "x_ai",
}
"""Our providers whose names the conventions spell otherwise; others are called what we call them."""


def provider_and_model(model: Any) -> tuple[str, str]:
    """What the conventions call a model's provider, and the model.

    Args:
        model: A model, or its name: "provider:id".
    """
    before, colon, after = str(model).partition(":")
    if not colon or (not before.isidentifier() and not before.replace("-", "").isalnum()):
        return type(model).__module__.partition(".")[0].removeprefix("core_plus_"), str(model)[:200]
    return _PROVIDERS.get(before, before), after


def server_of(model: Any) -> dict[str, Any]:
    """Where a model is asked, if it is reached over a network: address and port.

    Args:
        model: A model; one of core-plus-http says it by its `transport`, others perhaps by a `base_url`.
    """
    origin = getattr(getattr(model, "transport", None), "origin", None)
    if origin is None and isinstance(url := getattr(model, "base_url", None), str):
        parts = urlsplit(url)
        return {ADDRESS: parts.hostname, **({PORT: parts.port} if parts.port else {})} if parts.hostname else {}
    host, port = getattr(origin, "host", None), getattr(origin, "port", None)
    return {} if not isinstance(host, str) else {ADDRESS: host, **({PORT: port} if isinstance(port, int) else {})}


def error_type(error: BaseException) -> str:
    """What the conventions want as "error.type": the full name of the exception's class.

    Args:
        error: What was raised. One of the kernel's that only hands on another gives the other's name.
    """
    if isinstance(error, AgentError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    if isinstance(error, Interrupted | GeneratorExit):
        return "cancelled"
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
