"""From the JSON of generateContent to the kernel's deltas; a whole reply is read as one long chunk."""

from __future__ import annotations

import base64
import binascii
import os
from typing import Any, Final

from core_plus.errors import MalformedReplyError
from core_plus.messages import Audio, File, Image, Usage
from core_plus.models import Delta, FinishDelta, FinishReason, PartDelta, TextDelta, ThinkingDelta, ToolCallDelta
from core_plus_http import dumps, error_of, excerpt, problem_in
from core_plus_http.chat.cut import Cut

REASONS: Final[dict[str, FinishReason]] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "MALFORMED_FUNCTION_CALL": "error",
    "UNEXPECTED_TOOL_CALL": "error",
    "TOO_MANY_TOOL_CALLS": "error",
}
FACTS: Final = ("groundingMetadata", "citationMetadata", "safetyRatings", "urlContextMetadata", "avgLogprobs",
                "logprobsResult", "finishMessage")  # fmt: skip
"""What else a candidate says, kept as `ModelResponse.data`."""


class Reader:
    """Reads the chunks of one reply.

    Args:
        owner: Whose thinking and items these are.
        stops: Texts at which the reply is cut here.
    """

    def __init__(self, owner: str, stops: tuple[str, ...] = ()) -> None:
        self.begun = self.finished = self.closed = self.gave = False
        self._owner = owner
        self._cut = Cut(stops) if stops else None
        self._calls = self._blocks = 0
        self._thinking = False
        self._ids: set[str] = set()
        self._reason: str | None = None
        self._blocked: str | None = None
        self._usage: dict[str, Any] = {}
        self._facts: dict[str, Any] = {}
        self._data: dict[str, Any] = {}

    def read(self, body: Any) -> list[Delta]:
        """Take a chunk, or a whole reply.

        Args:
            body: Decoded JSON.

        Raises:
            ModelError: It is the server's account of a failure, or nothing of the kind expected.
        """
        if isinstance(body, list) and len(body) == 1:  # how the API wraps errors of a stream
            body = body[0]
        if not isinstance(body, dict):
            raise MalformedReplyError(f"the server sent {excerpt(dumps(body))} where a JSON object was due")
        if body.get("error"):
            raise error_of(problem_in(body))
        self._note(body)
        out: list[Delta] = []
        candidates = body.get("candidates")
        for candidate in candidates if isinstance(candidates, list) else ():
            if isinstance(candidate, dict) and candidate.get("index") in (0, None):
                self._candidate(candidate, out)
        return out

    def end(self) -> list[Delta]:
        """What is left at the reply's end, and the facts about it."""
        out: list[Delta] = []
        if self._cut is not None and (rest := self._cut.rest()):
            out.append(TextDelta(rest))
        facts, usage = self._facts, usage_of(self._usage)
        raw = self._reason or self._blocked
        model, id_ = facts.get("modelVersion"), facts.get("responseId")
        out.append(FinishDelta(self._finish_reason(), raw, usage, model, id_, self._data or None))
        return out

    def _note(self, body: dict[str, Any]) -> None:
        for name in ("modelVersion", "responseId"):
            if body.get(name):
                self._facts[name] = body[name]
        feedback = body.get("promptFeedback")
        if isinstance(feedback, dict) and feedback.get("blockReason"):
            self.begun = self.finished = True
            self._blocked = str(feedback["blockReason"])
            self._data["promptFeedback"] = feedback
        if isinstance(body.get("usageMetadata"), dict):  # each is of the whole reply so far
            self._usage.update(body["usageMetadata"])

    def _candidate(self, candidate: dict[str, Any], out: list[Delta]) -> None:
        self.begun = True
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict) and not (self._cut is not None and self._cut.done):
                self._part(part, out)
        if candidate.get("finishReason"):
            self._reason, self.finished = str(candidate["finishReason"]), True
        self._data.update({name: candidate[name] for name in FACTS if candidate.get(name)})

    def _part(self, part: dict[str, Any], out: list[Delta]) -> None:
        thinks = bool(part.get("thought"))
        if thinks and not self._thinking:
            self._blocks += 1
        self._thinking = thinks
        signature = part.get("thoughtSignature")
        if thinks:
            text = str(part.get("text", ""))
            out.append(ThinkingDelta(text, self._blocks, signature, self._owner))
        elif "text" in part:
            self._text(str(part["text"]), out)
            if signature:  # it belongs to the text before it
                self._item(ThinkingDelta("", 0, signature, self._owner), out)
        elif "functionCall" in part:
            self._call(part["functionCall"], signature, out)
        elif "inlineData" in part:
            out.append(PartDelta(_media(part["inlineData"])))
            if signature:
                self._item(ThinkingDelta("", 0, signature, self._owner), out)
        else:  # what the API's own tools did goes back as it came
            self._item(ThinkingDelta("", 0, None, self._owner, part), out)

    def _item(self, delta: ThinkingDelta, out: list[Delta]) -> None:
        self._blocks += 1
        out.append(ThinkingDelta(delta.text, self._blocks, delta.signature, delta.provider, delta.data))

    def _text(self, text: str, out: list[Delta]) -> None:
        if self._cut is not None:
            text = self._cut.passed(text)
        if text:
            out.append(TextDelta(text))

    def _call(self, call: Any, signature: Any, out: list[Delta]) -> None:
        if not isinstance(call, dict) or not isinstance(call.get("name"), str):
            raise MalformedReplyError(f"a function call without a name: {excerpt(dumps(call))}")
        more = {self._owner: {"thoughtSignature": signature}} if signature else None
        given = call.get("args")
        text = given if isinstance(given, str) else dumps(given).decode() if given else ""
        out.append(ToolCallDelta(self._calls, self._id(call.get("id")), call["name"], text, more))
        self._calls += 1

    def _id(self, given: Any) -> str:
        """The call's id; one made here, where the server gives none or the same again."""
        found = str(given or "")
        while not found or found in self._ids:
            found = f"call_{os.urandom(12).hex()}"
        self._ids.add(found)
        return found

    def _finish_reason(self) -> FinishReason:
        if self._cut is not None and self._cut.done:
            return "stop"
        if self._blocked and not self._reason:
            return "content_filter"
        reason = REASONS.get(self._reason, "other") if self._reason else "stop"
        return "tool_calls" if reason == "stop" and self._calls else reason


