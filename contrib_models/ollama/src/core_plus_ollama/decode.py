"""From the JSON of /api/chat to the kernel's deltas; a whole reply is read as one long line."""

from __future__ import annotations

import os
from typing import Any, Final

from core_plus.errors import MalformedReplyError
from core_plus.messages import Usage
from core_plus.models import Delta, FinishDelta, FinishReason, TextDelta, ThinkingDelta, ToolCallDelta
from core_plus_http import dumps, error_of, excerpt, problem_in

REASONS: Final[dict[str, FinishReason]] = {"stop": "stop", "length": "length", "load": "other", "unload": "other"}
TIMES: Final = ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration")
"""Nanoseconds, kept as `ModelResponse.data`."""


class Reader:
    """Reads the lines of one reply.

    Args:
        owner: Whose thinking this is.
    """

    def __init__(self, owner: str) -> None:
        self.begun = self.finished = self.closed = self.gave = False
        self._owner, self._calls = owner, 0
        self._ids: set[str] = set()
        self._last: dict[str, Any] = {}

    def read(self, body: Any) -> list[Delta]:
        """Take a line, or a whole reply.

        Args:
            body: Decoded JSON.

        Raises:
            ModelError: It is the server's account of a failure, or nothing of the kind expected.
        """
        if not isinstance(body, dict):
            raise MalformedReplyError(f"the server sent {excerpt(dumps(body))} where a JSON object was due")
        if body.get("error"):
            raise error_of(problem_in(body))
        out: list[Delta] = []
        said = body.get("message")
        if isinstance(said, dict):
            self.begun = True
            self._said(said, out)
        if body.get("done"):
            self.begun = self.finished = self.closed = True
            self._last = body
        return out

    def end(self) -> list[Delta]:
        """The facts about the reply."""
        last = self._last
        raw = last.get("done_reason")
        reason: FinishReason = REASONS.get(raw, "other") if raw else "stop"
        reason = "tool_calls" if reason == "stop" and self._calls else reason
        data = {name: last[name] for name in (*TIMES, "logprobs") if last.get(name)}
        return [FinishDelta(reason, raw, usage_of(last), last.get("model"), None, data or None)]

    def _said(self, said: dict[str, Any], out: list[Delta]) -> None:
        if said.get("thinking"):
            out.append(ThinkingDelta(str(said["thinking"]), provider=self._owner))
        if said.get("content"):
            out.append(TextDelta(str(said["content"])))
        calls = said.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            function = call.get("function") if isinstance(call, dict) else None
            if not isinstance(function, dict) or not isinstance(function.get("name"), str):
                raise MalformedReplyError(f"a tool call without a name: {excerpt(dumps(call))}")
            given = function.get("arguments") or ""
            text = given if isinstance(given, str) else dumps(given).decode()
            out.append(ToolCallDelta(self._calls, self._id(call.get("id")), function["name"], text))
            self._calls += 1

    def _id(self, given: Any) -> str:
        """The call's id; one made here, where the server gives none or the same again."""
        found = str(given or "")
        while not found or found in self._ids:
            found = f"call_{os.urandom(12).hex()}"
        self._ids.add(found)
        return found


def usage_of(last: dict[str, Any]) -> Usage | None:
    """The tokens of a call, None where the server's account holds none.

    Args:
        last: The reply's last line.
    """
    counts = [last.get(name) for name in ("prompt_eval_count", "eval_count")]
    if not any(isinstance(count, int) for count in counts):
        return None
    read, wrote = (count if isinstance(count, int) else 0 for count in counts)
    return Usage(read, wrote, calls=1)
