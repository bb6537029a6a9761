"""The tool user_input."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from core_plus import Question, Tool
from core_plus.effects import AskHuman


class UserInputTool(Tool):
    """Asks the person through the attached UI; where nobody is there, the run is suspended until somebody answers."""

    name = "user_input"
    description = "Ask the user a question and read the answer."
    effect = "read"
    planning = True

    def forward(self, question: str) -> Generator[Any, Any, str]:
        """Ask the user.

        Args:
            question: What to ask.

        Returns:
            What the user says.
        """
        answer = yield AskHuman(question=Question(text=question))
        return str(answer)
