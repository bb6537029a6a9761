"""Events as log records.

| logger | level | what |
|---|---|---|
| core_plus.run | INFO | run started, run finished with its state and totals |
| | WARNING | a warning; a run that was stopped, interrupted or reached a limit |
| | ERROR | a run that failed |
| core_plus.step | INFO | a step finished |
| | WARNING | a step that didn't work out |
| core_plus.model | DEBUG | what the model said and used |
| core_plus.code | DEBUG | code that begins to run, and what it printed |
| core_plus.tool | DEBUG | a call begins, and ends |
| | WARNING | a call that failed |
| core_plus.question | INFO | a person is asked, and answered |

What people, models and tools said (tasks, replies, code, arguments, results, answers) stands in records at
DEBUG only, or is added to a record where its logger is at DEBUG, and it is cut. The words of an error are an
exception: they stand where the error does.
"""

from __future__ import annotations

import logging
import reprlib
from collections.abc import Callable
from typing import Any

from core_plus.events import (
    ActionStep,
    CodeOutput,
    CodeStarted,
    Event,
    PlanningStep,
    QuestionAnswered,
    QuestionAsked,
    RunFinished,
    RunStarted,
    Step,
    StepStarted,
    ToolFinished,
    ToolStarted,
    Warned,
)
from core_plus.messages import Usage

STATE_LEVELS = {"success": logging.INFO, "suspended": logging.INFO, "failed": logging.ERROR}
"""How loud a run's end is; all other ends are warnings."""


