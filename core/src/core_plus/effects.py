"""What the loop asks for. Effects are data: a driver performs them and sends the outcome back."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from core_plus.executors import Answer
from core_plus.messages import ToolCall
from core_plus.models import ModelRequest


class Effect(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag=True):
    """One thing that the loop wants done.

    Args:
        id: Its path (position within the run, its branches and its inner runs), set by the driver: the
            same run gives the same ids again.
    """

    id: str = ""


class CallModel(Effect, frozen=True):
    """Ask the model; the outcome is a `ModelResponse`.

    Args:
        request: All that is asked.
        purpose: Why: for a step, a plan, the last answer, or something of a plugin's own.
        model: Which model; None is the run's own.
    """

    request: ModelRequest
    purpose: str = "step"
    model: Any = None


class CallTool(Effect, frozen=True):
    """Call a tool; the outcome is its value.

    Args:
        call: Which, and the arguments as the tool's own types.
        origin: Where the call comes from: a native tool call, running code, or a plugin.
        tool: The `Tool` itself.
        arguments: The same with the run's context, where the tool asks for it.
        continues: Whether it is a part of a call of this tool that was allowed and counted before: a step of a
            conversation with a server, say, which a journal shall know as a call.
    """

    call: ToolCall
    origin: Literal["native", "code", "plugin"] = "native"
    tool: Any = None
    arguments: dict[str, Any] = {}
    continues: bool = False


class RunCode(Effect, frozen=True):
    """Run a snippet in the run's session; the outcome is `Paused` or `Done`."""

    code: str


class ResumeCode(Effect, frozen=True):
    """Answer the code's open requests, or wait on; the outcome is `Paused` or `Done`."""

    answers: tuple[Answer, ...] = ()


class Question(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Something for a person to decide.

    Args:
        text: The question in words.
        kind: What sort: an approval, a plan to look over, or an open question.
        id: The asking effect's id; set by the driver.
        choices: What may be answered, where that is limited.
        details: What a UI may show beside it: the tool, its arguments, the plan.
        default: The answer of a person who just agrees.
    """

    text: str
    kind: Literal["approval", "plan", "question"] = "question"
    id: str = ""
    choices: tuple[str, ...] = ()
    details: dict[str, Any] = {}
    default: Any = None


class AskHuman(Effect, frozen=True):
    """Ask a person; the outcome is the answer. With nobody there, the run is suspended."""

    question: Question


class Consult(Effect, frozen=True):
    """Call a function of the user's that may steer the run (a callback, a check); the outcome is what it returns.

    Args:
        function: Plain, async, or a generator of effects.
        args: What it is given.
        name: What it is called in errors and records.
    """

    function: Any
    args: tuple[Any, ...] = ()
    name: str = ""


class Pause(Effect, frozen=True):
    """Wait before a failed model call is made again; the engine's own.

    Args:
        seconds: How long.
    """

    seconds: float


class RunAgent(Effect, frozen=True):
    """Give a task to another agent as part of this run; the outcome is its `RunResult`.

    Args:
        agent: The agent.
        task: What it shall do.
        variables: What it finds under these names.
        history: Messages that it continues from.
        attachments: Pictures and files for it.
        call_id: The tool call that asked for it, "" if none.
    """

    agent: Any
    task: str
    variables: dict[str, Any] = {}
    history: tuple[Any, ...] = ()
    attachments: tuple[Any, ...] = ()
    call_id: str = ""


Branch: TypeAlias = Effect | Generator[Any, Any, Any]


class Together(Effect, frozen=True):
    """Things that may happen at once; the outcome is a list of `Outcome`s in the order given."""

    branches: Sequence[Any]


class Begin(Effect, frozen=True):
    """Start a branch and go on; `FirstDone` collects it.

    Args:
        key: What `FirstDone` will call it.
        branch: An effect, or a generator of effects.
    """

    key: Any
    branch: Any


class FirstDone(Effect, frozen=True):
    """Wait for the first of the begun branches; the outcome is its key and its `Outcome`."""


class ReadSteps(Effect, frozen=True):
    """Read what the other agents of this run have done since; the outcome is a list of texts.

    Args:
        since: How many entries were read before.
    """

    since: int = 0


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a branch ended.

    Args:
        value: What it returned.
        error: What it raised; None if it returned.
    """

    value: Any = None
    error: BaseException | None = None

    def get(self) -> Any:
        """The value.

        Raises:
            BaseException: The branch's own error.
        """
        if self.error is not None:
            raise self.error
        return self.value


Effects: TypeAlias = Generator[Any, Any, Any]


class Allow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A review's word: go on.

    Args:
        reason: Why, for the record.
        max_tokens: The most that a model call may write.
    """

    reason: str = ""
    max_tokens: int | None = None


class Ask(msgspec.Struct, frozen=True, omit_defaults=True):
    """A review's or a callback's word: ask a person first.

    Args:
        text: The question; "" makes one from the effect.
        choices: What may be answered; () is yes or no.
        details: What a UI may show beside it.
    """

    text: str = ""
    choices: tuple[str, ...] = ()
    details: dict[str, Any] = {}


class Deny(msgspec.Struct, frozen=True, omit_defaults=True):
    """A review's word: don't. The model reads the reason."""

    reason: str = ""


Decision: TypeAlias = Allow | Ask | Deny


class Retry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A plugin's word on a model call that failed: make it again.

    Args:
        after: Seconds to wait before.
        model: Another model to go on with, or its name; None keeps the one that failed.
        reason: Why, for people to read.
    """

    after: float = 0.0
    model: Any = None
    reason: str = ""


class Continue(msgspec.Struct, frozen=True):
    """A callback's word: go on (as does None)."""


class Stop(msgspec.Struct, frozen=True, omit_defaults=True):
    """A callback's word: end the run here.

    Args:
        output: The run's answer.
        reason: Why, where there is no answer.
    """

    output: Any = None
    reason: str = ""


class Edit(msgspec.Struct, frozen=True):
    """A callback's word: go on with these steps instead of the run's own.

    Args:
        steps: All of them, in order.
    """

    steps: tuple[Any, ...]
