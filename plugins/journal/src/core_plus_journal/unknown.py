"""Effects that were begun and never seen to end: a person, or a rule, says what became of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core_plus import effects as fx
from core_plus.asking import ask
from core_plus.cancellation import Interrupted
from core_plus.errors import ConfigurationError
from core_plus.ops import Ops
from core_plus.run import Run

HAPPENED, NOT_HAPPENED, STOP = "it happened", "it didn't happen", "stop"
AGAIN, WITHOUT = "run it again", "go on without it"
WORDS = (HAPPENED, NOT_HAPPENED, STOP, AGAIN, WITHOUT)

Rule = str | Callable[[fx.Effect], Any]


class Unknown:
    """What is done about an effect whose outcome nobody knows.

    Args:
        rule: "ask" asks a person, and holds still where nobody is there. One of the answers is given without asking:
            "it happened", "it didn't happen", "stop"; or a function of the effect that gives one of them, or
            `{"it happened": value}`.

    Raises:
        ConfigurationError: It is none of these.
    """

    def __init__(self, rule: Rule = "ask") -> None:
        if not callable(rule) and rule not in ("ask", *WORDS):
            raise ConfigurationError(f"unknown={rule!r}: give 'ask', a function, or one of {', '.join(WORDS)}")
        self._rule = rule

    def settle(self, run: Run, key: str, effect: fx.CallTool) -> Ops:
        """What became of a tool call that was begun.

        Args:
            run: Whose call.
            key: Names the question.
            effect: The call, which is no harmless one.

        Returns:
            Its `Outcome`, or None where it is to be performed (again).

        Raises:
            Interrupted: The run is to stop.
        """
        name, arguments = effect.call.name, effect.call.arguments
        text = (
            f"{name} was being called when the run was lost, and nobody knows whether it did its work. "
            f"Look, then say: {HAPPENED!r} (or a dict with that key and what it returned), {NOT_HAPPENED!r} "
            f"(it is called now) or {STOP!r}."
        )
        details = {"tool": name, "arguments": "***" if effect.tool.secret else arguments}
        answer, value = yield from self._word(run, key, effect, text, (HAPPENED, NOT_HAPPENED, STOP), details)
        if answer == STOP:
            raise Interrupted(f"stopped, since nobody knows whether {name} did its work")
        return fx.Outcome(value) if answer == HAPPENED else None

    def run_again(self, run: Run, key: str, effect: fx.Effect, cells: int) -> Ops:
        """Whether code that may have changed something outside is run again, to have its variables back.

        Args:
            run: Whose code.
            key: Names the question.
            effect: The effect.
            cells: How many snippets it would be.

        Returns:
            True: again. False: go on without.

        Raises:
            Interrupted: The run is to stop.
        """
        text = (
            f"The interpreter is gone. To have its variables back, {cells} snippet{'s' * (cells > 1)} would run "
            f"again, in {run.bound.executor_name}, where code can change things outside. {AGAIN!r}, {WITHOUT!r} "
            f"(the variables are lost) or {STOP!r}?"
        )
        details = {"what": "code", "cells": cells}
        answer, _ = yield from self._word(run, key, effect, text, (AGAIN, WITHOUT, STOP), details)
        if answer == STOP:
            raise Interrupted("stopped, since its interpreter is gone")
        return answer == AGAIN

    def _word(
        self, run: Run, key: str, effect: fx.Effect, text: str, choices: tuple[str, ...], details: dict[str, Any]
    ) -> Ops:
        said: Any = self._rule(effect) if callable(self._rule) else self._rule if self._rule in choices else "ask"
        while True:
            if said == "ask" or said is None:
                question = fx.Question(text=text, kind="question", choices=choices, details=details, default=STOP)
                said = yield from ask(run, key, question)
            value = None
            if isinstance(said, Mapping) and len(said) == 1:
                ((said, value),) = said.items()
            word = str(said).strip().lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
            if word in choices:
                return word, value
            raise ConfigurationError(f"{said!r:.80} answers nothing that was asked: it is one of {', '.join(choices)}")
