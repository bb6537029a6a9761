"""What LiteLLM's exceptions mean, in the kernel's errors."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from core_plus.errors import (
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ContentRefusedError,
    ContextLengthError,
    CorePlusError,
    CutStreamError,
    MalformedReplyError,
    ModelConnectionError,
    ModelError,
    ModelNotFoundError,
    ModelTimeoutError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
)
from core_plus.secret import Secret
from core_plus_http import Reply, retry_after

KINDS: Final[dict[str, type[ModelError]]] = {
    "AuthenticationError": AuthenticationError,
    "PaymentRequiredError": PermissionDeniedError,
    "PermissionDeniedError": PermissionDeniedError,
    "NotFoundError": ModelNotFoundError,
    "ContextWindowExceededError": ContextLengthError,
    "ContentPolicyViolationError": ContentRefusedError,
    "UnprocessableEntityError": BadRequestError,
    "BadRequestError": BadRequestError,
    "RateLimitError": RateLimitError,
    "MidStreamFallbackError": CutStreamError,
    "ServiceUnavailableError": OverloadedError,
    "APITimeoutError": ModelTimeoutError,
    "Timeout": ModelTimeoutError,
    "APIResponseValidationError": MalformedReplyError,
    "JSONSchemaValidationError": MalformedReplyError,
    "BadGatewayError": ServerError,
    "InternalServerError": ServerError,
    "APIConnectionError": ModelConnectionError,
    "APIError": ServerError,
    "BudgetExceededError": PermissionDeniedError,
}
"""LiteLLM's exceptions by name, the special before the general where one inherits from another."""
STATUSES: Final[dict[int, type[ModelError]]] = {
    401: AuthenticationError,
    402: PermissionDeniedError,
    403: PermissionDeniedError,
    404: ModelNotFoundError,
    408: ServerError,
    409: ServerError,
    429: RateLimitError,
    503: OverloadedError,
    529: OverloadedError,
}
"""What a status says, whatever LiteLLM makes of it."""
NO_REPLY: Final = "Empty or invalid response from LLM"
"""LiteLLM's words where a server answered with a web page."""


def error_of(error: Exception, model: str, secrets: Iterable[Secret], *, begun: bool = False) -> CorePlusError:
    """The kernel's error for what LiteLLM raised; it holds no key that was given.

    Args:
        error: What was raised.
        model: The model's name.
        secrets: What must not be shown.
        begun: Whether a part of the reply had come.
    """
    if isinstance(error, CorePlusError):
        return error
    error = getattr(error, "original_exception", None) or error  # a failure in mid-stream is wrapped
    chain = [*_chain(error)]
    words = str(getattr(error, "message", "") or error) or type(error).__name__
    for secret in secrets:
        if secret:
            words = words.replace(secret.reveal(), "***")
    kind, status = _kind(chain, words)
    if kind is None:
        if isinstance(error, TypeError | ValueError):
            return ConfigurationError(f"litellm:{model}: {words}")
        kind = ModelError
    if begun and kind is ModelConnectionError:  # so it calls all that happens in a stream
        told = any(type(each).__name__ == "APIError" for each in chain[1:])
        kind = ServerError if told else CutStreamError
    return kind(words, provider="litellm", model=model, status=status, retry_after=_wait(chain))


def _kind(chain: Sequence[BaseException], words: str) -> tuple[type[ModelError] | None, int | None]:
    """What a failure is, and its status, where a server gave one: LiteLLM makes up 500 where none did."""
    error = chain[0]
    named = next((kind.__name__ for kind in type(error).__mro__ if kind.__name__ in KINDS), "")
    status = getattr(error, "status_code", None)
    if KINDS.get(named) in (ServerError, ModelConnectionError):
        if NO_REPLY in words or any(isinstance(each, json.JSONDecodeError) for each in chain):
            return MalformedReplyError, None
        if any(type(each).__name__ == "APIConnectionError" for each in chain[1:]):
            return ModelConnectionError, None
    if KINDS.get(named) is ModelTimeoutError and any(_status(each) == 408 for each in chain[1:]):
        return ServerError, 408  # the server's own, where LiteLLM calls its own time-outs the same
    if not isinstance(status, int) or KINDS.get(named) in (ModelConnectionError, ModelTimeoutError):
        return KINDS.get(named), None
    return STATUSES.get(status) or KINDS.get(named), status


def _status(error: BaseException) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and what led to it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _wait(chain: Sequence[Any]) -> float | None:
    """Seconds that the provider asks to wait, as any exception on the way has it."""
    for error in chain:
        kept = (getattr(getattr(error, "response", None), "headers", None), getattr(error, "headers", None))
        for headers in (*kept, getattr(error, "litellm_response_headers", None)):
            if isinstance(headers, Mapping):
                pairs = [
                    (str(name).encode(), str(value).encode("latin-1", "replace")) for name, value in headers.items()
                ]
                if (seconds := retry_after(Reply(0, pairs))) is not None:
                    return seconds
    return None
