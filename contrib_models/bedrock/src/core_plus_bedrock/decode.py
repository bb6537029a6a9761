"""From Converse's JSON to the kernel's deltas; a whole reply is read as one long event."""

from __future__ import annotations

from typing import Any, Final

from core_plus.errors import (
    AuthenticationError,
    BadRequestError,
    MalformedReplyError,
    ModelError,
    ModelTimeoutError,
    OverloadedError,
    RateLimitError,
    ServerError,
)
from core_plus.messages import Usage
from core_plus.models import Delta, FinishDelta, FinishReason, TextDelta, ThinkingDelta, ToolCallDelta
from core_plus_http import Problem, dumps, excerpt

REASONS: Final[dict[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "malformed_tool_use": "error",
    "malformed_model_output": "error",
}
EXCEPTIONS: Final[dict[str, type[ModelError]]] = {
    "throttlingException": RateLimitError,
    "validationException": BadRequestError,
    "serviceUnavailableException": OverloadedError,
    "modelTimeoutException": ModelTimeoutError,
    "internalServerException": ServerError,
    "modelStreamErrorException": ServerError,
}
"""What ends a stream, by the name of its event."""
FACTS: Final = ("trace", "performanceConfig", "serviceTier", "additionalModelResponseFields")
"""What else a reply says, kept as `ModelResponse.data`."""


class Reader:
    """Reads one reply.

    Args:
        owner: Whose thinking and items these are.
    """

    def __init__(self, owner: str) -> None:
        self.begun = self.finished = self.closed = self.gave = False
        self._owner = owner
        self._calls: dict[int, int] = {}
        self._reason: str | None = None
        self._usage: Usage | None = None
        self._data: dict[str, Any] = {}

    def read(self, body: Any) -> list[Delta]:
        """Take an event as `{its name: its JSON}`, or a whole reply.

        Args:
            body: Decoded JSON.

        Raises:
            MalformedReplyError: It is nothing of the kind expected.
        """
        if not isinstance(body, dict):
            raise MalformedReplyError(f"the server sent {excerpt(dumps(body))} where a JSON object was due")
        out: list[Delta] = []
        try:
            if "output" in body:
                self._whole(body, out)
            for name, event in body.items():
                if name in EVENTS:
                    EVENTS[name](self, event, out)
        except (KeyError, TypeError, AttributeError) as error:
            raise MalformedReplyError(f"a reply lacks {error}: {excerpt(dumps(body))}") from error
        return out

    def end(self) -> list[Delta]:
        """The facts about the reply."""
        reason: FinishReason = REASONS.get(self._reason, "other") if self._reason else "stop"
        return [FinishDelta(reason, self._reason, self._usage, None, None, self._data or None)]

    def _whole(self, body: dict[str, Any], out: list[Delta]) -> None:
        for place, block in enumerate(body["output"]["message"]["content"]):
            if "toolUse" in block:
                call = block["toolUse"]
                self._call(place, call, out)
                given = call.get("input") or ""
                text = given if isinstance(given, str) else dumps(given).decode()
                out.append(ToolCallDelta(self._calls[place], arguments=text))
            elif "reasoningContent" in block:
                content = block["reasoningContent"]
                said = content.get("reasoningText") or content
                self._thought(place, said, out)
            elif "text" in block:
                out.append(TextDelta(block["text"]))
            else:  # what a model's own tools did goes back as it came
                out.append(ThinkingDelta("", place, provider=self._owner, data=block))
        self._stopped(body, out)
        self._counted(body, out)

    def _began(self, event: dict[str, Any], out: list[Delta]) -> None:
        self.begun = True

    def _block(self, event: dict[str, Any], out: list[Delta]) -> None:
        if call := event["start"].get("toolUse"):
            self._call(event["contentBlockIndex"], call, out)

    def _delta(self, event: dict[str, Any], out: list[Delta]) -> None:
        place, delta = event["contentBlockIndex"], event["delta"]
        if "text" in delta:
            out.append(TextDelta(delta["text"]))
        elif "toolUse" in delta:
            out.append(ToolCallDelta(self._calls[place], arguments=delta["toolUse"]["input"]))
        elif "reasoningContent" in delta:
            self._thought(place, delta["reasoningContent"], out)

    def _stopped(self, event: dict[str, Any], out: list[Delta]) -> None:
        self.begun = self.finished = True
        self._reason = event["stopReason"]

    def _counted(self, event: dict[str, Any], out: list[Delta]) -> None:
        if event.get("usage"):
            self._usage = usage_of(event["usage"])
        self._data.update({name: event[name] for name in FACTS if event.get(name)})
        self.closed = self.finished

    def _call(self, place: int, call: dict[str, Any], out: list[Delta]) -> None:
        self._calls[place] = len(self._calls)
        out.append(ToolCallDelta(self._calls[place], call["toolUseId"], call["name"]))

    def _thought(self, place: int, said: dict[str, Any], out: list[Delta]) -> None:
        if said.get("redactedContent"):
            data = {"reasoningContent": {"redactedContent": said["redactedContent"]}}
            out.append(ThinkingDelta("", place, provider=self._owner, data=data))
        else:
            out.append(ThinkingDelta(said.get("text") or "", place, said.get("signature") or None, self._owner))


EVENTS: Final = {
    "messageStart": Reader._began,  # noqa: SLF001 - of this room
    "contentBlockStart": Reader._block,  # noqa: SLF001
    "contentBlockDelta": Reader._delta,  # noqa: SLF001
    "messageStop": Reader._stopped,  # noqa: SLF001
    "metadata": Reader._counted,  # noqa: SLF001
}


def usage_of(usage: dict[str, Any]) -> Usage:
    """The tokens of a call; the API counts what was cached beside the rest of the input.

    Args:
        usage: The reply's `usage`.
    """
    cached, kept = _count(usage, "cacheReadInputTokens"), _count(usage, "cacheWriteInputTokens")
    return Usage(_count(usage, "inputTokens") + cached + kept, _count(usage, "outputTokens"), cached, kept, 0, 1)


def classify(problem: Problem, status: int | None) -> type[ModelError] | None:
    """What only this API says.

    Args:
        problem: The server's account.
        status: The HTTP status, None inside a reply.
    """
    words = problem.message.lower()
    if status in (400, 403) and any(said in words for said in ("security token", "signature", "access key")):
        return AuthenticationError
    return OverloadedError if status == 424 else None  # the model itself failed


def _count(usage: dict[str, Any], name: str) -> int:
    value = usage.get(name)
    return int(value) if isinstance(value, int | float) else 0