def usage_of(usage: dict[str, Any]) -> Usage | None:
    """The tokens of a call; the API counts thoughts beside the rest of the output.

    Args:
        usage: The reply's `usageMetadata`.
    """
    if not any(name in usage for name in ("promptTokenCount", "candidatesTokenCount", "totalTokenCount")):
        return None
    read, thought = _count(usage, "promptTokenCount"), _count(usage, "thoughtsTokenCount")
    by_tools = _count(usage, "toolUsePromptTokenCount")
    details = {"tool_use_input_tokens": by_tools} if by_tools else {}
    wrote = _count(usage, "candidatesTokenCount") + thought
    return Usage(read + by_tools, wrote, _count(usage, "cachedContentTokenCount"), 0, thought, 1, 0, details)


def _media(found: Any) -> Image | Audio | File:
    kind = str(found.get("mimeType", "")) if isinstance(found, dict) else ""
    try:
        data = base64.b64decode(str(found["data"]))
    except (binascii.Error, KeyError, TypeError) as error:
        raise MalformedReplyError(f"the reply holds data that is no base64: {error}") from error
    if kind.startswith("image/"):
        return Image(data, media_type=kind)
    return Audio(data, media_type=kind) if kind.startswith("audio/") else File(data, media_type=kind)


def _count(usage: dict[str, Any], name: str) -> int:
    value = usage.get(name)
    return int(value) if isinstance(value, int | float) else 0
