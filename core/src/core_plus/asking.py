"""Asking a person: for an approval, about a plan, or what a tool wants to know."""

from __future__ import annotations

from typing import Any

import msgspec

from core_plus import effects as fx
from core_plus.errors import AgentDeniedError
from core_plus.events import QuestionAnswered, QuestionAsked
from core_plus.journal import kept
from core_plus.ops import Invoke, Ops, Suspend
from core_plus.run import Run
from core_plus.watching import flush


def approve(run: Run, effect: fx.Effect, wish: fx.Ask) -> Ops:
    """Ask a person before an effect is performed.

    Args:
        run: Whose effect.
        effect: What is to be performed.
        wish: What the review wants asked.

    Raises:
        AgentDeniedError: The person said no.
    """
    details = {**_facts(effect), **wish.details}
    text = wish.text or f"Allow {' '.join(str(value) for value in _facts(effect).values())}?"
    choices = wish.choices or ("yes", "no")
    question = fx.Question(text=text, kind="approval", choices=choices, details=details, default="no")
    answer = yield from ask(run, effect.id, question)
    if answer is not True and str(answer).strip().lower() not in ("yes", "y", "allow", "always", "true", "ok"):
        reason = "" if str(answer).strip().lower() in ("no", "n", "deny", "false", "none", "") else f": {answer}"
        raise AgentDeniedError(denied(effect, f"the person said no{reason}"))


def _facts(effect: fx.Effect) -> dict[str, Any]:
    if isinstance(effect, fx.CallTool):
        return {"tool": effect.call.name, "arguments": effect.call.arguments}
    if isinstance(effect, fx.RunCode):
        return {"what": "code", "code": effect.code}
    return {"what": type(effect).__name__}


def denied(effect: fx.Effect, reason: str) -> str:
    """What the model reads of a denial.

    Args:
        effect: What was denied.
        reason: Why.
    """
    what = effect.call.name if isinstance(effect, fx.CallTool) else type(effect).__name__
    return f"{what} was denied" + (f": {reason}" if reason else "") + ". It was not performed; go another way."


def ask(run: Run, effect_id: str, question: fx.Question) -> Ops:
    """Ask the attached UI, or hold still until somebody answers.

    Args:
        run: Who asks.
        effect_id: The asking effect.
        question: What is asked.
    """
    question = msgspec.structs.replace(question, id=effect_id)
    run.emit(QuestionAsked(question=question))
    yield from flush(run)
    answer = yield from kept(run, f"{effect_id}?", fx.AskHuman(question=question), lambda: _answered(run, question))
    run.emit(QuestionAnswered(question=question, answer=answer))
    run.cancellation.check()
    return answer


def _answered(run: Run, question: fx.Question) -> Ops:
    answer = None
    if run.ui is not None and hasattr(run.ui, "ask"):
        answer = yield Invoke(run.ui.ask, (question,))
    return (yield Suspend(question)) if answer is None else answer
