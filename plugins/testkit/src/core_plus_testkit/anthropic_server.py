"""A loopback server that speaks Anthropic's Messages API from a script."""

from __future__ import annotations

from typing import Any, ClassVar

from core_plus_testkit.loopback import Seen
from core_plus_testkit.scripted_server import ScriptedServer, Turn, arguments_text, cut, sse

Block = dict[str, Any]


class AnthropicServer(ScriptedServer):
    """Answers the Messages API from scripts.

    Requests are checked as the real server does: turns that hold nothing, calls without results and results
    without calls are answered with HTTP 400.
    """

    half: ClassVar[bytes] = b'{"type": "message", "content": [{"type": "text", "text": "hal'

    def handles(self, path: str) -> bool:
        return path == "/v1/messages"

    def other(self, path: str) -> Any:
        if path == "/v1/messages/count_tokens":
            return {"input_tokens": 42}
        names = [{"id": name or "scripted", "type": "model"} for name in self._scripts or [""]]
        return {"data": names, "has_more": False} if path == "/v1/models" else None

    def complaint(self, body: Any) -> str:
        if not isinstance(body, dict) or "model" not in body or "max_tokens" not in body:
            return "model and max_tokens: Field required"
        return _complaint(body.get("messages") or [])

    def whole(self, turn: Turn, seen: Seen, step: int) -> Any:
        usage = _usage(turn)
        reason = turn.finish or ("tool_use" if turn.calls else "end_turn")
        return {
            **_head(seen),
            "content": _blocks(turn, step),
            "stop_reason": reason,
            **({"usage": usage} if usage else {}),
        }

    def events(self, turn: Turn, seen: Seen, step: int) -> list[bytes]:
        start = {**_head(seen), "content": [], "stop_reason": None, "usage": {}}
        events: list[Block] = [{"type": "message_start", "message": start}, {"type": "ping"}]
        for index, block in enumerate(_blocks(turn, step)):
            empty, deltas = _streamed(block, turn.size)
            events.append({"type": "content_block_start", "index": index, "content_block": empty})
            events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
            events.append({"type": "content_block_stop", "index": index})
        reason = turn.finish or ("tool_use" if turn.calls else "end_turn")
        events.append({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": _usage(turn)})
        events.append({"type": "message_stop"})
        return [sse(event, event["type"]) for event in events]

    def failure(self, turn: Turn) -> bytes:
        return sse({"type": "error", "error": {"type": "api_error", "message": turn.error}}, "error")

    def refused(self, status: int, words: str, code: str | None = None) -> Any:
        return {"type": "error", "error": {"type": code or "error", "message": words}, "request_id": "req_1"}


def _head(seen: Seen) -> Block:
    return {"id": "msg_scripted", "type": "message", "role": "assistant", "model": seen.json["model"]}


def _blocks(turn: Turn, step: int) -> list[Block]:
    blocks: list[Block] = []
    if turn.thinking:
        blocks.append({"type": "thinking", "thinking": turn.thinking, "signature": "c2lnbmVk"})
    if turn.text:
        blocks.append({"type": "text", "text": turn.text})
    for number, (name, given) in enumerate(turn.calls):
        call = {"type": "tool_use", "id": f"toolu_{step}_{number}", "name": name, "input": given}
        blocks.append(call)
    return blocks


def _streamed(block: Block, size: int) -> tuple[Block, list[Block]]:
    """A block as it begins, and the deltas that fill it."""
    if block["type"] == "text":
        return {**block, "text": ""}, [{"type": "text_delta", "text": part} for part in cut(block["text"], size)]
    if block["type"] == "thinking":
        deltas = [{"type": "thinking_delta", "thinking": part} for part in cut(block["thinking"], size)]
        return {**block, "thinking": "", "signature": ""}, [
            *deltas,
            {"type": "signature_delta", "signature": block["signature"]},
        ]
    parts = cut(arguments_text(block["input"]), size)
    return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": part} for part in parts]


def _usage(turn: Turn) -> Block:
    usage = turn.usage
    if usage is None:
        return {}
    return {
        "input_tokens": usage.input_tokens - usage.cached_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens_details": {"thinking_tokens": usage.reasoning_tokens},
    }


def _complaint(messages: list[Block]) -> str:
    """What the real server would refuse, "" if nothing; turns of one role in a row count as one."""
    turns: list[tuple[str, list[Block]]] = []
    for number, message in enumerate(messages):
        role, content = message["role"], message["content"]
        if role not in ("user", "assistant") or not content:
            return f"messages.{number}: no such role, or all messages must have non-empty content"
        if any(block["type"] == "text" and not block["text"].strip() for block in content):
            return f"messages.{number}: text content blocks must contain non-whitespace text"
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(content)
        else:
            turns.append((role, [*content]))
    if not turns or turns[0][0] != "user":
        return "messages: first message must use the user role"
    called: list[str] = []
    for role, content in turns:
        answered = [block["tool_use_id"] for block in content if block["type"] == "tool_result"]
        if role == "user" and sorted(answered) != sorted(called):
            return f"messages: tool_use ids {called} are answered by tool_result blocks {answered}"
        called = [block["id"] for block in content if block["type"] == "tool_use"]
    return f"messages: tool_use ids were found without tool_result blocks: {called}" if called else ""
