"""Every error the kernel raises.

CorePlusError
├── ConfigurationError          the caller's settings; raised before a run starts
│   ├── ToolDefinitionError     a tool that can't be described to a model
│   ├── PromptError             a prompt with a missing or unknown name
│   └── PluginError             a plugin that is missing, broken or ambiguous
├── AgentError                  ends a step; the model sees its text and goes on
│   ├── AgentParsingError       a reply that holds no action
│   ├── AgentToolCallError      an unknown tool, or arguments that don't fit
│   ├── AgentToolExecutionError a tool that raised
│   ├── AgentExecutionError     code that raised, or was stopped
│   ├── AgentAnswerError        a final answer that a check or the output type refused
│   ├── AgentDeniedError        an effect that a review denied
│   └── AgentMaxStepsError      no steps left
├── AgentGenerationError        a model that failed; ends the run
├── ModelError                  what a provider answered instead of a reply
│   ├── AuthenticationError, PermissionDeniedError, ModelNotFoundError, BadRequestError,
│   │   ContextLengthError, ContentRefusedError
│   ├── RateLimitError, OverloadedError, ServerError, ModelTimeoutError, ModelConnectionError
│   └── MalformedReplyError, CutStreamError
├── ExecutorError               an executor that can't start or was lost
├── LimitReached                a run's limit; ends the run with everything kept
├── JournalError                a run that can't be kept, or can't be gone on with
│   └── Divergence              a run that wants something else than its record says
└── RunError                    what `RunResult.output` raises when there is no output
    ├── RunFailed
    ├── RunInterrupted
    └── RunSuspended
"""

from __future__ import annotations

from typing import Any, ClassVar


class CorePlusError(Exception):
    """The root of all errors that this framework raises."""


class ConfigurationError(CorePlusError):
    """The caller's settings are wrong; nothing was started."""


class ToolDefinitionError(ConfigurationError):
    """A tool can't be described to a model; the text says what is missing and how to mend it."""


class PromptError(ConfigurationError):
    """A prompt's text names something that isn't there, or leaves out what must be."""


class PluginError(ConfigurationError):
    """A plugin is missing, broken, blocked or ambiguous; the text names it and the way out."""


class AgentError(CorePlusError):
    """Ends the step, not the run: the model reads the text as an observation."""


class AgentParsingError(AgentError):
    """The model's reply holds no action; the text teaches the form."""


class AgentToolCallError(AgentError):
    """The model called a tool that doesn't exist, or with arguments that don't fit."""


class AgentToolExecutionError(AgentError):
    """A tool raised while it ran."""


class AgentExecutionError(AgentError):
    """Code raised, or was stopped by a limit."""


class AgentAnswerError(AgentError):
    """A final answer was refused by a check or by the output type."""


class AgentDeniedError(AgentError):
    """A review denied the effect."""


class AgentMaxStepsError(AgentError):
    """The run used all its steps without a final answer."""


class AgentGenerationError(CorePlusError):
    """The model failed; its own error is the cause. The run ends with everything kept."""


class ModelError(CorePlusError):
    """What a provider answered, or failed to answer, instead of a reply.

    Args:
        message: What happened, in the provider's own words where it has any; never holds a key.
        provider: The plugin's name, such as "openai".
        model: The model's id.
        status: The HTTP status, if there was one.
        request_id: The provider's id of the request, for its support.
        retry_after: Seconds the provider asks to wait.
        partial: True when output had already been passed on, so that a retry would repeat it.
    """

    kind: ClassVar[str] = "error"
    can_retry: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        provider: str = "",
        model: str = "",
        status: int | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        partial: bool = False,
    ) -> None:
        super().__init__(message)
        self.message, self.provider, self.model = message, provider, model
        self.status, self.request_id = status, request_id
        self.retry_after, self.partial = retry_after, partial

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later, and repeating it repeats no output."""
        return self.can_retry and not self.partial

    def __str__(self) -> str:
        where = f"{self.provider}:{self.model}".strip(":")
        facts = [f"HTTP {self.status}" if self.status else "", f"request {self.request_id}" if self.request_id else ""]
        note = f" ({', '.join(fact for fact in facts if fact)})" if any(facts) else ""
        return f"{where}: {self.message}{note}" if where else f"{self.message}{note}"

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.message,), self.__dict__)


class AuthenticationError(ModelError):
    """The key is missing or wrong (HTTP 401)."""

    kind = "authentication"


class PermissionDeniedError(ModelError):
    """The key may not do this (HTTP 403)."""

    kind = "permission"


class ModelNotFoundError(ModelError):
    """No such model or address (HTTP 404)."""

    kind = "not_found"


class BadRequestError(ModelError):
    """The provider refuses the request's form (HTTP 400, 413, 422)."""

    kind = "bad_request"


class ContextLengthError(BadRequestError):
    """The messages are longer than the model takes."""

    kind = "context_length"


class ContentRefusedError(ModelError):
    """The provider's filter refused the request."""

    kind = "content_refused"


class RateLimitError(ModelError):
    """Too many requests or tokens (HTTP 429)."""

    kind, can_retry = "rate_limit", True


class OverloadedError(ModelError):
    """The provider has no room now (HTTP 503, 529)."""

    kind, can_retry = "overloaded", True


class ServerError(ModelError):
    """The provider failed (HTTP 5xx, 408, 409, or an error inside a stream)."""

    kind, can_retry = "server", True


class ModelTimeoutError(ModelError):
    """No answer in time."""

    kind, can_retry = "timeout", True


class ModelConnectionError(ModelError):
    """No connection, or one that broke before the first byte."""

    kind, can_retry = "connection", True


class MalformedReplyError(ModelError):
    """A reply that isn't what the provider's protocol says."""

    kind = "malformed"


class CutStreamError(ModelError):
    """A stream that ended before its end."""

    kind, can_retry = "cut_stream", True


class ExecutorError(CorePlusError):
    """An executor can't start, or its session was lost."""


class LimitReached(CorePlusError):
    """A limit of the run; it ends with everything kept, as at max_steps."""


class JournalError(CorePlusError):
    """A run can't be kept, or what is kept can't be gone on with; the run stops before its next effect."""


class Divergence(JournalError):
    """A run that is repeated from its record wants something else than it did; the text says where and what."""


class RunError(CorePlusError):
    """There is no output. `result` holds everything that was done.

    Args:
        message: Why there is none.
        result: The run's `RunResult`.
    """

    def __init__(self, message: str, result: Any = None) -> None:
        super().__init__(message)
        self.result = result


class RunFailed(RunError):
    """The run ended by an error; it is the cause."""


class RunInterrupted(RunError):
    """The run was interrupted."""


class RunSuspended(RunError):
    """The run waits for a person; `agent.resume(result, answer)` goes on."""
