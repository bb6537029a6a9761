"""From the Responses API's JSON to the kernel's deltas; a whole reply is read as one long event."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from core_plus.errors import MalformedReplyError
from core_plus.messages import Image, Usage
from core_plus.models import Delta, FinishDelta, FinishReason, PartDelta, TextDelta, ThinkingDelta, ToolCallDelta
from core_plus_http.bearer import classify
from core_plus_http.chat.cut import Cut
from core_plus_http.failures import error_of, problem_in
from core_plus_http.jsontext import dumps, excerpt

STATES: Final[dict[str, FinishReason]] = {"completed": "stop", "complete": "stop", "incomplete": "length"}
INCOMPLETE: Final[dict[str, FinishReason]] = {"max_output_tokens": "length", "content_filter": "content_filter"}
FACTS: Final = ("incomplete_details", "service_tier", "conversation", "background", "moderation")
"""What else a reply says of itself, kept as `ModelResponse.data`."""
PIECES: Final = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "refusal",
    "response.reasoning_summary_text.delta": "thinking",
    "response.reasoning_text.delta": "thinking",
    "response.function_call_arguments.delta": "arguments",
}
ENDS: Final = frozenset(["response.completed", "response.incomplete", "response.failed", "response.cancelled"])
CALL: Final = frozenset(["type", "call_id", "name", "arguments", "status"])


class Reader:
    """Reads the events of one reply.

    Args:
        owner: Whose reasoning and items these are.
        stops: Texts at which the reply is cut here: the API takes none.
    """

    def __init__(self, owner: str, stops: tuple[str, ...] = ()) -> None:
        self.begun = self.finished = self.closed = self.gave = False
        self._owner = owner
        self._cut = Cut(stops) if stops else None
        self._calls: dict[int, int] = {}
        self._given: set[int] = set()  # places whose words came piece by piece
        self._done: set[int] = set()
        self._refused = False
        self._messages: list[dict[str, Any]] = []
        self._facts: dict[str, Any] = {}
        self._data: dict[str, Any] = {}
        self._usage: Usage | None = None

    def read(self, body: Any) -> list[Delta]:
        """Take an event, or a whole reply.

        Args:
            body: Decoded JSON.

        Raises:
            ModelError: It is the server's account of a failure, or nothing of the kind expected.
        """
        if not isinstance(body, dict):
            raise MalformedReplyError(f"the server sent {excerpt(dumps(body))} where a JSON object was due")
        kind = body.get("type")
        if kind == "error" or (body.get("error") and body.get("object") != "response"):
            raise error_of(problem_in(body), classify=classify)
        if body.get("object") == "response":
            return self._response(body)
        if isinstance(body.get("response"), dict):
            if kind not in ENDS:
                self._note(body["response"])
                return []
            self.closed = True
            return self._response(body["response"])
        out: list[Delta] = []
        if kind in PIECES:
            self._piece(PIECES[kind], body, out)
        elif kind == "response.output_item.added":
            self._added(_place(body), _dict(body.get("item")), out)
        elif kind == "response.output_item.done":
            self._item(_place(body), _dict(body.get("item")), out)
        return out

    def end(self) -> list[Delta]:
        """What is left at the reply's end, and the facts about it."""
        out: list[Delta] = []
        if self._cut is not None and (rest := self._cut.rest()):
            out.append(TextDelta(rest))
        facts = self._facts
        own = {self._owner: {"messages": self._messages}} if self._messages else None
        reason, raw = self._finish_reason(), facts.get("status")
        finish = FinishDelta(reason, raw, self._usage, facts.get("model"), facts.get("id"), self._data or None, own)
        return [*out, finish]

    # -- whole replies

    def _response(self, body: dict[str, Any]) -> list[Delta]:
        """A reply, or its end: what wasn't given before is given now."""
        self._note(body)
        if body.get("status") == "failed" or body.get("error"):
            raise error_of(problem_in(body.get("error") or body), classify=classify)
        out: list[Delta] = []
        for place, item in enumerate(_list(body.get("output"))):
            if place not in self._done:
                self._item(place, item, out)
        self.finished = True
        return out

    def _note(self, body: dict[str, Any]) -> None:
        self.begun = True
        self._facts.update({name: body[name] for name in ("id", "model", "status") if body.get(name)})
        self._data.update({name: body[name] for name in FACTS if body.get(name)})
        if body.get("usage"):
            self._usage = usage_of(_dict(body["usage"])) or self._usage

    # -- pieces

    def _piece(self, kind: str, body: dict[str, Any], out: list[Delta]) -> None:
        place, text = _place(body), body.get("delta")
        if not isinstance(text, str):
            raise MalformedReplyError(f"{body['type']} holds no text: {excerpt(dumps(body))}")
        self.begun = True
        self._given.add(place)
        if kind == "thinking":
            out.append(ThinkingDelta(text, place, provider=self._owner))
        elif kind == "arguments" and place in self._calls:
            out.append(ToolCallDelta(self._calls[place], arguments=text))
        elif kind in ("text", "refusal"):
            self._refused = self._refused or kind == "refusal"
            self._text(text, out)

    def _added(self, place: int, item: dict[str, Any], out: list[Delta]) -> None:
        if item.get("type") == "function_call":
            self._call(place, item, out)

    def _item(self, place: int, item: dict[str, Any], out: list[Delta]) -> None:
        """An item that is complete."""
        self._done.add(place)
        kind, given = item.get("type"), place in self._given
        if kind == "message":
            self._message(item, given, out)
        elif kind == "function_call":
            self._call(place, item, out)
            more = {name: value for name, value in item.items() if name not in CALL and value is not None}
            data = {self._owner: more} if more else None
            arguments = "" if given else str(item.get("arguments") or "")
            out.append(ToolCallDelta(self._calls[place], arguments=arguments, data=data))
        elif kind == "reasoning":
            text = "" if given else _thought(item)
            out.append(ThinkingDelta(text, place, provider=self._owner, data=item))
        else:  # what the API's own tools did goes back as it came
            if kind == "image_generation_call" and item.get("result"):
                out.append(PartDelta(_picture(item)))
            out.append(ThinkingDelta("", place, provider=self._owner, data=item))

    def _message(self, item: dict[str, Any], given: bool, out: list[Delta]) -> None:
        for part in _list(item.get("content")):
            self._refused = self._refused or part.get("type") == "refusal"
            if not given:
                self._text(str(part.get("text") or part.get("refusal") or ""), out)
            for name in ("annotations", "logprobs"):
                if part.get(name):
                    self._data.setdefault(name, []).extend(part[name])
        if item.get("id"):
            self._messages.append({name: item[name] for name in ("id", "phase") if item.get(name)})

    def _call(self, place: int, item: dict[str, Any], out: list[Delta]) -> None:
        if place not in self._calls:
            self._calls[place] = len(self._calls)
            call_id = str(item.get("call_id") or item.get("id") or f"call_{place}")
            out.append(ToolCallDelta(self._calls[place], call_id, str(item.get("name") or "")))

    def _text(self, text: str, out: list[Delta]) -> None:
        if self._cut is not None:
            text = self._cut.passed(text)
        if text:
            out.append(TextDelta(text))

    def _finish_reason(self) -> FinishReason:
        state = str(self._facts.get("status") or "completed")
        if self._refused:
            return "refusal"
        if state == "incomplete":
            return INCOMPLETE.get(str(_dict(self._data.get("incomplete_details")).get("reason")), "length")
        reason = STATES.get(state, "other")
        return "tool_calls" if reason == "stop" and self._calls else reason


