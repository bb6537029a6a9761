"""Requests held against the vendors' own descriptions of them: what their SDKs say a request is.

These are the only validators that aren't ours. As they come they let most mistakes pass: a `TypedDict` ignores keys
that it doesn't know, and what is declared `Iterable` is looked at only when somebody iterates. So every `TypedDict`
is closed and every iterator drained. None of them checks that calls and results pair: the scripted servers do.

Each function returns "" for a good request, or what is wrong with it. An SDK that isn't installed skips the test.
"""

from __future__ import annotations

import base64
import functools
import warnings
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any, Final, get_args, get_type_hints

import pytest

GOOGLE: Final = {
    "contents": "Content",
    "systemInstruction": "Content",
    "tools": "Tool",
    "toolConfig": "ToolConfig",
    "safetySettings": "SafetySetting",
    "generationConfig": "GenerationConfig",
}
"""The fields of a request to generateContent, and google-genai's types of them."""


def chat(body: Mapping[str, Any]) -> str:
    """Hold a request against the openai package's types of chat completions.

    Args:
        body: The request's JSON.
    """
    return _adapter("openai", "openai.types.chat.completion_create_params", "CompletionCreateParams")(body)


def responses(body: Mapping[str, Any]) -> str:
    """Hold a request against the openai package's types of the Responses API.

    Args:
        body: The request's JSON.
    """
    return _adapter("openai", "openai.types.responses.response_create_params", "ResponseCreateParams")(body)


def anthropic(body: Mapping[str, Any]) -> str:
    """Hold a request against the anthropic package's types of the Messages API, beta fields included.

    Args:
        body: The request's JSON.
    """
    return _adapter("anthropic", "anthropic.types.beta.message_create_params", "MessageCreateParams")(body)


def google(body: Mapping[str, Any]) -> str:
    """Hold a request against the google-genai package's types, which are closed as they come.

    Args:
        body: The request's JSON.
    """
    types = _sdk("google.genai.types", "google-genai")
    unknown = [name for name in body if name not in GOOGLE]
    try:
        for name, value in body.items():
            for item in value if isinstance(value, list) else [value]:
                getattr(types, GOOGLE[name]).model_validate(item)
    except (KeyError, ValueError) as error:
        return f"{error} {unknown or ''}"
    return ""


def converse(body: Mapping[str, Any]) -> str:
    """Hold a request against botocore's model of Bedrock's Converse.

    Args:
        body: The request's JSON.
    """
    validator, shape = _converse()
    unknown = sorted(set(body) - set(shape.members))
    report = validator.validate({**_as_bytes(body), "modelId": "m"}, shape)
    return report.generate_report() or (f"unknown fields: {unknown}" if unknown else "")


@functools.cache
def _converse() -> tuple[Any, Any]:
    service = _sdk("botocore.session", "botocore").Session().get_service_model("bedrock-runtime")
    return import_module("botocore.validate").ParamValidator(), service.operation_model("Converse").input_shape


def _as_bytes(value: Any) -> Any:
    """Base64 as the bytes that botocore's model speaks of."""
    if isinstance(value, dict):
        blob = value.get("bytes")
        decoded = {"bytes": base64.b64decode(blob)} if isinstance(blob, str) else {}
        return {**{name: _as_bytes(item) for name, item in value.items()}, **decoded}
    return [_as_bytes(item) for item in value] if isinstance(value, list) else value


def _sdk(module: str, package: str) -> Any:
    pytest.importorskip(module.partition(".")[0], reason=f"the {package} package isn't installed")
    return pytest.importorskip(module, reason=f"the {package} package isn't installed")


@functools.cache
def _adapter(package: str, module: str, name: str) -> Callable[[Any], str]:
    pydantic = _sdk("pydantic", "pydantic")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what an SDK's own modules say of each other
        _sdk(package, package)
        root = getattr(import_module(module), name)
        _close(root, pydantic.ConfigDict(extra="forbid", arbitrary_types_allowed=True), set())
        adapter = pydantic.TypeAdapter(root)

    def complaint(body: Any) -> str:
        try:
            _drain(adapter.validate_python(body))
        except pydantic.ValidationError as error:
            return str(error)
        return ""

    return complaint


def _close(kind: Any, config: Any, seen: set[int]) -> None:
    """Have every TypedDict and every model in a type refuse the keys that it doesn't know."""
    if id(kind) in seen:
        return
    seen.add(id(kind))
    inner = [*get_args(kind), getattr(kind, "__value__", None)]
    if isinstance(kind, type) and hasattr(kind, "__required_keys__"):
        kind.__pydantic_config__ = config  # type: ignore[attr-defined]
        inner += get_type_hints(kind, include_extras=True).values()
    for each in [*inner, *(field.annotation for field in getattr(kind, "model_fields", {}).values())]:
        _close(each, config, seen)
    if hasattr(kind, "model_rebuild"):  # a reply's block is taken as a request's, with whatever it holds
        kind.model_config = config
        kind.model_rebuild(force=True)


def _drain(value: Any) -> None:
    """Look at everything in a value, and thereby have it checked."""
    if isinstance(value, Mapping):
        for item in value.values():
            _drain(item)
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for item in value:
            _drain(item)
