"""What the events look like: from an event's facts to renderables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import RenderableType
from rich.text import Text

from core_plus.events import RunFinished, RunStarted, StepError
from core_plus.messages import ToolCall
from core_plus_rich import text as words
from core_plus_rich.blocks import Block, blocks_of
from core_plus_rich.render import PROSE, Beside, Glyphs, block, fitted, value
from core_plus_rich.view import Line

TASK_LINES, INNER_TASK_LINES = 12, 4
"""Lines of a task that are shown, and of a task for a managed agent."""
STATES = {
    "success": ("done", "cp.ok"),
    "max_steps": ("no steps left", "cp.warning"),
    "limit": ("stopped at a limit", "cp.warning"),
    "stopped": ("stopped", "cp.warning"),
    "interrupted": ("interrupted", "cp.warning"),
    "suspended": ("waits for an answer", "cp.question"),
    "failed": ("failed", "cp.error"),
}
"""A run's end in words, and its colour."""


class Pieces:
    """Makes what is printed.

    Args:
        glyphs: The signs to use.
        debug: Whether everything is shown whole.
    """

    def __init__(self, glyphs: Glyphs, debug: bool) -> None:
        self.glyphs, self.debug = glyphs, debug

    def header(self, event: RunStarted, name: str) -> list[RenderableType]:
        """Who works, with what."""
        facts = self.facts(words.one_line(event.model), f"code in {event.executor}" if event.executor else "")
        line = Text(words.one_line(name), "cp.agent", overflow="fold")
        line.append(f" {self.glyphs.between} {facts}" if facts else "", "not bold dim")
        shown: list[RenderableType] = [line]
        if self.debug and event.plugins and not event.path:
            shown.append(Text(words.one_line(", ".join(event.plugins)), "cp.quiet"))
        return shown

    def task(self, text: str, inner: bool = False) -> RenderableType:
        """The task, its beginning at least."""
        cleaned = words.clean(text).strip()
        shown = cleaned if self.debug else words.first_lines(cleaned, INNER_TASK_LINES if inner else TASK_LINES)
        return Beside(Text(shown, "bold"), Text(f"{self.glyphs.task} ", "cp.tool"), Text("  "), PROSE)

    def rule(self, title: str, width: int, style: str = "cp.rule") -> RenderableType:
        """A line across with a title on its left."""
        line = Text(f"{self.glyphs.rule * 2} ", style).append(title, "not dim" if style == "cp.rule" else "")
        return line.append(f" {self.glyphs.rule * max(min(width, PROSE) - cell_len(title) - 4, 2)}")

    def tool(self, call: ToolCall, result: Any, error: str | None, took: float, width: int) -> list[RenderableType]:
        """A call and what came of it: one line if there is room, else two; whole in debug."""
        most = 100_000 if self.debug else 200
        name, arguments = words.call(call, most)
        sign, style = (self.glyphs.failed, "cp.error") if error is not None else (self.glyphs.done, "cp.ok")
        head = Text.assemble((f"{sign} ", style), (name, "cp.tool"), (f"({arguments})", "cp.quiet"))
        failure = (error or "").removeprefix(f"{call.name}: ")
        text = words.one_line(words.brief_error(failure, 3)) if error is not None else words.describe(result, 2 * most)
        after = Text(f" {self.glyphs.between} {words.seconds(took)}", "cp.quiet") if took >= 0.05 else Text("")
        came = Text(f" {self.glyphs.arrow} ", "cp.quiet").append(text, "cp.error" if error is not None else "not dim")
        if self.debug:
            return [Beside(Text.assemble(head, after), Text("  "), Text("    ")), *self._whole(result, error)]
        if cell_len(head.plain) + cell_len(came.plain) + cell_len(after.plain) + 2 <= width:
            return [Beside(Text.assemble(head, came, after), Text("  "))]
        fitted(head, width - 2 - cell_len(after.plain))
        return [Beside(Text.assemble(head, after), Text("  ")), Beside(fitted(came, width - 3), Text("   "))]

    def _whole(self, result: Any, error: str | None) -> list[RenderableType]:
        shown = error if error is not None else value(result)
        style = "cp.error" if error is not None else "none"
        return [Beside(Text(words.clean(shown), style), Text(f"    {self.glyphs.arrow} ", "cp.quiet"), Text("      "))]

    def printed(self, lines: Iterable[Line]) -> list[RenderableType]:
        """What a program printed."""
        looks = {"stderr": "cp.warning", "note": "cp.quiet"}
        margin = Text(f"  {self.glyphs.output}", "cp.tool")
        return [Beside(Text(words.printed_line(line.text), looks.get(line.stream, "none")), margin) for line in lines]

    def last_value(self, item: Any, width: int) -> RenderableType:
        """The value of the code's last line."""
        if self.debug:
            return Beside(Text(words.clean(value(item))), Text("  = ", "cp.quiet"), Text("    "))
        return Beside(fitted(Text(words.describe(item)), width - 4), Text("  = ", "cp.quiet"))

    def error(self, error: StepError | str) -> RenderableType:
        """Why something didn't work out; its traceback only in debug."""
        kind, message = (error.kind, error.message) if isinstance(error, StepError) else ("", error)
        text = words.clean(message).strip() if self.debug else words.brief_error(message)
        head = f"{kind}: " if kind else ""
        return Beside(Text(f"{head}{text}", "cp.error"), Text(f"  {self.glyphs.failed} ", "cp.error"), Text("    "))

    def warning(self, text: str) -> RenderableType:
        """Something to know."""
        sign = Text(f"  {self.glyphs.warning} ", "cp.warning")
        return Beside(Text(words.clean(text), "cp.warning"), sign, Text("    "), PROSE)

    def thinking(self, text: str) -> RenderableType:
        """Reasoning, which only debug prints."""
        return Beside(Text(words.clean(text), "cp.thinking"), Text("  "), most=PROSE)

    def facts(self, *facts: str) -> str:
        """Facts on a line, the empty ones left out."""
        return f" {self.glyphs.between} ".join(fact for fact in facts if fact)

    def note(self, text: str) -> RenderableType:
        """A fact that only debug shows."""
        return Beside(Text(words.clean(text), "cp.quiet"), Text("  "), Text("    "))

    def answer(self, output: Any, width: int) -> list[RenderableType]:
        """The answer, between two lines."""
        data = Block("code", value(output), "json" if isinstance(output, dict | list) else "")
        body = self.text(output) if isinstance(output, str) else block(data)
        line = Text(self.glyphs.rule * min(width, PROSE), "cp.ok")
        return [self.rule("answer", width, "cp.ok"), *body, line]

    def inner_answer(self, output: Any, width: int) -> RenderableType:
        """The answer of a managed agent, in a line; whole in debug."""
        sign = Text(f"  {self.glyphs.done} ", "cp.ok")
        if self.debug:
            return Beside(Text(words.clean(value(output))), sign, Text("    "))
        return Beside(fitted(Text(words.describe(output)), width - 4), sign)

    def totals(self, event: RunFinished, steps: int) -> RenderableType:
        """How it ended and what it took."""
        state, style = STATES.get(event.state, (event.state, "none"))
        calls = words.count(event.usage.calls, "model call") if self.debug and event.usage.calls else ""
        used, took = words.tokens(event.usage, self.debug), words.seconds(event.seconds)
        facts = self.facts(words.count(steps, "step"), calls, used, took)
        return Text(state, style).append(f" {self.glyphs.between} {facts}", "not bold dim")

    def text(self, text: str) -> Sequence[RenderableType]:
        """Markdown, block by block, an empty line between two."""
        return [part for item in blocks_of(text) for part in (Text(""), *block(item))][1:]
