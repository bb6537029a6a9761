"""`RunResult`, what is left of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, cast

import attrs

from core_plus.effects import Question
from core_plus.errors import RunFailed, RunInterrupted, RunSuspended
from core_plus.events import Step
from core_plus.generics import Out
from core_plus.memory import as_data
from core_plus.messages import Message, Usage

if TYPE_CHECKING:
    from core_plus.run import Run

State: TypeAlias = Literal["running", "success", "max_steps", "limit", "failed", "interrupted", "stopped", "suspended"]


@attrs.define
class Abandoned:
    """A tool that didn't return in time after its run was told to stop, or after its own time-out.

    Args:
        tool: Its name.
        call_id: The call.
        outcome: What came of it in the end: "still running", "returned …" or "raised …".
        value: What it returned late.
    """

    tool: str
    call_id: str
    outcome: str = "still running"
    value: Any = None


@attrs.define(kw_only=True, eq=False, repr=False)
class RunResult(Generic[Out]):
    """What came of a run. Everything that was done is kept, however it ended.

    Args:
        run: Its state.
        run_id: Its id.
        state: "success", "max_steps" (an answer from what there was), "limit", "failed", "interrupted",
            "stopped" (by a callback) or "suspended" (waits for a person).
        answer: The answer, None where there is none; `output` is the one to use.
        error: What ended it, if something went wrong.
        steps: The steps taken.
        messages: The conversation, as `message_history=` of another run takes it.
        usage: Tokens, those of managed agents included.
        seconds: How long it took.
        questions: What it waits for, where it is suspended.
        abandoned: Tools that were given up, with what came of them.
        resumable: The stream that goes on once the questions are answered.
    """

    run: Run
    run_id: str
    state: State
    answer: Any
    error: BaseException | None
    steps: tuple[Step, ...]
    messages: tuple[Message, ...]
    usage: Usage
    seconds: float
    questions: tuple[Question, ...]
    abandoned: tuple[Abandoned, ...]
    resumable: Any = None

    @property
    def output(self) -> Out:
        """The answer.

        Raises:
            RunFailed: The run failed; its error is the cause.
            RunInterrupted: It was interrupted.
            RunSuspended: It waits for a person.
        """
        if self.state == "suspended":
            asked = "; ".join(question.text for question in self.questions)
            raise RunSuspended(f"the run waits for an answer to: {asked} (agent.resume(result, answer) goes on)", self)
        if self.state == "interrupted":
            raise RunInterrupted(f"the run was interrupted: {self.run.cancellation.reason or 'interrupted'}", self)
        if self.state in ("failed", "limit") or (self.state == "stopped" and self.answer is None):
            raise RunFailed(
                f"the run has no output ({self.state}): {self.error or 'a callback stopped it'}", self
            ) from self.error
        return cast("Out", self.answer)

    @property
    def answered(self) -> bool:
        """Whether there is an output."""
        return self.state in ("success", "max_steps") or (self.state == "stopped" and self.answer is not None)

    @property
    def variables(self) -> dict[str, Any]:
        """The run's variables, by name."""
        return self.run.variables

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON-like data; a value that JSON has no form for becomes its `repr`."""
        data = {
            "output": self.answer if self.answered else None,
            "state": self.state,
            "error": str(self.error) if self.error else None,
            "questions": self.questions,
            "steps": self.steps,
            "usage": self.usage,
            "seconds": self.seconds,
            "run_id": self.run_id,
            "plugins": {p.distribution: p.version for p in self.run.host.plugins if p.status == "loaded"},
        }
        found: dict[str, Any] = as_data(data)
        return found

    def __repr__(self) -> str:
        shown = f" {self.answer!r:.200}" if self.answered else f" {self.error!r:.200}" if self.error else ""
        facts = f"{len(self.steps)} steps, {self.usage.total_tokens} tokens, {self.seconds:.1f} s"
        return f"<RunResult {self.state}{shown}, {facts}>"

    def _repr_html_(self) -> str:
        from html import escape

        shown = repr(self.answer) if self.answered else str(self.error or "; ".join(q.text for q in self.questions))
        steps = "".join(f"<li>{type(step).__name__}<pre>{escape(step.shown[:5000])}</pre></li>" for step in self.steps)
        facts = f"{self.state}, {len(self.steps)} steps, {self.usage.total_tokens} tokens, {self.seconds:.1f} s"
        return f"<b>{escape(shown[:5000])}</b><details><summary>{facts}</summary><ol>{steps}</ol></details>"
