"""A model that a person plays: `model="human:"`, to see what a model sees, and to try a run without one."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Sequence
from typing import TextIO

import msgspec

from core_plus.errors import ModelError
from core_plus.hookspecs import Register, hookimpl
from core_plus.messages import AnyPart, Message, Text, Thinking, ToolCall, ToolResult
from core_plus.models import ModelRequest, ModelResponse
from core_plus.tools import ToolSpec

END = "."


class _Call(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    arguments: dict[str, object]


class HumanModel:
    """Prints what is new in a request, and reads the reply: lines up to one that holds only a full stop.

    A line `{"name": "tool", "arguments": {...}}` is a tool call, where there are tools to call.

    Args:
        model_id: Who plays, if it matters.
        stdin: Where the reply is typed; None is standard input.
        stdout: Where the request is printed; None is standard error, so that standard output stays the run's.
    """

    def __init__(self, model_id: str = "", *, stdin: TextIO | None = None, stdout: TextIO | None = None) -> None:
        self.name, self._stdin, self._stdout = model_id, stdin, stdout
        self._numbers = itertools.count(1)
        self._turn = threading.Lock()

    def __str__(self) -> str:
        return f"human:{self.name}"

    def forward(self, request: ModelRequest) -> ModelResponse:
        """Ask the person; one request at a time.

        Args:
            request: All that is asked.

        Raises:
            ModelError: The input ended before anything was typed.
        """
        with self._turn:
            out = self._stdout or sys.stderr
            out.write(shown(request))
            out.flush()
            text = self._read()
        parts = self._parts(text, bool(request.tools))
        said = Message("assistant", parts)
        return ModelResponse(said, finish_reason="tool_calls" if said.tool_calls else "stop", model=str(self))

    def _read(self) -> str:
        lines: list[str] = []
        for line in iter((self._stdin or sys.stdin).readline, ""):
            if line.rstrip("\r\n") == END:
                return "".join(lines)
            lines.append(line)
        if not lines:
            raise ModelError("the input ended: nobody is there to play the model", provider="human", model=self.name)
        return "".join(lines)

    def _parts(self, text: str, callable_tools: bool) -> tuple[AnyPart, ...]:
        words: list[str] = []
        calls: list[AnyPart] = []
        for line in text.splitlines(keepends=True):
            call = _call(line) if callable_tools else None
            if call is None:
                words.append(line)
            else:
                calls.append(ToolCall(f"human-{next(self._numbers)}", call.name, call.arguments))
        said = "".join(words).strip()
        return (*((Text(said),) if said else ()), *calls)


def _call(line: str) -> _Call | None:
    if not line.lstrip().startswith("{"):
        return None
    try:
        return msgspec.json.decode(line, type=_Call)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None


def shown(request: ModelRequest) -> str:
    """What is new since the model's last turn, as text; everything at the first.

    Args:
        request: All that is asked.
    """
    last = max((n for n, said in enumerate(request.messages) if said.role == "assistant"), default=-1)
    texts = [f"--- {said.role}\n{_words(said.parts)}\n" for said in request.messages[last + 1 :]]
    tools = [_signature(tool) for tool in request.tools]
    if tools and last < 0:
        texts.append('--- tools, called by {"name": …, "arguments": {…}} on a line\n' + "\n".join(tools) + "\n")
    return "\n" + _visible("".join(texts)) + f"--- your turn as the model; end it with a line that holds only {END}\n"


def _visible(text: str) -> str:
    """What a tool or a page sent must not act on the terminal: signs that can't be seen become escapes."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else ascii(sign)[1:-1] for sign in text)


def _words(parts: Sequence[AnyPart]) -> str:
    return "\n".join(_one(part) for part in parts)


def _one(part: AnyPart) -> str:
    if isinstance(part, Text | Thinking):
        return part.text
    if isinstance(part, ToolCall):
        return f"calls {part.name}({part.arguments})"
    if isinstance(part, ToolResult):
        return f"{part.name} {'failed' if part.is_error else 'answered'}: {_words(part.parts)}"
    return f"<{part.media_type}{f', {len(part.data)} bytes' if part.data is not None else ''}>"


def _signature(tool: ToolSpec) -> str:
    names = ", ".join(tool.parameters.get("properties", ()))
    return f"{tool.name}({names}): {tool.description.strip().splitlines()[0] if tool.description.strip() else ''}"


@hookimpl
def register_models(register: Register) -> None:
    """Declare the model "human"."""
    register("human", HumanModel, summary="you play the model: type its turns at the terminal")
