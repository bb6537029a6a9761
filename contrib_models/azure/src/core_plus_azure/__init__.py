"""Azure OpenAI's models."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl
from core_plus_http import Factory

if TYPE_CHECKING:
    from core_plus_azure.model import AzureModel, AzureResponsesModel

__all__ = ["AzureModel", "AzureResponsesModel"]


@hookimpl
def register_models(register: Register) -> None:
    """Declare the providers "azure" and "azure-responses"."""
    register(
        "azure",
        Factory("core_plus_azure.model", "AzureModel"),
        summary="Azure OpenAI, azure:DEPLOYMENT (AZURE_OPENAI_ENDPOINT, AZURE_OPENAI_API_KEY)",
    )
    register(
        "azure-responses",
        Factory("core_plus_azure.model", "AzureResponsesModel"),
        summary="Azure OpenAI's Responses API, azure-responses:DEPLOYMENT",
    )


def __getattr__(name: str) -> Any:
    """Import the classes when asked for: a look-up of the plugin costs no transport."""
    if name not in __all__:
        raise AttributeError(f"module 'core_plus_azure' has no attribute {name!r}")
    return getattr(import_module("core_plus_azure.model"), name)
