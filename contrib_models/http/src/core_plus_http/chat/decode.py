"""From chat completions' JSON to the kernel's deltas; a whole reply is read as one long delta."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Any, Final

from core_plus.errors import MalformedReplyError
from core_plus.messages import Audio, Image, Usage
from core_plus.models import Delta, FinishDelta, FinishReason, PartDelta, TextDelta, ThinkingDelta
from core_plus_http import dumps, error_of, excerpt, problem_in
from core_plus_http.bearer import classify
from core_plus_http.chat.calls import Calls
from core_plus_http.chat.cut import Cut

REASONS: Final[dict[str, FinishReason]] = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "content_filter",
    "refusal": "refusal",
    "error": "error",
}
USUAL: Final = frozenset(("role", "content", "reasoning", "reasoning_content", "refusal", "tool_calls"))
FACTS: Final = ("citations", "search_results", "service_tier", "system_fingerprint")
"""What else servers say of a reply, kept as `ModelResponse.data`."""


class Reader:
    """Reads the chunks of one reply.

    Args:
        owner: Whose reasoning and items these are.
        stops: Texts at which the reply is cut here.
    """

    def __init__(self, owner: str, stops: tuple[str, ...] = ()) -> None:
        self.begun = False  # a choice was seen
        self.finished = False  # its finish reason was seen
        self.closed = False  # [DONE] says that, where it comes
        self.gave = False  # deltas have reached the caller; set by who hands them out
        self._owner = owner
        self._cut = Cut(stops) if stops else None
        self._calls = Calls()
        self._reason: str | None = None
        self._refused = False
        self._usage: Usage | None = None
        self._facts: dict[str, Any] = {}
        self._data: dict[str, Any] = {}
        self._own: dict[str, Any] = {}
        self._sound: list[str] = []

    def read(self, body: Any) -> list[Delta]:
        """Take a chunk, or a whole reply.

        Args:
            body: Decoded JSON.

        Raises:
            ModelError: It is the server's account of a failure, or nothing of the kind expected.
        """
        if not isinstance(body, dict):
            raise MalformedReplyError(f"the server sent {excerpt(dumps(body))} where a JSON object was due")
        if body.get("error"):
            raise error_of(problem_in(body), classify=classify)
        self._note(body)
        out: list[Delta] = []
        for choice in _list(body.get("choices")):
            if choice.get("index") in (0, None):
                self._choice(choice, out)
        return out

    def end(self) -> list[Delta]:
        """What is left at the reply's end, and the facts about it."""
        out: list[Delta] = []
        if self._cut is not None and (rest := self._cut.rest()):
            out.append(TextDelta(rest))
        if self._sound:
            out.append(PartDelta(Audio(_decoded("".join(self._sound)), media_type="audio/wav")))
        out.append(
            FinishDelta(
                self._finish_reason(),
                self._reason,
                self._usage,
                self._facts.get("model"),
                self._facts.get("id"),
                self._data or None,
                {self._owner: self._own} if self._own else None,
            )
        )
        return out

    def _note(self, body: dict[str, Any]) -> None:
        facts = self._facts
        if not facts:
            facts.update((key, body[key]) for key in ("id", "model") if isinstance(body.get(key), str) and body[key])
        usage = body.get("usage") or _dict(body.get("x_groq")).get("usage")
        if usage:
            self._usage = usage_of(usage) or self._usage
        for key in FACTS:
            if body.get(key):
                self._data[key] = body[key]

    def _choice(self, choice: dict[str, Any], out: list[Delta]) -> None:
        if choice.get("error"):
            raise error_of(problem_in(choice), classify=classify)
        self.begun = True
        said = _dict(choice.get("delta")) or _dict(choice.get("message"))
        if self._cut is None or not self._cut.done:
            self._said(said, out)
        reason = choice.get("finish_reason")
        if reason:
            self._reason, self.finished = str(reason), True
        logprobs = choice.get("logprobs")
        if logprobs:
            for key, items in _dict(logprobs).items():
                if items and isinstance(items, list):
                    self._data.setdefault("logprobs", {}).setdefault(key, []).extend(items)

    def _said(self, said: dict[str, Any], out: list[Delta]) -> None:
        thought = said.get("reasoning_content") or said.get("reasoning")
        if thought and isinstance(thought, str):
            out.append(ThinkingDelta(thought, provider=self._owner))
        content = said.get("content")
        if content:
            if isinstance(content, str):
                self._text(content, out)
            else:
                self._parts(content, out)
        if said.get("refusal"):
            self._refused = True
            self._text(str(said["refusal"]), out)
        if self._cut is not None and self._cut.done:
            return
        if said.get("tool_calls"):
            out += self._calls.deltas(_list(said["tool_calls"]))
        elif any((function := _dict(said.get("function_call"))).values()):  # the form before tools
            out += self._calls.deltas([{"index": 0, "function": function}])
        if not said.keys() <= USUAL:
            self._rest(said, out)

    def _rest(self, said: dict[str, Any], out: list[Delta]) -> None:
        """What few servers send."""
        if annotations := _list(said.get("annotations")):
            self._data.setdefault("annotations", []).extend(annotations)
        if details := _list(said.get("reasoning_details")):
            _merge(self._own.setdefault("reasoning_details", []), details)
        images = (_dict(image.get("image_url")).get("url") for image in _list(said.get("images")))
        out += [PartDelta(_picture(address)) for address in images if address]
        sound = _dict(said.get("audio"))
        if sound.get("id"):
            self._own["audio"] = {"id": sound["id"]}
        if sound.get("transcript"):
            self._text(str(sound["transcript"]), out)
        if sound.get("data"):
            self._sound.append(str(sound["data"]))

    def _text(self, text: str, out: list[Delta]) -> None:
        if self._cut is not None:
            text = self._cut.passed(text)
        if text:
            out.append(TextDelta(text))

    def _parts(self, parts: Any, out: list[Delta]) -> None:
        for part in _list(parts):
            if part.get("type") == "thinking":
                inner = part.get("thinking")
                words = inner if isinstance(inner, str) else "".join(str(each.get("text", "")) for each in _list(inner))
                out.append(ThinkingDelta(words, provider=self._owner))
            elif isinstance(part.get("text"), str):
                self._text(part["text"], out)

    def _finish_reason(self) -> FinishReason:
        if self._cut is not None and self._cut.done:
            return "stop"
        if self._refused:
            return "refusal"
        reason = REASONS.get(self._reason, "other") if self._reason else "stop"
        return "tool_calls" if reason == "stop" and self._calls.count else reason


