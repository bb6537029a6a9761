"""Which event shows what: the story of a run as a person reads it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rich.console import Console, RenderableType

from core_plus.effects import Question
from core_plus.events import (
    ActionStep,
    CodeOutput,
    CodeStarted,
    Event,
    FinalAnswerStep,
    ModelDelta,
    PlanningStep,
    QuestionAnswered,
    QuestionAsked,
    RunFinished,
    RunStarted,
    StepStarted,
    TaskStep,
    ToolFinished,
    ToolProgress,
    ToolStarted,
    Warned,
)
from core_plus.messages import Media, Usage
from core_plus.models import PartDelta, TextDelta, ThinkingDelta, ToolCallDelta
from core_plus_rich import asking
from core_plus_rich import text as words
from core_plus_rich.blocks import Block, thought_of
from core_plus_rich.pieces import Pieces
from core_plus_rich.render import Glyphs, block, code
from core_plus_rich.screen import Kind, Screen
from core_plus_rich.view import RUNNING, WAITING, Line, OpenTool, RunView

FINAL = "final_answer"
"""The tool whose call is shown as the answer itself."""
AT_TERMINAL = "human:"
"""A model that a person plays: live lines would write over what is typed."""
PAUSE = 0.05
"""Seconds between two printings of a program's output, where live lines show its newest line."""


