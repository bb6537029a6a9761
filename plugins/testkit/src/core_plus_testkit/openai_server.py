"""A loopback server that speaks OpenAI's chat completions from a script."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias, cast, get_args

import attrs

from core_plus.messages import Usage
from core_plus_testkit.loopback import Answer, LoopbackServer, Seen

WireFault: TypeAlias = Literal["hang", "hang_midway", "cut", "reset"]
Fault: TypeAlias = WireFault | Literal["error_midway", "html", "bad_json", "bad_utf8", "empty", "no_choices"]
USAGE: Final = Usage(100, 20, 10, 0, 5)
PAGE: Final = b"<!DOCTYPE html><html><title>Gateway</title><body>Please log in</body></html>"


@attrs.frozen(kw_only=True)
class Turn:
    """One reply of the model, or one failure.

    Args:
        text: Its words.
        calls: Its tool calls: names and arguments, the latter as values or as raw text.
        thinking: Its reasoning.
        refusal: Its words of refusal.
        usage: What it counts; None says nothing.
        finish: The finish reason; None takes the usual one.
        status: The HTTP status; from 400 on, `error` is the message.
        error: The words of an error, also of the one in the middle of a stream.
        code: The error's code.
        headers: More headers.
        size: Characters to each streamed delta.
        chunk: Bytes to each write, for breaking apart what belongs together.
        delay: Seconds before the head and between streamed events.
        done: Whether a stream ends with [DONE].
        fault: What goes wrong; see `core_plus_testkit.Answer` for the first four.
    """

    text: str = ""
    calls: Sequence[tuple[str, Any]] = ()
    thinking: str = ""
    refusal: str = ""
    usage: Usage | None = USAGE
    finish: str | None = None
    status: int = 200
    error: str = "scripted failure"
    code: str | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict)
    size: int = 8
    chunk: int | None = None
    delay: float = 0.0
    done: bool = True
    fault: Fault | None = None


Script: TypeAlias = Sequence["Turn | str | Sequence[Turn]"] | Callable[[dict[str, Any]], Turn]


class OpenAIServer(LoopbackServer):
    """Answers chat completions from scripts.

    Which turn of its script a request is at is the number of assistant messages it carries, so any
    number of runs may use one script at once. A list in the place of a turn holds the replies to
    repeated attempts at this step, the last one for all further ones.

    Requests are checked as the real server does: a tool result without its call, or a call without its
    result, is answered with HTTP 400.
    """

    def __init__(self) -> None:
        super().__init__(self._reply)
        self._scripts: dict[str, Script] = {}
        self._queue: list[Turn] = []
        self._tries: dict[tuple[str, int], int] = {}
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """The base URL to give to a model."""
        return f"{self.origin}/v1"

    def script(self, turns: Script, model: str = "") -> None:
        """Say what is answered from now on.

        Args:
            turns: One for each step of a run (a text is a turn that says it), or a function of the request's JSON.
            model: For requests that name this model; "" for all others.
        """
        with self._lock:
            self._scripts[model] = turns
            self._tries.clear()

    def queue(self, *turns: Turn) -> None:
        """Answer the next requests with these, whatever they ask, before the scripts' turn.

        Args:
            *turns: In order.
        """
        with self._lock:
            self._queue.extend(turns)

    def _reply(self, seen: Seen) -> Answer:
        path = seen.path.partition("?")[0]
        if path == "/v1/models":
            names = [{"id": name or "scripted", "object": "model"} for name in self._scripts or [""]]
            return _json({"object": "list", "data": names})
        if path != "/v1/chat/completions":
            return _error(404, f"no such path: {path}")
        body = seen.json
        if complaint := _complaint(body):
            return _error(400, complaint, "invalid_request_error")
        turn, step = self._turn(body)
        if turn is None:
            return _error(400, f"the script has no turn {step + 1}")
        return answer(turn, body, step)

    def _turn(self, body: dict[str, Any]) -> tuple[Turn | None, int]:
        step = sum(message["role"] == "assistant" for message in body["messages"])
        model = body["model"]
        with self._lock:
            if self._queue:
                return self._queue.pop(0), step
            script = self._scripts.get(model, self._scripts.get("", ()))
            attempt = self._tries[model, step] = self._tries.get((model, step), -1) + 1
        if callable(script):
            return script(body), step
        found = script[step] if step < len(script) else None
        if isinstance(found, str):
            return Turn(text=found), step
        if found is None or isinstance(found, Turn):
            return found, step
        return found[min(attempt, len(found) - 1)], step


def answer(turn: Turn, body: dict[str, Any], step: int = 0) -> Answer:
    """The HTTP answer of a turn.

    Args:
        turn: What the model says.
        body: The request's JSON.
        step: Which step of the script it is; the ids of tool calls hold it.
    """
    common: dict[str, Any] = {"headers": turn.headers, "chunk": turn.chunk, "delay": turn.delay}
    if turn.status >= 400:
        return attrs.evolve(_error(turn.status, turn.error, turn.code), **common)
    broken = {
        "html": Answer(PAGE, content_type="text/html"),
        "bad_json": Answer(b'{"choices": [{"message": {"content": "hal'),
        "bad_utf8": Answer(b'{"choices": [{"message": {"content": "\xff\xfe"}}]}'),
        "empty": Answer(b""),
        "no_choices": _json({"id": "x", "object": "chat.completion", "choices": []}),
    }
    if turn.fault is not None and turn.fault in broken:
        return attrs.evolve(broken[turn.fault], **common)
    fault = cast("WireFault | None", turn.fault if turn.fault in get_args(WireFault) else None)
    if not body.get("stream"):
        return attrs.evolve(_json(_completion(turn, body, step)), fault=fault, **common)
    events = _events(turn, body, step)
    if turn.fault == "error_midway":
        failure = {"error": {"message": turn.error, "type": "server_error", "code": turn.code}}
        events = [*events[: len(events) // 2], failure]
    lines = [b"data: " + _dumps(event) + b"\n\n" for event in events]
    if turn.done and turn.fault is None:
        lines.append(b"data: [DONE]\n\n")
    return Answer(content_type="text/event-stream", stream=True, pieces=tuple(lines), fault=fault, **common)


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
    pieces += [{"reasoning_content": part} for part in _cut(turn.thinking, turn.size)]
    pieces += [{"content": part} for part in _cut(turn.text, turn.size)]
    pieces += [{"refusal": part} for part in _cut(turn.refusal, turn.size)]
    for number in range(len(turn.calls)):
        call = {"index": number, **_call(turn, step, number)}
        arguments = call["function"]["arguments"]
        pieces.append({"tool_calls": [{**call, "function": {**call["function"], "arguments": ""}}]})
        parts = _cut(arguments, turn.size)
        pieces += [{"tool_calls": [{"index": number, "function": {"arguments": part}}]} for part in parts]
    events = [*map(event, pieces), event({}, _finish(turn))]
    if turn.usage is not None and (body.get("stream_options") or {}).get("include_usage"):
        events.append({**head, "choices": [], **_usage(turn)})
    return events


def _call(turn: Turn, step: int, number: int) -> dict[str, Any]:
    name, arguments = turn.calls[number]
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
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


def _error(status: int, message: str, code: str | None = None) -> Answer:
    return _json({"error": {"message": message, "type": code or "error", "param": None, "code": code}}, status)


def _json(value: Any, status: int = 200) -> Answer:
    return Answer(_dumps(value), status)


def _dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _cut(text: str, size: int) -> list[str]:
    return re.findall(f"(?s).{{1,{size}}}", text)
