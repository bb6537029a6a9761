"""Ours, with the settings that a person gets who sets none, in the dialect of Anthropic."""

from core_plus_anthropic import AnthropicModel

from adapters.core_plus import agent, arun, run, stream

PACKAGES = ["./core", "./contrib_models/http", "./contrib_models/anthropic"]
IMPORT = "from core_plus import ToolCallingAgent, tool; from core_plus_anthropic import AnthropicModel"
SHARED = True
__all__ = ["agent", "arun", "model", "run", "stream"]


def model(url, script, is_async=False):
    return AnthropicModel(script, base_url=url.removesuffix("/v1"), api_key="x", timeout=600)
