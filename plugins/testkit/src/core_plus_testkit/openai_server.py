"""A loopback server that speaks OpenAI's chat completions from a script."""

from __future__ import annotations

from typing import Any, ClassVar

from core_plus_testkit.loopback import Seen
from core_plus_testkit.scripted_server import ScriptedServer, Turn, arguments_text, cut, sse


class OpenAIServer(ScriptedServer):
    """Answers chat completions from scripts.

    Requests are checked as the real server does: a tool result without its call, or a call without its
    result, is answered with HTTP 400.
    """

    base: ClassVar[str] = "/v1"
    last: ClassVar[bytes] = b"data: [DONE]\n\n"
    half: ClassVar[bytes] = b'{"choices": [{"message": {"content": "hal'

    def handles(self, path: str) -> bool:
        return path == "/chat/completions"

    def other(self, path: str) -> Any:
        if path != "/models":
            return None
        names = [{"id": name or "scripted", "object": "model"} for name in self._scripts or [""]]
        return {"object": "list", "data": names}

    def complaint(self, body: Any) -> str:
        return _complaint(body)

    def whole(self, turn: Turn, seen: Seen, step: int) -> Any:
        return _completion(turn, seen.json, step)

    def events(self, turn: Turn, seen: Seen, step: int) -> list[bytes]:
        return [sse(event) for event in _events(turn, seen.json, step)]

    def failure(self, turn: Turn) -> bytes:
        return sse({"error": {"message": turn.error, "type": "server_error", "code": turn.code}})

    def refused(self, status: int, words: str, code: str | None = None) -> Any:
        return {"error": {"message": words, "type": code or "error", "param": None, "code": code}}


def _completion(turn: Turn, body: dict[str, Any], step: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": turn.text or None, "refusal": turn.refusal or None}
    if turn.thinking:
        message["reasoning_content"] = turn.thinking
    if turn.calls:
        message["tool_calls"] = [_call(turn, step, number) for number in range(len(turn.calls))]
    choice = {"index": 0, "message": message, "finish_reason": _finish(turn), "logprobs": None}
    return {**_head(body, "chat.completion"), "choices": [choice], **_usage(turn)}


def _events(turn: Turn, body: dict[str, Any], step: int) -> list[dict[str, Any]]:
    head = _head(body, "chat.completion.chunk")

    def event(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    pieces: list[dict[str, Any]] = [{"role": "assistant", "content": "" if turn.text else None}]
    pieces += [{"reasoning_content": part} for part in cut(turn.thinking, turn.size)]
    pieces += [{"content": part} for part in cut(turn.text, turn.size)]
    pieces += [{"refusal": part} for part in cut(turn.refusal, turn.size)]
    for number in range(len(turn.calls)):
        call = {"index": number, **_call(turn, step, number)}
        arguments = call["function"]["arguments"]
        pieces.append({"tool_calls": [{**call, "function": {**call["function"], "arguments": ""}}]})
        parts = cut(arguments, turn.size)
        pieces += [{"tool_calls": [{"index": number, "function": {"arguments": part}}]} for part in parts]
    events = [*map(event, pieces), event({}, _finish(turn))]
    if turn.usage is not None and (body.get("stream_options") or {}).get("include_usage"):
        events.append({**head, "choices": [], **_usage(turn)})
    return events


def _call(turn: Turn, step: int, number: int) -> dict[str, Any]:
    name, arguments = turn.calls[number]
    text = arguments_text(arguments)
    return {"id": f"call_{step}_{number}", "type": "function", "function": {"name": name, "arguments": text}}


def _head(body: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-scripted", "object": kind, "created": 1_700_000_000, "model": body["model"]}


def _finish(turn: Turn) -> str:
    return turn.finish or ("tool_calls" if turn.calls else "stop")


def _usage(turn: Turn) -> dict[str, Any]:
    usage = turn.usage
    if usage is None:
        return {}
    return {
        "usage": {
            "prompt_tokens": usage.input_tokens,
            "completion_tokens": usage.output_tokens,
            "total_tokens": usage.total_tokens,
            "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
            "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        }
    }


def _complaint(body: Any) -> str:
    """What the real server would refuse in a request, "" if nothing."""
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        return "you must provide a model parameter"
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return "[] is too short - 'messages'"
    open_calls: list[str] = []
    for number, message in enumerate(messages):
        role = message.get("role")
        if role not in ("system", "developer", "user", "assistant", "tool"):
            return f"messages[{number}].role: {role!r} is not one of the roles"
        if role == "tool":
            if message.get("tool_call_id") not in open_calls:
                return f"messages[{number}]: a tool message must answer a preceding message's tool_calls"
            open_calls.remove(message["tool_call_id"])
        elif open_calls:
            return f"messages[{number}]: tool_call_ids without a tool message before it: {', '.join(open_calls)}"
        calls = message.get("tool_calls") or []
        if not calls and message.get("content") is None:
            return f"messages[{number}].content: expected a string, got null"
        open_calls += [call["id"] for call in calls]
    return f"tool_call_ids without a tool message: {', '.join(open_calls)}" if open_calls else ""
