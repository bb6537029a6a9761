"""What was said, as the JSON that the conventions want: messages of parts. Only for who opted in; cut to a size.

Source of the form: the JSON schemas gen-ai-input-messages, gen-ai-output-messages and gen-ai-system-instructions
beside the conventions. Bytes of pictures and sounds are never recorded, only what they are.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from core_plus.messages import AnyPart, Media, Message, Text, Thinking, ToolCall, ToolResult
from core_plus.models import ModelRequest, ModelResponse

HIDDEN = "***"


class Words:
    """Turns what was said into JSON texts.

    Args:
        most: Characters of a text; longer ones are cut, and stay JSON.
        secret: Names of tools whose arguments and values are hidden.
    """

    def __init__(self, most: int, secret: Collection[str] = ()) -> None:
        self._most, self._secret = most, secret

    def system(self, request: ModelRequest) -> str:
        """The system prompt.

        Args:
            request: What the model is asked.
        """
        said = [part for one in request.messages if one.role == "system" for part in self._parts(one)]
        return self._fitted(said)

    def asked(self, request: ModelRequest) -> str:
        """The messages that a model is sent, without the system prompt; where they are too long, the newest.

        Args:
            request: What the model is asked.
        """
        told = [{"role": one.role, "parts": self._parts(one)} for one in request.messages if one.role != "system"]
        return self._fitted(told)

    def replied(self, response: ModelResponse) -> str:
        """A reply.

        Args:
            response: The model's.
        """
        parts = self._parts(response.message)
        return self._fitted([{"role": "assistant", "parts": parts, "finish_reason": response.finish_reason}])

    def said(self, role: str, value: Any) -> str:
        """A single message of words, such as a task or an answer.

        Args:
            role: Who speaks.
            value: A text, or any value.
        """
        text = value if isinstance(value, str) else plain(value)
        told: dict[str, Any] = {"role": role, "parts": [{"type": "text", "content": self._cut(text)}]}
        return self._fitted([told | ({"finish_reason": "stop"} if role == "assistant" else {})])

    def tools(self, request: ModelRequest) -> str:
        """What the model may call.

        Args:
            request: What the model is asked.
        """
        told = [
            {"type": "function", "name": tool.name, "description": tool.description, "parameters": tool.parameters}
            for tool in request.tools
        ]
        return self._fitted(told)

    def value(self, value: Any) -> str:
        """Arguments or a result.

        Args:
            value: Anything; what JSON has no form for becomes its `repr`.
        """
        return self._cut(value if isinstance(value, str) else plain(value))

    # ---- pieces ---------------------------------------------------------------

    def _cut(self, text: str) -> str:
        most = self._most
        return text if len(text) <= most else f"{text[:most]}… ({len(text) - most} more characters)"

    def _parts(self, message: Message) -> list[dict[str, Any]]:
        return [self._part(part) for part in message.parts]

    def _part(self, part: AnyPart) -> dict[str, Any]:
        if isinstance(part, Text):
            return {"type": "text", "content": self._cut(part.text)}
        if isinstance(part, Thinking):
            return {"type": "reasoning", "content": self._cut(part.text)}
        if isinstance(part, ToolCall):
            arguments = HIDDEN if part.name in self._secret else json.loads(plain(part.arguments))
            return {"type": "tool_call", "id": part.id, "name": part.name, "arguments": arguments}
        if isinstance(part, ToolResult):
            response = HIDDEN if part.name in self._secret else self._cut(part.text)
            return {"type": "tool_call_response", "id": part.id, "response": response}
        return _medium(part)

    def _fitted(self, items: Sequence[dict[str, Any]]) -> str:
        """A JSON list of as many of the last items as there is room for; the first cut one says how many are gone."""
        texts, room, left = list[str](), self._most, len(items)
        for item in reversed(items):
            text = plain(item)
            if len(text) > room:
                break
            texts.append(text)
            room -= len(text)
            left -= 1
        if left:
            note = f"{left} left out: longer than {self._most} characters in all"
            last = items[left - 1]
            part = {"type": "text", "content": note}
            gone = {"role": last["role"], "parts": [part]} if "role" in last else part
            texts.append(plain(gone))
        return f"[{','.join(reversed(texts))}]"


def plain(value: Any) -> str:
    """A value as JSON, whatever it is.

    Args:
        value: Anything.
    """
    try:
        return msgspec.json.encode(value, enc_hook=repr).decode()
    except (msgspec.EncodeError, TypeError, ValueError, RecursionError, OverflowError):
        return json.dumps(repr(value))


def _medium(part: Media) -> dict[str, Any]:
    modality = part.media_type.partition("/")[0]
    told = {"modality": modality, "mime_type": part.media_type}
    if part.url is not None and not part.url.startswith("data:"):
        return {"type": "uri", **told, "uri": part.url}
    return {"type": "blob", **told, "content": "", "size": len(part.data or b"")}
