"""Tools that can't be described to a model: each is refused with what is wrong and the way out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from core_plus.errors import ToolDefinitionError
from core_plus.tools import Tool, tool

if TYPE_CHECKING:
    from nowhere import Missing


def no_hint(x): ...
def no_words(x: int): ...
def any_number(*x: int): ...
def any_names(**x: int): ...
def unreadable(x: Missing): ...
def unsupported(x: AsyncIterator[int]): ...
def unread_output(x: int) -> Missing: ...
def method(self, x: int): ...
async def stream(x: int):
    yield x


FUNCTIONS = [
    (no_hint, "Do.\n\nArgs:\n    x: It.", {}, "tool 'no_hint': x: it has no type hint: write x: str"),
    (no_words, "Do.", {}, "tool 'no_words': x: it has no description: say what it means, under 'Args:'"),
    (no_words, "", {}, "it has no description: say what it does"),
    (no_words, "Do.\n\nArgs:\n    x:", {}, "x: it has no description"),
    (any_number, "Do.", {}, "x: any number of arguments can't be described: name each"),
    (any_names, "Do.", {}, "x: any number of arguments can't be described: name each"),
    (unreadable, "Do.", {}, "x: the hint 'Missing' can't be read .*: import what it names"),
    (unread_output, "Do.\n\nArgs:\n    x: It.", {}, "the hint 'Missing' can't be read"),
    (unsupported, "Do.", {}, "x: the class AsyncIterator can't be described to a model: use plain types"),
    (method, "Do.", {}, r"self: a method becomes a tool when it is bound: tool\(thing.method\)"),
    (stream, "Do.", {}, "tool 'stream' needs a function, sync or async, or a generator"),
    (no_words, "Do.\n\nArgs:\n    x: It.", {"name": "no words"}, "the name 'no words' is none in Python"),
    (no_words, "Do.\n\nArgs:\n    x: It.", {"name": "class"}, "the name 'class' is none in Python"),
    (lambda: None, "Do.", {}, "the name '<lambda>' is none in Python: give it another with name="),
    (no_words, "Do.\n\nArgs:\n    x: It.", {"effect": "raed"}, "effect can't be 'raed': did you mean 'read'"),
    (no_words, "Do.\n\nArgs:\n    x: It.", {"thread": "main"}, "thread can't be 'main': there is worker, caller"),
    (no_words, "Do.\n\nArgs:\n    x: It.", {"timeot": 1}, "@tool has no 'timeot': did you mean 'timeout'"),
    (int, None, {}, "needs a function, sync or async, or a generator; not <class 'int'>"),
    (5, None, {}, "needs a function, sync or async, or a generator; not 5"),
]


@pytest.mark.parametrize(("function", "words", "settings", "message"), FUNCTIONS)
def test_a_function_that_cannot_be_described_is_refused_with_the_way_out(function, words, settings, message):
    if words is not None:
        function.__doc__ = words
    with pytest.raises(ToolDefinitionError, match=message):
        tool(**settings)(function)


def test_everything_that_is_wrong_is_said_at_once():
    def several(a, b: int, *c: str) -> Missing: ...

    with pytest.raises(ToolDefinitionError) as caught:
        tool(several)
    words = str(caught.value)
    assert all(part in words for part in ("it has no description", "a: ", "b: ", "c: ", "'Missing'"))


def one(self, x: str) -> str:
    return x


def optional(self, x: str | None = None) -> str | None:
    return x


def with_default(self, x: str = "") -> str:
    return x


def two(self, x: str, y: str) -> str:
    return x


X = {"type": "string", "description": "It."}
CLASSES = [
    ({"name": None}, one, "the name None is none in Python"),
    ({"name": "a b"}, one, "the name 'a b' is none in Python"),
    ({"description": ""}, one, "it has no description: say what it does"),
    ({"description": 5}, one, "it has no description: say what it does"),
    ({"output_type": "text"}, one, "the output_type 'text' is none of string, boolean"),
    ({"inputs": {"x": {"type": "text", "description": "It."}}}, one, "x: its type 'text' is none of string, boolean"),
    ({"inputs": {"x": {"type": ["string", "text"], "description": "It."}}}, one, "x: its type 'text' is none of"),
    ({"inputs": {"x": {"description": "It."}}}, one, "x: its type None is none of"),
    ({"inputs": {"x": {"type": "string"}}}, one, "x: it has no 'description' in inputs"),
    ({"inputs": {"y": X}}, one, r"forward takes \(x\) but inputs are \(y\): make them agree"),
    ({"inputs": {"x": X}}, two, r"forward takes \(x, y\) but inputs are \(x\)"),
    ({"inputs": {"x": X}}, optional, "x: inputs and forward must agree .* add 'nullable': True to inputs"),
    ({"inputs": {"x": X}}, with_default, "x: inputs and forward must agree .* add 'nullable': True to inputs"),
    ({"inputs": {"x": {**X, "nullable": True}}}, one, "x: inputs and forward must agree .* write x=None there"),
    ({"effect": "rite"}, one, "effect can't be 'rite': did you mean 'write'"),
    ({"inputs": {"x": X}}, None, "needs a function, sync or async, or a generator; not None"),
]


@pytest.mark.parametrize(("attributes", "forward", "message"), CLASSES)
def test_a_class_that_cannot_be_described_is_refused_with_the_way_out(attributes, forward, message):
    base = {"name": "it", "description": "Do.", "inputs": {"x": X}, "output_type": "any", "forward": forward}
    cls = type("It", (Tool,), {**base, **attributes})
    with pytest.raises(ToolDefinitionError, match=message):
        cls()