class LoggingObserver:
    """Logs what it sees; costs next to nothing where a logger is off.

    Each record carries, as attributes for formatters and filters: `event` (the event's class name), `run_id`,
    `path` (names of the inner agents, "" for the outermost), `step` (its number) and, where they
    apply, `agent`, `model`, `executor`, `state`, `tool`, `origin`, `kind`, `calls`, `seconds`, `tokens`,
    `input_tokens`, `output_tokens`, `error`.

    Args:
        contents: Characters kept of a task, reply, argument or result.
        errors: Characters kept of an error.
        loggers: Gives the logger of a name; None is `logging.getLogger`.
    """

    def __init__(
        self, *, contents: int = 500, errors: int = 1_000, loggers: Callable[[str], logging.Logger] | None = None
    ) -> None:
        self._contents, self._errors = contents, errors
        self._steps: dict[tuple[str, tuple[str, ...]], int] = {}
        self._repr = reprlib.Repr()
        self._repr.maxstring = self._repr.maxother = contents
        named = loggers or logging.getLogger
        root = named("core_plus")
        if not root.handlers:  # without one, logging prints warnings by itself: that is for the application to say
            root.addHandler(logging.NullHandler())
        run, step, tool = (named(f"core_plus.{name}") for name in ("run", "step", "tool"))
        model, code, question = (named(f"core_plus.{name}") for name in ("model", "code", "question"))
        # Beside each event: its logger, and the loudest that it can become.
        self._kinds: dict[type[Event], tuple[logging.Logger, int, Callable[[logging.Logger, Any], None]]] = {
            RunStarted: (run, logging.INFO, self._run_started),
            RunFinished: (run, logging.ERROR, self._run_finished),
            Warned: (run, logging.WARNING, self._warned),
            PlanningStep: (step, logging.INFO, self._plan),
            ActionStep: (step, logging.WARNING, self._action),
            CodeStarted: (code, logging.DEBUG, self._code),
            CodeOutput: (code, logging.DEBUG, self._output),
            ToolStarted: (tool, logging.DEBUG, self._tool_started),
            ToolFinished: (tool, logging.WARNING, self._tool_finished),
            QuestionAsked: (question, logging.INFO, self._asked),
            QuestionAnswered: (question, logging.INFO, self._answered),
        }
        self._model = model

    def observe(self, event: Event) -> None:
        """Log an event.

        Args:
            event: What happened; kinds that aren't logged are passed over.
        """
        kind = type(event)
        if kind is StepStarted:
            self._steps[event.run_id, event.path] = event.number  # type: ignore[attr-defined]
            return
        found = self._kinds.get(kind)
        if found is not None and found[0].isEnabledFor(found[1]):
            found[2](found[0], event)
        if kind is RunFinished:
            self._steps.pop((event.run_id, event.path), None)
        if kind is ActionStep and self._model.isEnabledFor(logging.DEBUG):
            self._reply(event)  # type: ignore[arg-type]

    # ---- runs -------------------------------------------------------------

    def _run_started(self, logger: logging.Logger, event: RunStarted) -> None:
        facts = {"agent": event.agent, "model": event.model, "executor": event.executor}
        facts |= {"task": self._cut(event.task)} if logger.isEnabledFor(logging.DEBUG) else {}
        who = " ".join(f"{name} {value!r}" for name, value in facts.items() if value)
        self._log(logger, logging.INFO, event, f"run started: {who}", facts)

    def _run_finished(self, logger: logging.Logger, event: RunFinished) -> None:
        level = STATE_LEVELS.get(event.state, logging.WARNING)
        facts = {"state": event.state, "seconds": event.seconds, **_tokens(event.usage), **self._why(event.error)}
        text = f"run finished: {event.state} in {event.seconds:.1f} s, {event.usage.total_tokens} tokens"
        if logger.isEnabledFor(logging.DEBUG) and event.output is not None:
            facts["output"] = self._show(event.output)
            text += f", output {facts['output']}"
        self._log(logger, level, event, text + _because(facts), facts)

    def _warned(self, logger: logging.Logger, event: Warned) -> None:
        self._log(logger, logging.WARNING, event, f"warning: {self._line(event.text, self._errors)}", {})

    # ---- steps ------------------------------------------------------------

    def _plan(self, logger: logging.Logger, event: PlanningStep) -> None:
        facts = {"seconds": event.seconds, **_tokens(event.usage)}
        self._log(logger, logging.INFO, event, f"plan made in {event.seconds:.1f} s", facts)

    def _action(self, logger: logging.Logger, event: ActionStep) -> None:
        level = logging.WARNING if event.error else logging.INFO
        if not logger.isEnabledFor(level):
            return
        error = self._why(f"{event.error.kind}: {event.error.message}" if event.error else None)
        facts: dict[str, Any] = {"seconds": event.seconds, "calls": len(event.calls)}
        facts |= {**_tokens(event.usage), **error}
        text = f"step {event.number} {'did not work out' if error else 'finished'} in {event.seconds:.1f} s"
        self._log(logger, level, event, text + _because(facts), facts)

    def _reply(self, event: ActionStep) -> None:
        said = self._line(event.reply.text if event.reply else "", self._contents)
        self._log(self._model, logging.DEBUG, event, f"model said: {said}", dict(_tokens(event.usage)))

    # ---- code, tools, questions -------------------------------------------

    def _code(self, logger: logging.Logger, event: CodeStarted) -> None:
        self._log(logger, logging.DEBUG, event, f"code: {self._line(event.code, self._contents)}", {})

    def _output(self, logger: logging.Logger, event: CodeOutput) -> None:
        text = f"code printed to {event.stream}: {self._line(event.text, self._contents)}"
        self._log(logger, logging.DEBUG, event, text, {})

    def _tool_started(self, logger: logging.Logger, event: ToolStarted) -> None:
        facts = {"tool": event.call.name, "origin": event.origin}
        text = f"tool {event.call.name!r} called with {self._show(event.call.arguments)}"
        self._log(logger, logging.DEBUG, event, text, facts)

    def _tool_finished(self, logger: logging.Logger, event: ToolFinished) -> None:
        level = logging.DEBUG if event.error is None else logging.WARNING
        if not logger.isEnabledFor(level):
            return
        error = self._why(event.error)
        facts: dict[str, Any] = {"tool": event.call.name, "seconds": event.seconds, **error}
        text = f"tool {event.call.name!r} {'failed' if error else 'finished'} in {event.seconds:.1f} s"
        if logger.isEnabledFor(logging.DEBUG) and not error:
            text += f": {self._show(event.value)}"
        self._log(logger, level, event, text + _because(facts), facts)

    def _asked(self, logger: logging.Logger, event: QuestionAsked) -> None:
        self._question(logger, event, "a person is asked", f": {self._line(event.question.text, self._contents)}")

    def _answered(self, logger: logging.Logger, event: QuestionAnswered) -> None:
        self._question(logger, event, "a person answered", f": {self._show(event.answer)}")

    def _question(self, logger: logging.Logger, event: QuestionAsked | QuestionAnswered, text: str, words: str) -> None:
        shown = text + (words if logger.isEnabledFor(logging.DEBUG) else "")
        self._log(logger, logging.INFO, event, shown, {"kind": event.question.kind})

    # ---- the record -------------------------------------------------------

    def _log(self, logger: logging.Logger, level: int, event: Event, text: str, facts: dict[str, Any]) -> None:
        step = self._steps.get((event.run_id, event.path), 0) if not isinstance(event, Step) else 0
        path = "/".join(event.path)
        extra = {"event": type(event).__name__, "run_id": event.run_id, "path": path, "step": step}
        where = f"[{'/'.join((event.run_id[:8], *event.path))}] " if event.run_id else ""
        logger.log(level, "%s%s", where, text, extra=extra | facts)

    def _why(self, error: str | None) -> dict[str, str]:
        return {} if error is None else {"error": self._cut(error, self._errors)}

    def _cut(self, text: str, most: int | None = None) -> str:
        most = most or self._contents
        return text if len(text) <= most else f"{text[:most]}… ({len(text) - most} more characters)"

    def _line(self, text: str, most: int) -> str:
        return repr(self._cut(text, most))  # repr keeps it on one line: a log is not to be forged

    def _show(self, value: Any) -> str:
        return self._line(value, self._contents) if isinstance(value, str) else self._cut(self._repr.repr(value))


def _tokens(usage: Usage) -> dict[str, int]:
    tokens = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    return {"tokens": usage.total_tokens, **tokens}


def _because(facts: dict[str, Any]) -> str:
    return f": {facts['error']!r}" if "error" in facts else ""
