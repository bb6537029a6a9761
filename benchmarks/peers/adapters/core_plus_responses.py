"""Ours, with the settings that a person gets who sets none, in the dialect of Responses."""

from core_plus_openai import OpenAIResponsesModel

from adapters.core_plus import agent, arun, run, stream

PACKAGES = ["./core", "./contrib_models/http", "./contrib_models/openai"]
IMPORT = "from core_plus import ToolCallingAgent, tool; from core_plus_openai import OpenAIResponsesModel"
SHARED = True
__all__ = ["agent", "arun", "model", "run", "stream"]


def model(url, script, is_async=False):
    return OpenAIResponsesModel(script, base_url=url, api_key="x", timeout=600)
