"""The ReAct loop: think, act, look at what came of it, until there is an answer.

Everything here is a generator of effects: it performs nothing itself, so it can be driven by hand.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core_plus import effects as fx
from core_plus import prompts
from core_plus.coerce import validate
from core_plus.errors import (
    AgentAnswerError,
    AgentError,
    AgentGenerationError,
    AgentMaxStepsError,
    JournalError,
    LimitReached,
)
from core_plus.events import (
    ActionStep,
    FinalAnswerStep,
    NoteStep,
    PlanningStep,
    Step,
    StepError,
    StepStarted,
    TaskStep,
    ToolRecord,
)
from core_plus.messages import Message, message
from core_plus.models import ModelRequest, ModelResponse
from core_plus.planning import make_plan
from core_plus.render import task_message

if TYPE_CHECKING:
    from core_plus.run import Run


class Draft:
    """A step in the making.

    Attributes:
        reply: The model's message, once it came.
        thought: Its words apart from the action.
        code: The code that it wrote.
        records: The tools called, by call id, in order of creation.
        observation: What the model reads as the result, besides pictures.
        parts: Pictures and files that go with it.
        stdout: What code printed.
        value: The code's last value, or the final answer.
        error: Why the step didn't work out.
        is_final: Whether `value` is the answer.
    """

    def __init__(self, run: Run) -> None:
        self.run, self.number = run, run.step_number
        self.began, self.usage = run.root.now, run.own_usage
        self.reply: Message | None = None
        self.thought, self.observation, self.stdout = "", "", ""
        self.code: str | None = None
        self.records: dict[str, ToolRecord] = {}
        self.parts: list[Any] = []
        self.value: Any = None
        self.error: StepError | None = None
        self.is_final = False

    def fail(self, error: BaseException) -> None:
        """Note why the step didn't work out."""
        self.is_final = False
        self.error = StepError(type(error).__name__, str(error) or repr(error))

    def step(self) -> ActionStep:
        """The finished step."""
        return ActionStep(
            number=self.number,
            seconds=self.run.root.now - self.began,
            usage=self.run.spent_since(self.usage),
            messages=self.run.bound.agent.style.messages(self.run, self) if self.reply else (),
            reply=self.reply,
            thought=self.thought,
            code=self.code,
            calls=tuple(self.records.values()),
            observation=self.observation,
            stdout=self.stdout,
            value=self.value,
            error=self.error,
            is_final=self.is_final,
        )


def react(run: Run) -> fx.Effects:
    """A whole run.

    Args:
        run: Fresh; its state says how it ended.
    """
    said = task_message(run.task, run.attachments, run.variables)
    run.record(TaskStep(task=run.task, attachments=run.attachments, messages=(said,)))
    yield from consult(run, run.steps[-1])
    while not run.finished and run.remaining_steps > 0:
        yield from (renew_plan(run) if plan_due(run) else take_step(run))
    if not run.finished:
        yield from last_answer(run)


def plan_due(run: Run) -> bool:
    """Whether it is time for a plan: before the first step, and then every so many; a planner's own, once.

    Args:
        run: In progress.
    """
    every = run.planning if isinstance(run.planning, int) else run.max_steps
    return bool(run.planning) and run.planned_at != run.step_number and run.step_number % every == 0


def renew_plan(run: Run) -> fx.Effects:
    """Make a plan, and let the callbacks see it.

    Args:
        run: In progress.
    """
    run.planned_at = run.step_number
    yield from make_plan(run)
    if isinstance(run.steps[-1], PlanningStep):
        yield from consult(run, run.steps[-1])


def take_step(run: Run) -> fx.Effects:
    """One step: ask the model, do what it says, record what came of it.

    Args:
        run: In progress.
    """
    run.cancellation.check()
    run.step_number += 1
    run.emit(StepStarted(number=run.step_number, max_steps=run.max_steps))
    if remarks := run.remarks.get(run.step_number):
        run.record(NoteStep(number=run.step_number, messages=tuple(remarks)))
    draft, style = Draft(run), run.bound.agent.style
    try:
        request = yield from build_request(run)
        response: ModelResponse = yield fx.CallModel(request=request)
        draft.reply = response.message
        yield from style.act(run, draft, response)
        if draft.is_final:
            draft.value = yield from check_answer(run, draft.value)
    except AgentError as error:
        draft.fail(error)
    except (GeneratorExit, AgentGenerationError):
        raise
    except BaseException as error:
        draft.fail(error)
        if draft.reply is not None:
            run.record(draft.step())
        raise
    run.record(draft.step())
    yield from consult(run, run.steps[-1])
    if draft.is_final and not run.finished:
        yield from finish(run, "success", draft.value)


def finish(run: Run, state: Any, output: Any) -> fx.Effects:
    """End the run with an answer.

    Args:
        run: In progress.
        state: "success" or "max_steps".
        output: The answer.
    """
    run.finish(state, output)
    run.record(FinalAnswerStep(number=run.step_number, output=output))
    yield from consult(run, run.steps[-1])


def build_request(run: Run) -> fx.Effects:
    """What the model is asked in this step.

    Args:
        run: In progress.
    """
    agent = run.bound.agent
    if run.root.board is not None:
        run.read_so_far, news = yield fx.ReadSteps(since=run.read_so_far)
        if news:
            words = "Meanwhile, other agents of this run did this:\n" + "\n".join(news)
            run.record(NoteStep(number=run.step_number, messages=(message("user", words),)))
    if agent.tool_filter is not None:
        chosen = yield from called(agent.tool_filter, run.context, list(run.bound.tools.values()))
        run.tools = {tool.name: tool for tool in chosen}
    view = yield from seen(run)
    more = agent.style.request(run)
    return ModelRequest((run.bound.system(run), *view), options=agent.options, cancellation=run.cancellation, **more)


