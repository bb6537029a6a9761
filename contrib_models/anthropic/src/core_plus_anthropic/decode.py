"""From the JSON of the Messages API to the kernel's deltas; a whole reply is read as one long event."""

from __future__ import annotations

from typing import Any, Final

from core_plus.errors import MalformedReplyError, ModelError, PermissionDeniedError
from core_plus.messages import Usage
from core_plus.models import Delta, FinishDelta, FinishReason, TextDelta, ThinkingDelta, ToolCallDelta
from core_plus_http import Problem, dumps, error_of, excerpt, loads, problem_in

REASONS: Final[dict[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}
USUAL: Final = frozenset(["text", "thinking", "tool_use"])
CALL: Final = frozenset(["type", "id", "name", "input"])
FACTS: Final = ("stop_sequence", "stop_details", "container", "context_management")
"""What else a reply says of its end, kept as `ModelResponse.data`."""


class Reader:
    """Reads one reply.

    Args:
        owner: Whose thinking and items these are.
    """

    def __init__(self, owner: str) -> None:
        self.begun = self.finished = self.closed = self.gave = False
        self._owner = owner
        self._calls = 0
        self._open: dict[int, dict[str, Any]] = {}  # items that stand for themselves, as they stream in
        self._inputs: dict[int, list[str]] = {}
        self._places: dict[int, int] = {}
        self._usage: dict[str, Any] = {}
        self._facts: dict[str, Any] = {}
        self._data: dict[str, Any] = {}

    def read(self, body: Any) -> list[Delta]:
        """Take an event, or a whole reply.

        Args:
            body: Decoded JSON.

        Raises:
            ModelError: It is the server's account of a failure, or nothing of the kind expected.
        """
        kind = body.get("type") if isinstance(body, dict) else None
        if kind == "error":
            raise error_of(problem_in(body), classify=classify)
        way = getattr(self, f"_{kind}", None) if kind in EVENTS else None
        if way is None and not isinstance(body, dict):
            raise MalformedReplyError(f"the server sent {excerpt(dumps(body))} where a JSON object was due")
        try:
            deltas: list[Delta] = way(body) if way else []  # new kinds of events may come at any time
        except (KeyError, TypeError, AttributeError) as error:
            raise MalformedReplyError(f"a {kind} lacks {error}: {excerpt(dumps(body))}") from error
        return deltas

    def end(self) -> list[Delta]:
        """What is left at the reply's end, and the facts about it."""
        raw = self._facts.get("stop_reason")
        reason: FinishReason = REASONS.get(raw, "other") if raw else "tool_calls" if self._calls else "stop"
        usage = usage_of(self._usage)
        return [FinishDelta(reason, raw, usage, self._facts.get("model"), self._facts.get("id"), self._data or None)]

    # -- events

    def _message(self, body: dict[str, Any]) -> list[Delta]:
        self._note(body)
        deltas: list[Delta] = []
        for index, block in enumerate(body["content"]):
            deltas += self._begun(index, block)
            deltas += self._ended(index)
        self.finished = True
        return deltas

    def _message_start(self, body: dict[str, Any]) -> list[Delta]:
        self._note(body["message"])
        return []

    def _content_block_start(self, body: dict[str, Any]) -> list[Delta]:
        return self._begun(body["index"], body["content_block"])

    def _content_block_delta(self, body: dict[str, Any]) -> list[Delta]:
        index, delta = body["index"], body["delta"]
        kind = delta["type"]
        if kind == "text_delta":
            return [TextDelta(delta["text"])]
        if kind == "thinking_delta":
            return [ThinkingDelta(delta["thinking"], index, provider=self._owner)]
        if kind == "signature_delta":
            return [ThinkingDelta("", index, delta["signature"], self._owner)]
        if kind == "input_json_delta":
            if index in self._places:
                return [ToolCallDelta(self._places[index], arguments=delta["partial_json"])]
            self._inputs.setdefault(index, []).append(delta["partial_json"])
        elif kind == "citations_delta":
            self._data.setdefault("citations", []).append(delta["citation"])
        elif index in self._open:  # an item that grows, such as a summary of what was left out
            grown = {name: value for name, value in delta.items() if name != "type" and isinstance(value, str)}
            for name, value in grown.items():
                self._open[index][name] = (self._open[index].get(name) or "") + value
        return []

    def _content_block_stop(self, body: dict[str, Any]) -> list[Delta]:
        return self._ended(body["index"])

    def _message_delta(self, body: dict[str, Any]) -> list[Delta]:
        self._note(body.get("delta") or {})
        self._count(body.get("usage"))
        self.finished = True
        return []

    def _message_stop(self, body: dict[str, Any]) -> list[Delta]:
        self.finished = self.closed = True
        return []

    # -- blocks

    def _begun(self, index: int, block: dict[str, Any]) -> list[Delta]:
        kind = block["type"]
        if kind == "text":
            if block.get("citations"):
                self._data.setdefault("citations", []).extend(block["citations"])
            return [TextDelta(block["text"])] if block["text"] else []
        if kind == "thinking":
            return [ThinkingDelta(block["thinking"], index, block.get("signature") or None, self._owner)]
        if kind == "tool_use":
            self._places[index] = self._calls
            self._calls += 1
            given = block.get("input") or ""
            given = given if isinstance(given, str) else dumps(given).decode()
            more = {name: value for name, value in block.items() if name not in CALL}
            data = {self._owner: more} if more else None
            return [ToolCallDelta(self._places[index], block["id"], block["name"], given, data)]
        self._open[index] = dict(block)
        return []

    def _ended(self, index: int) -> list[Delta]:
        block = self._open.pop(index, None)
        if block is None:
            return []
        if written := "".join(self._inputs.pop(index, ())):
            block["input"] = loads(written, "the input of a built-in tool")
        return [ThinkingDelta("", index, provider=self._owner, data=block)]

    # -- facts

    def _note(self, body: dict[str, Any]) -> None:
        self.begun = True
        for name in ("id", "model", "stop_reason"):
            if body.get(name):
                self._facts[name] = body[name]
        self._data.update({name: body[name] for name in FACTS if body.get(name)})
        self._count(body.get("usage"))

    def _count(self, usage: Any) -> None:
        """Counts are of the whole reply so far: the last one counts."""
        if isinstance(usage, dict):
            self._usage.update({name: count for name, count in usage.items() if count is not None})


EVENTS: Final = frozenset(
    [
        "message",
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
)


def usage_of(usage: dict[str, Any]) -> Usage | None:
    """The tokens of a call; the API counts what was cached beside the rest of the input.

    Args:
        usage: The reply's `usage`.
    """
    if not usage:
        return None
    cached, kept = _number(usage.get("cache_read_input_tokens")), _number(usage.get("cache_creation_input_tokens"))
    after, tools = _dict(usage.get("output_tokens_details")), _dict(usage.get("server_tool_use"))
    for_long = {"cache_write_1h_tokens": _dict(usage.get("cache_creation")).get("ephemeral_1h_input_tokens")}
    return Usage(
        _number(usage.get("input_tokens")) + cached + kept,
        _number(usage.get("output_tokens")),
        cached,
        kept,
        _number(after.get("thinking_tokens")),
        1,
        0,
        {name: count for name, count in {**tools, **for_long}.items() if type(count) is int and count},
    )


def classify(problem: Problem, status: int | None) -> type[ModelError] | None:
    """What only this API says.

    Args:
        problem: The server's account.
        status: The HTTP status, None inside a reply.
    """
    return PermissionDeniedError if "billing" in problem.code or "credit balance" in problem.message else None


def _number(value: Any) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
