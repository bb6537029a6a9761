"""What a provider's refusals mean, in the kernel's errors."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC
from typing import Any, ClassVar, Final, TypeAlias

import msgspec

from core_plus.errors import (
    AuthenticationError,
    BadRequestError,
    ContentRefusedError,
    ContextLengthError,
    MalformedReplyError,
    ModelError,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
)
from core_plus_http.exchange import Reply
from core_plus_http.jsontext import excerpt, loads

KINDS: Final[dict[int, type[ModelError]]] = {
    401: AuthenticationError,
    402: PermissionDeniedError,
    403: PermissionDeniedError,
    404: ModelNotFoundError,
    405: ModelNotFoundError,
    408: ServerError,
    409: ServerError,
    410: ModelNotFoundError,
    425: ServerError,
    429: RateLimitError,
    503: OverloadedError,
    529: OverloadedError,
}
TOO_LONG: Final = (
    "context_length",
    "context length",
    "context window",
    "maximum context",
    "prompt is too long",
    "input is too long",
    "too many tokens",
    "reduce the length",
)
"""How providers of many makes say that the messages are too long."""
REFUSED: Final = ("content_filter", "content_policy", "content management policy")
"""How they say that a filter refused the request."""
CODES: Final[tuple[tuple[str, type[ModelError]], ...]] = (
    ("rate_limit", RateLimitError),
    ("resource_exhausted", RateLimitError),
    ("overloaded", OverloadedError),
    ("unavailable", OverloadedError),
    ("authentication", AuthenticationError),
    ("permission", PermissionDeniedError),
    ("not_found", ModelNotFoundError),
)
"""What the codes of errors inside a stream mean, which has no status to tell."""
REQUEST_IDS: Final = ("x-request-id", "request-id", "x-amzn-requestid", "apim-request-id", "cf-ray")


class Cancelled(ModelError):
    """The run was stopped while the model worked; no fault of the provider's."""

    kind: ClassVar[str] = "cancelled"


class Problem(msgspec.Struct, frozen=True):
    """A provider's own account of what went wrong.

    Args:
        message: Its words, "" if it has none.
        code: Its code and type, in one text to search in.
        status: An HTTP status in the body, where the real one was 200.
    """

    message: str = ""
    code: str = ""
    status: int | None = None


Find: TypeAlias = Callable[[Any], Problem]
Classify: TypeAlias = Callable[[Problem, int | None], "type[ModelError] | None"]


def problem_in(body: Any) -> Problem:
    """Find the provider's account in the decoded body of an error; it knows the forms in common use.

    Args:
        body: Decoded JSON: `{"error": {"message", "code", "type"}}`, `{"error": "text"}`, `{"message"}`,
            `{"detail"}`, `{"errors": [...]}`, or a list of one of these.
    """
    if isinstance(body, list):
        return problem_in(body[0]) if body else Problem()
    if not isinstance(body, dict):
        return Problem(str(body) if body is not None else "")
    inner = next((body[key] for key in ("error", "errors", "detail") if body.get(key)), None)
    if inner is not None:
        found = problem_in(inner)
        return found if found.message else Problem(str(inner), found.code, found.status)
    message = next((body[key] for key in ("message", "msg", "title") if body.get(key)), "")
    words = [str(body[key]) for key in ("code", "type", "status") if body.get(key)]
    number = next((body[key] for key in ("status_code", "code", "status") if type(body.get(key)) is int), None)
    metadata = body.get("metadata")
    more = metadata.get("raw") if isinstance(metadata, dict) else None  # a router's upstream says what really happened
    text = f"{message}: {more}" if isinstance(more, str) and more else str(message)
    return Problem(text, " ".join(words), number)


def error_of(
    problem: Problem, status: int | None = None, *, reply: Reply | None = None, classify: Classify | None = None
) -> ModelError:
    """The typed error for a provider's account of what went wrong.

    Args:
        problem: The account.
        status: The HTTP status, None for an error inside a reply that began well.
        reply: Where request id, Retry-After and address are read from.
        classify: Looks first: gives the error's type for what only this provider says, or None.
    """
    number = status if status is not None else problem.status
    kind = (classify and classify(problem, number)) or _kind(problem, number)
    text = problem.message.strip() or (excerpt(reply.body) if reply and reply.body else "no reason given")
    error = kind(text + _hint(kind, reply), status=status)
    if reply is not None:
        error.request_id = next((found for name in REQUEST_IDS if (found := reply.header(name))), None)
        error.retry_after = retry_after(reply)
    return error


def error_from_reply(reply: Reply, *, find: Find = problem_in, classify: Classify | None = None) -> ModelError:
    """The typed error for a reply whose status is no success.

    Args:
        reply: The whole reply.
        find: Finds the provider's account in the decoded body.
        classify: See `error_of`.
    """
    if 300 <= reply.status < 400:
        problem = Problem(f"it redirects to {reply.header('location') or '(nowhere)'}, which isn't followed")
        return error_of(problem, reply.status, reply=reply, classify=lambda *_: ModelNotFoundError)
    try:
        problem = find(loads(reply.body))
    except MalformedReplyError:  # a proxy's page, or plain words: they are the account
        problem = Problem(excerpt(reply.body) if reply.body else "")
    return error_of(problem, reply.status, reply=reply, classify=classify)


def json_in(reply: Reply) -> Any:
    """The decoded body of a successful reply.

    Args:
        reply: The whole reply.

    Raises:
        MalformedReplyError: The body is empty, a web page, or no JSON.
    """
    try:
        return loads(reply.body)
    except MalformedReplyError as error:
        kind = reply.header("content-type") or "no content type"
        if not reply.body.strip():
            what = "an empty body"
        elif reply.body.lstrip()[:1] == b"<":
            what = f"a web page instead of JSON (is the base URL right?): {excerpt(reply.body)}"
        else:
            what = error.message
        raise MalformedReplyError(f"{reply.url} answered with {what} [{kind}]", status=reply.status) from error


def retry_after(reply: Reply, now: float | None = None) -> float | None:
    """Seconds that the provider asks to wait.

    Args:
        reply: Its `retry-after-ms` or `retry-after` is read: a number or an HTTP date.
        now: The time in seconds since 1970; None for the clock's.
    """
    if (milliseconds := reply.header("retry-after-ms")) and _is_number(milliseconds):
        return float(milliseconds) / 1000
    text = reply.header("retry-after")
    if not text or _is_number(text):
        return float(text) if text else None
    from email.utils import parsedate_to_datetime  # slow to import, and rarely needed

    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, date.timestamp() - (time.time() if now is None else now))


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal()


def _kind(problem: Problem, status: int | None) -> type[ModelError]:
    if status is None or not 400 <= status < 600:
        return next((kind for word, kind in CODES if word in problem.code.lower()), _by_words(problem, ServerError))
    if status in KINDS:
        return KINDS[status]
    return ServerError if status >= 500 else _by_words(problem, BadRequestError)


def _by_words(problem: Problem, otherwise: type[ModelError]) -> type[ModelError]:
    words = f"{problem.code} {problem.message}".lower()
    if any(phrase in words for phrase in TOO_LONG):
        return ContextLengthError
    return ContentRefusedError if any(phrase in words for phrase in REFUSED) else otherwise


def _hint(kind: type[ModelError], reply: Reply | None) -> str:
    if kind is AuthenticationError:
        return " [check the key]"
    if kind is ModelNotFoundError and reply is not None:
        return f" [check the model's name and the address {reply.url}]"
    return ""
