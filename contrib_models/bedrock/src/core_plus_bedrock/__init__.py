"""Amazon Bedrock's models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl
from core_plus_http import Factory

if TYPE_CHECKING:
    from core_plus_bedrock.model import BedrockModel

__all__ = ["BedrockModel"]


@hookimpl
def register_models(register: Register) -> None:
    """Declare the provider "bedrock"."""
    register(
        "bedrock",
        Factory("core_plus_bedrock.model", "BedrockModel"),
        summary="Amazon Bedrock's Converse (AWS credentials, or AWS_BEARER_TOKEN_BEDROCK)",
    )


def __getattr__(name: str) -> Any:
    """Import the class when asked for: a look-up of the plugin costs no transport."""
    if name == "BedrockModel":
        from core_plus_bedrock.model import BedrockModel

        return BedrockModel
    raise AttributeError(f"module 'core_plus_bedrock' has no attribute {name!r}")
