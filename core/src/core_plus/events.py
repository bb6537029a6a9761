"""What happens in a run, as it happens: the events of `stream()`, seen by UIs and observers too."""

from __future__ import annotations

from typing import Any

import msgspec

from core_plus.effects import Question
from core_plus.messages import AnyPart, Message, ToolCall, Usage
from core_plus.models import Delta, ModelResponse


class Event(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag=True):
    """Something that happened.

    Args:
        run_id: The run it belongs to.
        path: The names of the agents from the outermost's helper down to this one; () is the outermost.
    """

    run_id: str = ""
    path: tuple[str, ...] = ()


class RunStarted(Event, frozen=True):
    """A run, or an inner run of a managed agent, begins.

    Args:
        task: The task in words.
        agent: The agent's name, "" where it has none.
        model: The model in words.
        executor: The executor's name, "" where code isn't run.
        plugins: Plugins in use with their versions.
        parent: The outer run's id, "" for the outermost.
    """

    task: str = ""
    agent: str = ""
    model: str = ""
    executor: str = ""
    plugins: tuple[str, ...] = ()
    parent: str = ""


class StepStarted(Event, frozen=True):
    """A step begins.

    Args:
        number: The step, from 1.
        max_steps: How many there may be.
        kind: "action", "plan" or "answer" (the last call when no steps are left).
    """

    number: int
    max_steps: int = 0
    kind: str = "action"


class ModelStarted(Event, frozen=True):
    """A model is asked.

    Args:
        purpose: Why: "step", "plan", "final", or something of a plugin's own.
        messages: How many messages it is sent.
    """

    purpose: str
    messages: int


class ModelDelta(Event, frozen=True):
    """A piece of a reply.

    Args:
        delta: What came.
        purpose: As in `ModelStarted`.
    """

    delta: Delta
    purpose: str = "step"


class ModelReplied(Event, frozen=True):
    """A model answered.

    Args:
        purpose: As in `ModelStarted`.
        response: The whole reply.
        seconds: How long it took.
    """

    purpose: str
    response: ModelResponse
    seconds: float = 0.0


class ToolStarted(Event, frozen=True):
    """A tool call begins.

    Args:
        call: Which tool with which arguments.
        origin: "native", "code" or "plugin".
    """

    call: ToolCall
    origin: str = "native"


class ToolProgress(Event, frozen=True):
    """A tool says how far it is.

    Args:
        id: The call's id.
        data: What it says.
    """

    id: str
    data: Any = None


class ToolFinished(Event, frozen=True):
    """A tool call ended.

    Args:
        call: Which.
        value: What it gave, if it did.
        error: Why it failed; None if it didn't.
        seconds: How long it took.
    """

    call: ToolCall
    value: Any = None
    error: str | None = None
    seconds: float = 0.0


class CodeStarted(Event, frozen=True):
    """Code begins to run."""

    code: str


class CodeOutput(Event, frozen=True):
    """Code printed something.

    Args:
        text: What.
        stream: "stdout" or "stderr".
    """

    text: str
    stream: str = "stdout"


class QuestionAsked(Event, frozen=True):
    """A person is asked."""

    question: Question


class QuestionAnswered(Event, frozen=True):
    """A person answered.

    Args:
        question: What was asked.
        answer: What was answered.
    """

    question: Question
    answer: Any = None


class Warned(Event, frozen=True):
    """Something a person should know: a broken observer, a tool that was given up.

    Args:
        text: What, and what to do.
    """

    text: str


class RunFinished(Event, frozen=True):
    """A run ended, or was suspended.

    Args:
        state: "success", "max_steps", "limit", "failed", "interrupted", "stopped" or "suspended".
        output: The answer, where there is one.
        error: What went wrong, in words.
        usage: Tokens in all.
        seconds: How long it took.
    """

    state: str
    output: Any = None
    error: str | None = None
    usage: Usage = Usage()
    seconds: float = 0.0


class StepError(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a step didn't work out, as the model reads it.

    Args:
        kind: The error's class name.
        message: Its text.
    """

    kind: str
    message: str


class Step(Event, kw_only=True, frozen=True):
    """A finished piece of a run; steps are events and make up the memory.

    Args:
        number: The step, from 1; 0 for the task.
        seconds: How long it took.
        usage: Tokens of its model calls.
        messages: What the model reads of it later on.
    """

    number: int = 0
    seconds: float = 0.0
    usage: Usage = Usage()
    messages: tuple[Message, ...] = ()

    @property
    def shown(self) -> str:
        """What was said in it, in words."""
        return "\n".join(f"{said.role}: {said.text}" for said in self.messages)


class TaskStep(Step, frozen=True):
    """The task.

    Args:
        task: In words.
        attachments: Pictures and files with it.
    """

    task: str
    attachments: tuple[AnyPart, ...] = ()


class NoteStep(Step, frozen=True):
    """Words from outside in the middle of a run: of a person, or of what other agents did."""


class PlanningStep(Step, frozen=True):
    """A plan.

    Args:
        plan: In words.
        subtasks: The same as data, where the planner works off a list.
    """

    plan: str
    subtasks: tuple[Any, ...] = ()


class ToolRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One tool call of a step.

    Args:
        call: Which tool with which arguments.
        value: What it gave.
        error: Why it failed; None if it didn't.
        seconds: How long it took.
    """

    call: ToolCall
    value: Any = None
    error: StepError | None = None
    seconds: float = 0.0


class ActionStep(Step, frozen=True):
    """A reply of the model and what came of it.

    Args:
        reply: The model's message.
        thought: Its words apart from the action.
        code: The code that it wrote.
        calls: The tools that were called, from code too, in order of creation.
        observation: What the model reads as the result.
        stdout: What the code printed.
        value: The code's last value, or the final answer.
        error: Why the step didn't work out.
        is_final: Whether this is the answer.
    """

    reply: Message | None = None
    thought: str = ""
    code: str | None = None
    calls: tuple[ToolRecord, ...] = ()
    observation: str = ""
    stdout: str = ""
    value: Any = None
    error: StepError | None = None
    is_final: bool = False


class FinalAnswerStep(Step, frozen=True):
    """The answer.

    Args:
        output: Any value.
    """

    output: Any = None
