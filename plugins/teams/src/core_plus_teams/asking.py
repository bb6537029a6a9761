"""A tool with which an agent asks a person, while it plans or while it works."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from core_plus import Question, tool
from core_plus.effects import AskHuman


@tool(effect="read", planning=True)
def ask_person(question: str, choices: list[str] | None = None) -> Generator[Any, Any, str]:
    """Ask the person who gave the task, where nothing else can tell: a preference, a permission, a missing fact.

    Args:
        question: What to ask, so that it can be answered without knowing more.
        choices: The possible answers, where there are only a few.
    """
    answer = yield AskHuman(question=Question(text=question, choices=tuple(choices or ())))
    return str(answer)
