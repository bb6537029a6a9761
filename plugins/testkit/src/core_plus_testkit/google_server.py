"""A loopback server that speaks Google's generateContent from a script, as the Gemini API and as Vertex AI."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from core_plus_testkit.loopback import Seen
from core_plus_testkit.scripted_server import ScriptedServer, Turn, cut, sse

Part = dict[str, Any]
PATH = re.compile(r"/v1(?:beta)?(?:/.+)?/models/([^:/]+):(generateContent|streamGenerateContent)$")
CODES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
         429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}  # fmt: skip


class GoogleServer(ScriptedServer):
    """Answers generateContent and streamGenerateContent from scripts.

    Requests are checked as the real server does: unknown roles, turns without parts, calls that aren't answered by
    as many responses in the next turn, and calls that follow no turn of the user's are answered with HTTP 400.
    """

    half: ClassVar[bytes] = b'{"candidates": [{"content": {"parts": [{"text": "hal'

    def handles(self, path: str) -> bool:
        return PATH.match(path) is not None

    def other(self, path: str) -> Any:
        if path.endswith(":countTokens"):
            return {"totalTokens": 42}
        names = [{"name": f"models/{name or 'scripted'}"} for name in self._scripts or [""]]
        return {"models": names} if path == "/v1beta/models" else None

    def complaint(self, body: Any) -> str:
        contents = body.get("contents") if isinstance(body, dict) else None
        return _complaint(contents) if contents else "* GenerateContentRequest.contents: contents is not specified"

    def step(self, body: dict[str, Any]) -> int:
        return sum(content.get("role") == "model" for content in body["contents"])

    def model(self, seen: Seen) -> str:
        found = PATH.match(seen.path.partition("?")[0])
        return found[1] if found else ""

    def streams(self, seen: Seen) -> bool:
        return ":streamGenerateContent" in seen.path

    def whole(self, turn: Turn, seen: Seen, step: int) -> Any:
        return _chunk(turn, self.model(seen), [*_said(turn, None), *_calls(turn, step)], last=True)

    def events(self, turn: Turn, seen: Seen, step: int) -> list[bytes]:
        pieces = [[part] for part in [*_said(turn, turn.size), *_calls(turn, step)]] or [list[Part]()]
        model, last = self.model(seen), len(pieces) - 1
        chunks = [_chunk(turn, model, parts, last=number == last) for number, parts in enumerate(pieces)]
        return [sse(chunk).replace(b"\n", b"\r\n") for chunk in chunks]

    def failure(self, turn: Turn) -> bytes:
        return sse(self.refused(500, turn.error))

    def refused(self, status: int, words: str, code: str | None = None) -> Any:
        return {"error": {"code": status, "message": words, "status": CODES.get(status, "UNKNOWN")}}


def _chunk(turn: Turn, model: str, parts: list[Part], *, last: bool) -> Part:
    candidate: Part = {"index": 0, "content": {"role": "model", **({"parts": parts} if parts else {})}}
    if last:
        candidate["finishReason"] = turn.finish or "STOP"
    return {"candidates": [candidate], **_usage(turn), "modelVersion": model, "responseId": "scripted"}


def _said(turn: Turn, size: int | None) -> list[Part]:
    thoughts = cut(turn.thinking, size or len(turn.thinking) or 1)
    words = cut(turn.text, size or len(turn.text) or 1)
    return [*({"text": part, "thought": True} for part in thoughts), *({"text": part} for part in words)]


def _calls(turn: Turn, step: int) -> list[Part]:
    calls: list[Part] = []
    for number, (name, given) in enumerate(turn.calls):
        signed = {} if number else {"thoughtSignature": "c2lnbmVk"}  # the first of a turn holds the signature
        calls.append({"functionCall": {"id": f"call_{step}_{number}", "name": name, "args": given}, **signed})
    return calls


def _usage(turn: Turn) -> Part:
    usage = turn.usage
    if usage is None:
        return {}
    counts = {
        "promptTokenCount": usage.input_tokens,
        "candidatesTokenCount": usage.output_tokens - usage.reasoning_tokens,
        "thoughtsTokenCount": usage.reasoning_tokens,
        "cachedContentTokenCount": usage.cached_tokens,
        "totalTokenCount": usage.total_tokens,
    }
    return {"usageMetadata": counts}


def _complaint(contents: Sequence[Part]) -> str:
    """What the real server would refuse, "" if nothing."""
    called: list[Part] = []
    before = ""
    for number, content in enumerate(contents):
        role, parts = content.get("role"), content.get("parts")
        if role not in ("user", "model"):
            return "Please use a valid role: user, model."
        if not parts or any(part.keys() <= {"thoughtSignature", "thought"} for part in parts):
            return f"* GenerateContentRequest.contents[{number}].parts: contents.parts must not be empty."
        calls = [part["functionCall"] for part in parts if "functionCall" in part]
        answers = [part["functionResponse"] for part in parts if "functionResponse" in part]
        if len(answers) != len(called) or any(bool(each.get("name")) is False for each in [*calls, *answers]):
            return "the number of function response parts must equal that of the function call parts before it"
        if any(answer["name"] not in [call["name"] for call in called] for answer in answers):
            return "a function response must name the function that was called"
        if sorted(str(each.get("id")) for each in answers) != sorted(str(each.get("id")) for each in called):
            return "the ids of function responses must be those of the calls"
        if calls and before != "user":
            return "a function call turn must come immediately after a user turn or after a function response turn"
        called, before = calls, role
    return "the last turn's function calls have no responses" if called else ""
