"""A loopback server that speaks Amazon Bedrock's Converse from a script."""

from __future__ import annotations

import re
import struct
import zlib
from typing import Any, ClassVar, Final
from urllib.parse import unquote

from core_plus_testkit.loopback import Seen
from core_plus_testkit.scripted_server import ScriptedServer, Turn, arguments_text, cut, dumps

Block = dict[str, Any]
PATH: Final = re.compile(r"/model/([^/]+)/(converse|converse-stream)$")
ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
TEXT: Final = 7
"""The type of a header whose value is text."""


class BedrockServer(ScriptedServer):
    """Answers Converse and ConverseStream from scripts.

    Requests are checked as the real service does: roles that don't alternate, blank texts, calls and results that
    don't pair or have ids of another form, and such blocks without `toolConfig` are answered with HTTP 400.
    """

    stream_type: ClassVar[str] = "application/vnd.amazon.eventstream"
    half: ClassVar[bytes] = b'{"output": {"message": {"content": [{"text": "hal'

    def handles(self, path: str) -> bool:
        return PATH.match(path) is not None

    def complaint(self, body: Any) -> str:
        if not isinstance(body, dict) or not body.get("messages"):
            return "The messages field is required."
        return _complaint(body["messages"], bool(body.get("toolConfig", {}).get("tools")))

    def model(self, seen: Seen) -> str:
        found = PATH.match(seen.path)
        return unquote(found[1]) if found else ""

    def streams(self, seen: Seen) -> bool:
        return seen.path.endswith("-stream")

    def whole(self, turn: Turn, seen: Seen, step: int) -> Any:
        output = {"message": {"role": "assistant", "content": _blocks(turn, step)}}
        return {"output": output, "stopReason": _reason(turn), **_usage(turn), "metrics": {"latencyMs": 1}}

    def events(self, turn: Turn, seen: Seen, step: int) -> list[bytes]:
        events: list[tuple[str, Block]] = [("messageStart", {"role": "assistant"})]
        for index, block in enumerate(_blocks(turn, step)):
            start, deltas = _streamed(block, turn.size)
            if start:
                events.append(("contentBlockStart", {"contentBlockIndex": index, "start": start}))
            events += [("contentBlockDelta", {"contentBlockIndex": index, "delta": delta}) for delta in deltas]
            events.append(("contentBlockStop", {"contentBlockIndex": index}))
        events.append(("messageStop", {"stopReason": _reason(turn)}))
        events.append(("metadata", {**_usage(turn), "metrics": {"latencyMs": 1}}))
        return [frame({":message-type": "event", ":event-type": name}, body) for name, body in events]

    def failure(self, turn: Turn) -> bytes:
        kind = turn.code or "internalServerException"
        return frame({":message-type": "exception", ":exception-type": kind}, {"message": turn.error})

    def refused(self, status: int, words: str, code: str | None = None) -> Any:
        return {"message": words}


def frame(headers: dict[str, str], body: Any) -> bytes:
    """A message of an event stream; its form is told at `core_plus_http`'s decoder of it.

    Args:
        headers: Texts by name.
        body: Its payload, as JSON.
    """
    named = {**headers, ":content-type": "application/json"}
    head = b"".join(
        struct.pack(f">B{len(name)}sBH", len(name), name.encode(), TEXT, len(value.encode())) + value.encode()
        for name, value in named.items()
    )
    payload = dumps(body)
    prelude = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + payload
    return message + struct.pack(">I", zlib.crc32(message))


def _blocks(turn: Turn, step: int) -> list[Block]:
    blocks: list[Block] = []
    if turn.thinking:
        blocks.append({"reasoningContent": {"reasoningText": {"text": turn.thinking, "signature": "c2lnbmVk"}}})
    if turn.text:
        blocks.append({"text": turn.text})
    for number, (name, given) in enumerate(turn.calls):
        blocks.append({"toolUse": {"toolUseId": f"tooluse_{step}_{number}", "name": name, "input": given}})
    return blocks


def _streamed(block: Block, size: int) -> tuple[Block | None, list[Block]]:
    """How a block begins, None for those that just come, and the deltas that fill it."""
    if "text" in block:
        return None, [{"text": part} for part in cut(block["text"], size)]
    if "reasoningContent" in block:
        said = block["reasoningContent"]["reasoningText"]
        deltas = [{"reasoningContent": {"text": part}} for part in cut(said["text"], size)]
        return None, [*deltas, {"reasoningContent": {"signature": said["signature"]}}]
    call = block["toolUse"]
    parts = cut(arguments_text(call["input"]), size)
    start = {"toolUse": {"toolUseId": call["toolUseId"], "name": call["name"]}}
    return start, [{"toolUse": {"input": part}} for part in parts]


def _reason(turn: Turn) -> str:
    return turn.finish or ("tool_use" if turn.calls else "end_turn")


def _usage(turn: Turn) -> Block:
    usage = turn.usage
    if usage is None:
        return {}
    counts = {"inputTokens": usage.input_tokens - usage.cached_tokens, "outputTokens": usage.output_tokens}
    return {"usage": {**counts, "totalTokens": usage.total_tokens, "cacheReadInputTokens": usage.cached_tokens}}


def _complaint(messages: list[Block], tools: bool) -> str:
    """What the real service would refuse, "" if nothing."""
    called: list[str] = []
    blocks = [block for message in messages for block in message.get("content") or ()]
    names = [block["document"]["name"].lower() for block in blocks if "document" in block]
    if len({*names}) < len(names):
        return "Messages can't contain duplicate document names."
    for number, message in enumerate(messages):
        role, content, where = message.get("role"), message.get("content"), f"messages.{number}.content"
        if role != ("assistant" if number % 2 else "user"):
            return "A conversation must start with a user message and alternate between user and assistant roles."
        if not content:
            return f"The content field in the Message object at messages.{number} is empty."
        if any("text" in block and not block["text"].strip() for block in content):
            return f"The text field in the ContentBlock object at {where} is blank."
        answered = [block["toolResult"]["toolUseId"] for block in content if "toolResult" in block]
        if sorted(answered) != sorted(called):
            return f"Expected toolResult blocks at {where} for the following Ids: {called}, found: {answered}"
        called = [block["toolUse"]["toolUseId"] for block in content if "toolUse" in block]
        if len({*called}) < len(called) or not all(map(ID.fullmatch, called)):
            return f"{where}: toolUseIds must be unique and satisfy the regular expression {ID.pattern}"
        if (called or answered) and not tools:
            return "The toolConfig field must be defined when using toolUse and toolResult content blocks."
        if "reasoningContent" in content[-1]:
            return f"The final block in an assistant message cannot be `thinking`: {where}"
    return f"Expected toolResult blocks for the following Ids: {called}" if called else ""