class Show:
    """Prints what happens, as it happens.

    Args:
        console: Where to.
        glyphs: The signs to use.
        lock: Held by whoever calls.
        debug: Whether everything is shown, and whole.
        can_ask: Says whether a person will be asked at the terminal, where the question then stands.
    """

    def __init__(
        self, console: Console, glyphs: Glyphs, lock: threading.RLock, debug: bool, can_ask: Callable[[], bool]
    ) -> None:
        self._views: dict[tuple[str, tuple[str, ...]], RunView] = {}
        self._usage = Usage()
        self._screen = Screen(console, glyphs, lock, lambda: list(self._views.values()), lambda: self._usage)
        self._pieces, self._debug, self._can_ask = Pieces(glyphs, debug), debug, can_ask
        self._header: tuple[str, str, str] | None = None
        self._asked: list[Question] = []
        self._printed = 0.0

    def handlers(self) -> dict[type[Event], Callable[[Any], None]]:
        """What is done for which kind of event."""
        return {
            RunStarted: self._run_started,
            TaskStep: self._task,
            StepStarted: self._step_started,
            ModelDelta: self._delta,
            CodeStarted: self._code_started,
            CodeOutput: self._code_output,
            ToolStarted: self._tool_started,
            ToolProgress: self._tool_progress,
            ToolFinished: self._tool_finished,
            QuestionAsked: self._question_asked,
            QuestionAnswered: self._question_answered,
            Warned: self._warned,
            PlanningStep: self._plan,
            ActionStep: self._action,
            FinalAnswerStep: self._final,
            RunFinished: self._run_finished,
        }

    def pause(self, question: Question) -> bool:
        """Give the screen to a question.

        Args:
            question: What will be asked.

        Returns:
            Whether the code that it is about has just been shown.
        """
        self._screen.stop()
        self._asked.append(question)
        return any(view.code_is_shown(str(question.details.get("code", ""))) for view in self._views.values())

    def go_on(self) -> None:
        """Take the screen back."""
        self._screen.set_off()
        if self._views:
            self._screen.start()

    def close(self) -> None:
        """Forget what goes on, and give the screen back."""
        self._views.clear()
        self._screen.stop()

    def _view(self, event: Event) -> RunView:
        key = (event.run_id, event.path)
        view = self._views.get(key)
        if view is None:
            view = self._views[key] = RunView(event, self._debug)
        return view

    def _put(self, view: RunView, kind: Kind, parts: Iterable[RenderableType]) -> None:
        self._screen.put(view, kind, parts)

    def _room(self, view: RunView) -> int:
        return max(self._screen.width - 2 * view.depth, 16)

    def _run_started(self, event: RunStarted) -> None:
        if not event.path and not self._views:
            self._usage = Usage()
        view = self._view(event)
        view.parent, view.name = event.parent, event.agent or view.name or "agent"
        header = (event.agent, event.model, event.executor)
        parts = [] if header == self._header and not event.path else self._pieces.header(event, view.name)
        self._header = self._header if event.path else header
        if event.task:
            parts.append(self._pieces.task(self._asked_of(view) or event.task, inner=bool(event.path)))
            view.task_shown = True
        self._put(view, "head", parts)
        view.doing = WAITING
        if not event.model.startswith(AT_TERMINAL):
            self._screen.start()

    def _asked_of(self, view: RunView) -> str:
        """What a managed agent was asked in the call itself, without what its prompt says around it."""
        outer = [other for other in self._views.values() if other.depth == view.depth - 1]
        calls = (tool.call for other in outer for tool in other.tools.values() if tool.call.name == view.path[-1])
        asked = [call.arguments.get("task", "") for call in calls if isinstance(call.arguments, dict)]
        return asked[-1] if asked and isinstance(asked[-1], str) else ""

    def _task(self, event: TaskStep) -> None:
        view = self._view(event)
        parts = [] if view.task_shown else [self._pieces.task(event.task, inner=bool(event.path))]
        parts += [self._pieces.note(f"+ {words.media(part)}") for part in event.attachments if isinstance(part, Media)]
        self._put(view, "head", parts)
        view.task_shown = True

    def _step_started(self, event: StepStarted) -> None:
        view = self._settled(event)
        view.begin_step(event.number, event.kind)
        view.max_steps, view.doing = event.max_steps or view.max_steps, WAITING
        self._rule(view)

    def _rule(self, view: RunView) -> None:
        title = self._pieces.facts(words.one_line(view.name) if view.depth else "", view.place or "step")
        self._put(view, "rule", [self._pieces.rule(title, self._room(view))])

    def _delta(self, event: ModelDelta) -> None:
        view, delta = self._view(event), event.delta
        kind = type(delta)
        if kind is TextDelta:
            self._words(view, delta.text)  # type: ignore[attr-defined]
        elif isinstance(delta, ThinkingDelta):
            view.doing = "thinking"
            view.thinking.append(delta.text)
        elif isinstance(delta, ToolCallDelta):
            view.doing = f"calling {words.one_line(delta.name, 80)}" if delta.name else view.doing
        elif isinstance(delta, PartDelta) and isinstance(delta.part, Media):
            self._say(view, [Block("text", words.media(delta.part))])

    def _words(self, view: RunView, text: str) -> None:
        view.doing = "writing"
        if view.thinking:
            self._end_thinking(view)
        blocks = view.splitter.feed(text)
        if blocks:
            self._say(view, blocks)

    def _end_thinking(self, view: RunView) -> None:
        thought, view.thinking = "".join(view.thinking).strip(), []
        if thought and self._debug:
            self._put(view, "text", [self._pieces.thinking(thought)])

    def _say(self, view: RunView, blocks: Sequence[Block]) -> None:
        """Print words at once; hold code back, and what follows it, until it is known whether it will run."""
        view.said = view.said or bool(blocks)
        if view.kind == "answer":
            return  # the answer itself is shown when the run has ended
        for item in blocks:
            if view.held or item.kind == "code":
                view.held.append(item)
            else:
                self._put(view, "text", block(item))

    def _settled(self, event: Event, running: str | None = None) -> RunView:
        """The run, after everything that was waiting to be shown of it; code in `running` is shown otherwise."""
        view = self._view(event)
        self._end_thinking(view)
        self._say(view, view.splitter.finish())
        held, view.held = view.held, []
        for item in held:
            self._release(view, item, running)
        self._print(view, view.printed.take())
        return view

    def _release(self, view: RunView, item: Block, running: str | None) -> None:
        thought = thought_of(item.text) if item.language == "json" else None
        if thought is not None:
            self._put(view, "text", self._pieces.text(thought))
        elif item.kind == "text":
            self._put(view, "text", block(item))
        elif running is None or item.text.strip() not in running:
            view.code.append(item.text)
            self._put(view, "code", code(item.text, item.language))

    def _code_started(self, event: CodeStarted) -> None:
        view = self._settled(event, event.code)
        if not view.code_is_shown(event.code):
            self._put(view, "code", code(event.code))
        view.code, view.code_runs, view.doing = [event.code], True, RUNNING

    def _code_output(self, event: CodeOutput) -> None:
        view = self._view(event)
        view.printed.feed(event.text, event.stream)
        if not self._screen.can_live or time.monotonic() - self._printed >= PAUSE:
            self._print(view, view.printed.take())

    def _print(self, view: RunView, lines: Sequence[Line]) -> None:
        if lines:
            self._put(view, "work", self._pieces.printed(lines))
            self._printed = time.monotonic()

    def _tool_started(self, event: ToolStarted) -> None:
        view = self._settled(event)
        if event.call.name != FINAL:
            view.tools[event.call.id] = OpenTool(event.call)
            view.doing = f"running {words.one_line(event.call.name, 80)}"

    def _tool_progress(self, event: ToolProgress) -> None:
        view = self._view(event)
        tool = view.tools.get(event.id)
        if tool is not None:
            tool.progress = words.describe(event.data)
        if self._debug:
            self._put(view, "work", [self._pieces.note(words.describe(event.data))])

    def _tool_finished(self, event: ToolFinished) -> None:
        view = self._settled(event)
        view.tools.pop(event.call.id, None)
        view.tool_ended()
        self._show_call(view, event)

    def _show_call(self, view: RunView, event: ToolFinished) -> None:
        view.calls.add(event.call.id)
        if event.error is not None:
            view.errors.append(event.error)
        elif event.call.name == FINAL:
            return
        elif event.call.name in view.inner_answers and not self._debug:
            view.inner_answers.remove(event.call.name)
            return
        parts = self._pieces.tool(event.call, event.value, event.error, event.seconds, self._room(view))
        self._put(view, "work", parts)

    def _question_asked(self, event: QuestionAsked) -> None:
        view = self._settled(event)
        view.doing = "waiting for you"
        if not self._can_ask():
            shown = view.code_is_shown(str(event.question.details.get("code", "")))
            self._put(view, "question", asking.show(event.question, self._screen.glyphs, shown))

    def _question_answered(self, event: QuestionAnswered) -> None:
        view = self._settled(event)
        view.doing = RUNNING if view.code_runs else "working"
        others = [question for question in self._asked if question is not event.question]
        known, self._asked = len(others) < len(self._asked), others
        if known:
            return
        said = f"{event.question.text} {self._screen.glyphs.arrow} {words.describe(event.answer)}"
        self._put(view, "work", [self._pieces.warning(said)])

    def _warned(self, event: Warned) -> None:
        self._put(self._settled(event), "work", [self._pieces.warning(event.text)])

    # ---- steps: whatever of them wasn't seen while it happened --------------

    def _plan(self, event: PlanningStep) -> None:
        view = self._settled(event)
        if view.kind != "plan":
            view.begin_step(event.number, "plan")
            self._rule(view)
        if not view.said:
            self._put(view, "text", self._pieces.text(event.plan))
        self._end_step(view, event)

    def _action(self, event: ActionStep) -> None:
        view = self._settled(event)
        said = event.thought or ("" if event.code or event.reply is None else event.reply.text)
        if said and not view.said:
            self._put(view, "text", self._pieces.text(said))
        if event.code and not view.code_is_shown(event.code):
            self._put(view, "code", code(event.code))
        for record in event.calls:
            if record.call.id not in view.calls:
                error = record.error.message if record.error else None
                finished = ToolFinished(call=record.call, value=record.value, error=error, seconds=record.seconds)
                self._show_call(view, finished)
        view.printed.feed(event.stdout[view.printed.seen :], "stdout")  # what was printed since the last event
        self._print(view, view.printed.finish())
        if event.value is not None and event.code is not None and not event.is_final:
            self._put(view, "work", [self._pieces.last_value(event.value, self._room(view))])
        if event.error is not None and event.error.message not in view.errors:
            self._put(view, "work", [self._pieces.error(event.error)])
        view.steps += 1
        self._end_step(view, event)

    def _final(self, event: FinalAnswerStep) -> None:
        self._end_step(self._settled(event), event)

    def _end_step(self, view: RunView, event: PlanningStep | ActionStep | FinalAnswerStep) -> None:
        self._usage += event.usage
        view.code_runs, view.doing = False, "working"
        view.tools.clear()
        if self._debug and (event.usage.total_tokens or event.seconds >= 0.05):
            facts = self._pieces.facts(words.tokens(event.usage, details=True), words.seconds(event.seconds))
            self._put(view, "work", [self._pieces.note(facts)])
        view.begin_step(view.number, view.kind)

    def _run_finished(self, event: RunFinished) -> None:
        view = self._settled(event)
        self._print(view, view.printed.finish())
        self._drop(event.run_id, event.path)
        if event.path:
            for outer in [other for other in self._views.values() if other.path == event.path[:-1]]:
                outer.inner_answers.append(view.path[-1])
        elif not self._views:
            self._screen.stop()
        room = self._room(view)
        if event.output is not None:
            if event.path:
                self._put(view, "work", [self._pieces.inner_answer(event.output, room)])
            else:
                self._put(view, "answer", self._pieces.answer(event.output, room))
        if event.error:
            self._put(view, "work", [self._pieces.error(event.error)])
        self._put(view, "total", [self._pieces.totals(event, view.steps)])

    def _drop(self, run_id: str, path: tuple[str, ...]) -> None:
        self._views.pop((run_id, path), None)
        for view in [view for view in self._views.values() if run_id and view.parent == run_id]:
            self._drop(view.run_id, view.path)