def usage_of(usage: dict[str, Any]) -> Usage | None:
    """The tokens of a call, None where the server's account holds none.

    Args:
        usage: The reply's `usage`.
    """
    read, wrote = _count(usage, "input_tokens"), _count(usage, "output_tokens")
    if not read and not wrote:
        return None
    before, after = _dict(usage.get("input_tokens_details")), _dict(usage.get("output_tokens_details"))
    cached, kept = _count(before, "cached_tokens"), _count(before, "cache_write_tokens")
    return Usage(read, wrote, cached, kept, _count(after, "reasoning_tokens"), 1)


def _thought(item: dict[str, Any]) -> str:
    """The readable part of a reasoning item."""
    summary = "".join(str(part.get("text") or "") for part in _list(item.get("summary")))
    return summary or "".join(str(part.get("text") or "") for part in _list(item.get("content")))


def _picture(item: dict[str, Any]) -> Image:
    try:
        return Image(base64.b64decode(str(item["result"])), media_type=f"image/{item.get('output_format') or 'png'}")
    except binascii.Error as error:
        raise MalformedReplyError(f"the reply holds a picture that is no base64: {error}") from error


def _place(body: dict[str, Any]) -> int:
    place = body.get("output_index")
    return place if isinstance(place, int) else 0


def _count(counts: dict[str, Any], key: str) -> int:
    value = counts.get(key)
    return int(value) if isinstance(value, int | float) else 0


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
