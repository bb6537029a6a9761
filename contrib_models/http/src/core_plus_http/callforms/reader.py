"""What a model writes, as the kernel's deltas.

The forms are tables, `FORMS` and `THOUGHTS`, read off the chat templates that the models' makers publish.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

from core_plus.models import Delta, TextDelta, ThinkingDelta, ToolCallDelta
from core_plus.tools import ToolSpec
from core_plus_http.callforms.syntax import (
    Call,
    bare_calls,
    channel_calls,
    deepseek_calls,
    invoke_calls,
    json_calls,
    kimi_calls,
    mistral_calls,
    python_calls,
    tagged_calls,
    xml_calls,
)
from core_plus_http.jsontext import dumps

Tools: TypeAlias = dict[str, dict[str, Any]]


class Form(NamedTuple):
    """How some models write something.

    Args:
        opens: What it begins with.
        closes: What it ends with; "" goes on to the reply's end, which every form may do.
        read: The calls in what stands between; None where that is reasoning, or nothing.
    """

    opens: str
    closes: str
    read: Callable[[str, Tools], list[Call]] | None = None


FORMS: Final = (
    Form("<tool_call>", "</tool_call>", tagged_calls),  # Qwen, Hermes, GLM, Granite 4, Nemotron
    Form("<function=", "</function>", xml_calls),  # Qwen Coder where it leaves the tag out, Llama's own tags
    Form("<function_call>", "</function_call>", json_calls),
    Form("<|tool_call|>", "<|/tool_call|>", json_calls),  # Phi 4, Granite 3
    Form("<|tool_call_start|>", "<|tool_call_end|>", python_calls),  # LFM2
    Form("<|tool_calls_section_begin|>", "<|tool_calls_section_end|>", kimi_calls),
    Form("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", deepseek_calls),
    Form("<minimax:tool_call>", "</minimax:tool_call>", invoke_calls),
    Form("<|START_ACTION|>", "<|END_ACTION|>", json_calls),  # Command R
    Form("<|python_tag|>", "", json_calls),  # Llama 3
    Form("[TOOL_CALLS]", "", mistral_calls),
    Form("<|channel|>commentary to=", "<|call|>", channel_calls),  # gpt-oss
    Form("<|start|>assistant to=", "<|call|>", channel_calls),
)
"""Calls."""
THOUGHTS: Final = (
    Form("<think>", "</think>"),
    Form("[THINK]", "[/THINK]"),  # Magistral
    Form("<|START_THINKING|>", "<|END_THINKING|>"),
    Form("<|channel|>analysis<|message|>", "<|end|>"),
)
"""Reasoning."""
FRAMES: Final = (
    "<|start|>assistant",
    "<|channel|>final<|message|>",
    "<|channel|>commentary<|message|>",
    "<|START_RESPONSE|>",
    "<|END_RESPONSE|>",
    "<|return|>",
)
"""What stands around an answer and says nothing."""
MARKS: Final = (*(mark for form in (*FORMS, *THOUGHTS) for mark in form[:2] if mark), *FRAMES)
INNER: Final = ("<|message|>", "<|constrain|>", "[ARGS]", "[CALL_ID]", "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>")
MORE_INNER: Final = ("<｜tool▁call▁end｜>", "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>")
KEPT: Final = "\n".join((*MARKS, *INNER, *MORE_INNER))


def is_mark(token: str) -> bool:
    """Whether a special token is part of a form, so that the reader must see it; others say nothing.

    Args:
        token: The token's text.
    """
    return bool(token) and token in KEPT


def thinks(prompt: str) -> str:
    """What ends the reasoning that a prompt has begun already, as some templates do; "" where none has.

    Args:
        prompt: The prompt's end.
    """
    end = prompt.rstrip()
    return next((form.closes for form in THOUGHTS if end.endswith(form.opens)), "")


class CallReader:
    """Turns a reply's text into deltas as it comes: words, reasoning, and calls when they are complete.

    Args:
        tools: The tools offered; where there are none, whatever looks like a call is words.
        owner: Whose reasoning it is.
        closes: What ends the reasoning that the prompt has begun; "" where it hasn't.
    """

    def __init__(self, tools: Iterable[ToolSpec], owner: str, closes: str = "") -> None:
        self.calls = 0
        self._tools: Tools = {tool.name: tool.parameters for tool in tools}
        self._owner = owner
        forms = (*THOUGHTS, *(FORMS if self._tools else ()), *(Form(frame, "") for frame in FRAMES))
        self._forms = {form.opens: form for form in forms}
        ways = "|".join(map(re.escape, sorted(self._forms, key=len, reverse=True)))
        self._opens, self._longest = re.compile(ways), max(map(len, self._forms))
        self._open = Form("", closes) if closes else None
        self._text = self._space = ""
        self._searched = 0
        self._started = self._trim = self._ended = False
        self._bare = bool(self._tools) and not closes

    @property
    def thinking(self) -> bool:
        """Whether it is in the middle of reasoning."""
        return self._open is not None and self._open.read is None

    def feed(self, text: str) -> list[Delta]:
        """Take more of the reply.

        Args:
            text: The next piece.
        """
        self._text += text
        if self._bare and self._may_be_bare():
            return []
        out: list[Delta] = []
        while self._step(out):
            pass
        return out

    def end(self) -> list[Delta]:
        """What is left at the reply's end."""
        out: list[Delta] = []
        if self._bare and (found := bare_calls(self._text, self._tools)):
            return [self._call(call) for call in found]
        self._bare, self._ended = False, True
        while self._step(out):
            pass
        form, text, self._text = self._open, self._text, ""
        if form is None:
            self._words(text, out)
        elif form.read is None:
            self._thought(text, out)
        else:
            self._block(form, text, "", out)
        if self._space and not self.calls:
            out.append(TextDelta(self._space))
        return out

    def _may_be_bare(self) -> bool:
        """Whether the reply may be nothing but a call, as Llama writes it: then all of it is waited for."""
        start = self._text.lstrip()[:1]
        if start and (start not in "{[" or self._opens.match(self._text.lstrip())):
            self._bare = False
        return self._bare

    def _step(self, out: list[Delta]) -> bool:
        """Read up to the next mark; whether there may be another."""
        if self._open is None:
            return self._outside(out)
        form, text = self._open, self._text
        at = text.find(form.closes, max(0, self._searched - len(form.closes))) if form.closes else -1
        if at < 0:
            self._searched = len(text)
            if form.read is None:
                safe = _safe(text, (form.closes,), len(form.closes))
                self._thought(text[:safe], out)
                self._text, self._searched = text[safe:], 0
            return False
        self._text, self._open, self._searched = text[at + len(form.closes) :], None, 0
        if form.read is None:
            self._thought(text[:at], out)
            self._trim = True
        else:
            self._block(form, text[:at], form.closes, out)
        return True

    def _outside(self, out: list[Delta]) -> bool:
        found = self._opens.search(self._text)
        if found is None or (not self._ended and self._grows(found)):
            safe = _safe(self._text, self._forms, self._longest) if found is None else found.start()
            self._words(self._text[:safe], out)
            self._text = self._text[safe:]
            return False
        before, self._text = self._text[: found.start()], self._text[found.end() :]
        self._words(before, out)
        form = self._forms[found.group()]
        if form.opens in FRAMES:
            self._trim = True
        else:
            self._open = form
        return True

    def _grows(self, found: re.Match[str]) -> bool:
        """Whether the mark at the text's end may turn out to be a longer one."""
        end = self._text[found.start() :]
        return any(mark != found.group() and mark.startswith(end) for mark in self._forms)

    def _words(self, text: str, out: list[Delta]) -> None:
        """Words; the space around calls and after reasoning isn't part of them."""
        if self._trim:
            text = text.lstrip()
        words = text.rstrip()
        if words:
            out.append(TextDelta(self._space + words))
            self._space, self._trim = text[len(words) :], False
        else:
            self._space += text

    def _thought(self, text: str, out: list[Delta]) -> None:
        text = text if self._started else text.lstrip()
        if text:
            self._started = True
            out.append(ThinkingDelta(text, provider=self._owner))

    def _block(self, form: Form, inside: str, closed: str, out: list[Delta]) -> None:
        """What stood between two marks: calls, or words after all."""
        calls = form.read(inside, self._tools) if form.read else []
        if not calls:
            self._words(f"{form.opens}{inside}{closed}", out)
            return
        out += [self._call(call) for call in calls]
        self._space, self._trim = "", True

    def _call(self, call: Call) -> Delta:
        name, given = call
        text = given if isinstance(given, str) else dumps(given).decode()
        self.calls += 1
        return ToolCallDelta(self.calls - 1, f"call_{os.urandom(12).hex()}", name, text)


def _safe(text: str, marks: Iterable[str], longest: int) -> int:
    """How much of a text surely belongs to no mark that only the next piece makes whole."""
    first = max(0, len(text) - longest + 1)
    for at in _starts(text, first):
        end = text[at:]
        if any(mark.startswith(end) for mark in marks):
            return at
    return len(text)


def _starts(text: str, first: int) -> Iterator[int]:
    return (at for at in range(first, len(text)) if text[at] in "<[")
