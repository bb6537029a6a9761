"""The tools that go with memories: `pin_fact` and `read_observation`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from core_plus import RunContext, tool
from core_plus.messages import AnyPart, Text, ToolResult
from core_plus_memory.trimming import key_of


@tool(effect="read", thread="caller")
def pin_fact(fact: str) -> str:
    """Keep a fact in sight for the rest of the work, whatever else is left out of the conversation later on.

    Args:
        fact: One sentence that can be understood alone.
    """
    return " ".join(fact.split())


@tool(effect="read", thread="caller")
def read_observation(key: str, context: RunContext[Any], start: int = 0, length: int | None = None) -> str:
    """The text of an observation of which the middle was left out.

    Args:
        key: What stands in the line that says so.
        context: The run.
        start: The first character to give.
        length: How many characters to give; all where it is left out.
    """
    for said in reversed(context.messages):
        for text in _texts(said.parts):
            if key_of(text) == key:
                return text[start:] if length is None else text[start : start + length]
    raise ValueError(f"there is no observation {key!r} here: take the key from the line that says what is left out")


def _texts(parts: tuple[AnyPart, ...]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, ToolResult):
            yield from _texts(part.parts)
        elif isinstance(part, Text):
            yield part.text
