"""Ours, with the settings that a person gets who sets none, in the dialect of Google."""

from core_plus_google import GoogleModel

from adapters.core_plus import agent, arun, run, stream

PACKAGES = ["./core", "./contrib_models/http", "./contrib_models/google"]
IMPORT = "from core_plus import ToolCallingAgent, tool; from core_plus_google import GoogleModel"
SHARED = True
__all__ = ["agent", "arun", "model", "run", "stream"]


def model(url, script, is_async=False):
    return GoogleModel(script, base_url=url.removesuffix("/v1"), api_key="x", timeout=600)