def usage_of(usage: Any) -> Usage | None:
    """The tokens of a call, None where the server's account holds none.

    Args:
        usage: The reply's `usage`.
    """
    usage = _dict(usage)
    read, wrote = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    if not read and not wrote:
        return None
    before, after = _dict(usage.get("prompt_tokens_details")), _dict(usage.get("completion_tokens_details"))
    known = ("cached_tokens", "cache_write_tokens", "reasoning_tokens")
    sides = (("input", before), ("output", after))
    details = {f"{side}_{key}": value for side, each in sides for key, value in each.items() if key not in known}
    return Usage(
        read,
        wrote,
        _count(before, "cached_tokens") or _count(usage, "prompt_cache_hit_tokens") or _count(usage, "cached_tokens"),
        _count(before, "cache_write_tokens"),
        _count(after, "reasoning_tokens") or _count(usage, "reasoning_tokens"),
        1,
        0,
        {key: value for key, value in details.items() if type(value) is int and value},
    )


def _merge(kept: list[dict[str, Any]], details: Iterable[dict[str, Any]]) -> None:
    """Join the pieces of streamed reasoning items, told apart by index and type."""
    for detail in details:
        last = kept[-1] if kept else {}
        if not last or (last.get("index"), last.get("type")) != (detail.get("index"), detail.get("type")):
            kept.append(dict(detail))
            continue
        for key, value in detail.items():
            grows = key in ("text", "summary", "data") and isinstance(value, str) and isinstance(last.get(key), str)
            last[key] = last[key] + value if grows else value if value is not None else last.get(key)


def _picture(address: Any) -> Image:
    head, _, data = str(address).partition(";base64,")
    if not data:
        return Image(url=str(address))
    return Image(_decoded(data), media_type=head.removeprefix("data:"))


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except binascii.Error as error:
        raise MalformedReplyError(f"the reply holds data that is no base64: {error}") from error


def _count(counts: dict[str, Any], key: str) -> int:
    value = counts.get(key)
    return int(value) if isinstance(value, int | float) else 0


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