def seen(run: Run) -> fx.Effects:
    """The messages that the agent's memory lets the model see.

    Args:
        run: In progress.
    """
    view = run.bound.memory.view(run)
    return (yield from view) if inspect.isgenerator(view) else view


def called(function: Callable[..., Any], *args: Any) -> fx.Effects:
    """Call something of the user's: a plain function, an async one, or a generator of effects.

    Args:
        function: What to call.
        *args: As many as it takes are given.
    """
    found = function(*_taken(function, *args))
    if inspect.isgenerator(found):
        return (yield from found)
    return (yield found) if inspect.isawaitable(found) else found


def _taken(function: Callable[..., Any], *args: Any) -> tuple[Any, ...]:
    """As many of the arguments as a function takes."""
    return args[: _arity(function, len(args))]


def _arity(function: Callable[..., Any], most: int) -> int:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return most
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return most
    return min(most, sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters))


def check_answer(run: Run, value: Any) -> fx.Effects:
    """The answer as the output type wants it, after all checks.

    Args:
        run: In progress.
        value: What the model gave.

    Raises:
        AgentAnswerError: It was refused; the text says by what.
    """
    agent = run.bound.agent
    if agent.output_type is not None:
        try:
            value = validate(value, agent.output_type)
        except (ValueError, TypeError) as error:
            raise AgentAnswerError(
                f"the answer doesn't fit what was asked for: {error}. Give it again in that form."
            ) from error
    for check in agent.final_answer_checks:
        name = getattr(check, "__name__", type(check).__name__)
        try:
            verdict = yield fx.Consult(function=check, args=_taken(check, value, run.context), name=name)
        except (LimitReached, JournalError, AgentGenerationError):
            raise
        except Exception as error:
            raise AgentAnswerError(
                f"the check {name} refused the answer: {str(error) or type(error).__name__}"
            ) from error
        if verdict is not None and not verdict:
            raise AgentAnswerError(f"the check {name} refused the answer {value!r:.200}")
    return value


def consult(run: Run, step: Step) -> fx.Effects:
    """Let the callbacks see a step and steer.

    Args:
        run: In progress.
        step: Just recorded.
    """
    if run.root.board is not None and isinstance(step, ActionStep):
        run.root.board.append((run.path, f"step {step.number}: {step.thought or step.observation}"[:500]))
    for callback in run.bound.callbacks(type(step)):
        name = getattr(callback, "__name__", type(callback).__name__)
        word = yield fx.Consult(function=callback, args=_taken(callback, step, run), name=name)
        if isinstance(word, fx.Stop):
            run.finish(
                "stopped",
                word.output,
                None if word.output is not None else AgentError(word.reason or "a callback stopped it"),
            )
        elif isinstance(word, fx.Edit):
            run.edit(word.steps)
        elif isinstance(word, fx.Ask):
            yield from _ask(run, step, word)
        elif word is not None and not isinstance(word, fx.Continue):
            raise TypeError(
                f"the callback {name} returned {word!r:.100}; it may return Continue, Ask, Stop, Edit or None"
            )


def _ask(run: Run, step: Step, wish: fx.Ask) -> fx.Effects:
    """A person looks at a step: yes goes on, no stops, and other words become the plan that is followed."""
    planned = isinstance(step, PlanningStep)
    details = {**({"plan": step.plan} if isinstance(step, PlanningStep) else {}), **wish.details}
    text = wish.text or ("Follow this plan? (or write another)" if planned else "Go on?")
    kind: Any = "plan" if planned else "question"
    answer = yield fx.AskHuman(
        question=fx.Question(text=text, kind=kind, choices=wish.choices, details=details, default="yes")
    )
    word = str(answer).strip()
    if word.lower() in ("no", "n", "false", "stop"):
        run.finish("stopped", None, AgentError(f"a person stopped it: {text}"))
    elif isinstance(step, PlanningStep) and word.lower() not in ("yes", "y", "true", "ok", ""):
        said = (message("assistant", word), *step.messages[1:])
        run.edit([*run.steps[:-1], PlanningStep(number=step.number, plan=word, messages=said, usage=step.usage)])
    elif not planned and word.lower() not in ("yes", "y", "true", "ok", ""):
        run.record(NoteStep(number=step.number, messages=(message("user", word),)))


def last_answer(run: Run) -> fx.Effects:
    """No steps are left: one more call, for the best answer there is.

    Args:
        run: In progress.
    """
    run.cancellation.check()
    run.step_number += 1
    run.emit(StepStarted(number=run.step_number, max_steps=run.max_steps, kind="answer"))
    draft, bound = Draft(run), run.bound
    view = yield from seen(run)
    wish = message("user", prompts.fill(bound.prompt("last_answer"), {"task": run.task}))
    request = ModelRequest((bound.system(run), *view, wish), options=bound.agent.options, cancellation=run.cancellation)
    response: ModelResponse = yield fx.CallModel(request=request, purpose="final")
    draft.reply, draft.value = response.message, response.message.text
    draft.fail(AgentMaxStepsError(f"no steps left after {run.max_steps}"))
    try:
        draft.value = yield from check_answer(run, draft.value)
    except AgentError as error:
        draft.fail(error)
        run.record(draft.step())
        run.finish("failed", error=AgentMaxStepsError(f"no steps left after {run.max_steps}, and {error}"))
        return
    draft.is_final = True
    run.record(draft.step())
    yield from consult(run, run.steps[-1])
    yield from finish(run, "max_steps", draft.value)
