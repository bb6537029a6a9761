"""A loopback server that speaks OpenAI's Responses API from a script."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

from core_plus_testkit.loopback import Seen
from core_plus_testkit.scripted_server import ScriptedServer, Turn, arguments_text, cut, sse

Item = dict[str, Any]
ROLES = ("system", "developer", "user", "assistant")


class ResponsesServer(ScriptedServer):
    """Answers the Responses API from scripts.

    Requests are checked as the real server does: a call without its output, an output without its call, and
    reasoning without the item that it led to are answered with HTTP 400.
    """

    base: ClassVar[str] = "/v1"
    half: ClassVar[bytes] = b'{"object": "response", "output": [{"type": "mess'

    def handles(self, path: str) -> bool:
        return path == "/responses"

    def other(self, path: str) -> Any:
        names = [{"id": name or "scripted", "object": "model"} for name in self._scripts or [""]]
        return {"object": "list", "data": names} if path == "/models" else None

    def complaint(self, body: Any) -> str:
        if not isinstance(body, dict) or not isinstance(body.get("model"), str):
            return "Missing required parameter: 'model'."
        items = body.get("input")
        return _complaint(items) if items and isinstance(items, list) else "Missing required parameter: 'input'."

    def step(self, body: Item) -> int:
        return sum(own for own, _ in itertools.groupby(body["input"], _by_the_model))

    def whole(self, turn: Turn, seen: Seen, step: int) -> Any:
        return _response(turn, seen, _output(turn, step))

    def events(self, turn: Turn, seen: Seen, step: int) -> list[bytes]:
        output = _output(turn, step)
        begun = {**_response(turn, seen, []), "status": "in_progress", "usage": None}
        events: list[Item] = [{"type": "response.created", "response": begun}]
        for place, item in enumerate(output):
            events += [{**event, "output_index": place} for event in _streamed(item, turn.size)]
        events.append({"type": "response.completed", "response": _response(turn, seen, output)})
        return [sse({**event, "sequence_number": number}, event["type"]) for number, event in enumerate(events)]

    def failure(self, turn: Turn) -> bytes:
        return sse({"type": "error", "code": turn.code or "server_error", "message": turn.error}, "error")

    def refused(self, status: int, words: str, code: str | None = None) -> Any:
        return {"error": {"message": words, "type": code or "error", "param": None, "code": code}}


def _response(turn: Turn, seen: Seen, output: list[Item]) -> Item:
    head = {"id": "resp_scripted", "object": "response", "created_at": 1_700_000_000, "model": seen.json["model"]}
    return {**head, "status": turn.finish or "completed", "error": None, "output": output, "usage": _usage(turn)}


def _output(turn: Turn, step: int) -> list[Item]:
    output: list[Item] = []
    if turn.thinking:
        summary = [{"type": "summary_text", "text": turn.thinking}]
        output.append({"id": f"rs_{step}", "type": "reasoning", "summary": summary, "encrypted_content": "c2VhbGVk"})
    said: list[Item] = [{"type": "refusal", "refusal": turn.refusal}] if turn.refusal else []
    if turn.text:
        said.insert(0, {"type": "output_text", "text": turn.text, "annotations": []})
    if said:
        output.append(
            {"id": f"msg_{step}", "type": "message", "role": "assistant", "status": "completed", "content": said}
        )
    for number, (name, given) in enumerate(turn.calls):
        call = {"type": "function_call", "id": f"fc_{step}_{number}", "call_id": f"call_{step}_{number}"}
        output.append({**call, "name": name, "arguments": arguments_text(given), "status": "completed"})
    return output


def _streamed(item: Item, size: int) -> list[Item]:
    """The events of an item: how it begins, its pieces, and the whole."""
    kind, empty, pieces = item["type"], dict(item), list[Item]()
    if kind == "reasoning":
        empty["summary"] = []
        event = "response.reasoning_summary_text.delta"
        pieces = [{"type": event, "delta": part} for part in cut(item["summary"][0]["text"], size)]
    elif kind == "function_call":
        empty["arguments"] = ""
        event = "response.function_call_arguments.delta"
        pieces = [{"type": event, "delta": part} for part in cut(item["arguments"], size)]
    else:
        empty["content"] = []
        for content in item["content"]:
            key = "text" if "text" in content else "refusal"
            event = f"response.{content['type']}.delta"
            pieces += [{"type": event, "delta": part} for part in cut(content[key], size)]
    begins, ends = "response.output_item.added", "response.output_item.done"
    return [{"type": begins, "item": empty}, *pieces, {"type": ends, "item": item}]


def _usage(turn: Turn) -> Item | None:
    usage = turn.usage
    if usage is None:
        return None
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }


def _by_the_model(item: Item) -> bool:
    return item.get("role") == "assistant" or item.get("type") not in (None, "message", "function_call_output")


def _complaint(items: list[Item]) -> str:
    """What the real server would refuse, "" if nothing."""
    called: list[str] = []
    answered: list[str] = []
    for number, item in enumerate(items):
        kind = item.get("type", "message")
        if kind == "message" and item.get("role") not in ROLES:
            return f"Invalid value: {item.get('role')!r}, input[{number}].role"
        if kind == "function_call":
            called.append(item["call_id"])
        if kind == "function_call_output":
            if item["call_id"] not in called:
                return f"No tool call found for function call output with call_id {item['call_id']}."
            answered.append(item["call_id"])
        after = items[number + 1] if number + 1 < len(items) else {"role": "user"}
        if kind == "reasoning" and not _by_the_model(after):
            return f"Item {item.get('id')!r} of type 'reasoning' was provided without its required following item."
    late = [call for call in called if called.count(call) != answered.count(call)]
    return f"No tool output found for function call {late[0]}." if late else ""
