"""The live lines: what is being written, the calls in progress, and where the run stands."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from core_plus.messages import Usage
from core_plus_rich import text as words
from core_plus_rich.render import PROSE, Glyphs, fitted
from core_plus_rich.view import RunView

REFRESH = 10
"""Times a second that the live lines are drawn; a delta draws nothing."""
TAIL_LINES = 4
"""Lines of what is being written that are shown."""
MOST_TOOLS, MOST_RUNS = 6, 3
"""Calls and runs in progress that are shown."""


class Status:
    """The live lines, drawn from whatever is there at that moment.

    Args:
        views: Gives the runs in progress, outermost first.
        total: Gives the tokens used so far.
        apart: Says whether an empty line sets it off from what was printed: what is being written stands where
            it will be printed.
        glyphs: The signs to use.
    """

    def __init__(
        self,
        views: Callable[[], Sequence[RunView]],
        total: Callable[[], Usage],
        apart: Callable[[], bool],
        glyphs: Glyphs,
    ) -> None:
        self._views, self._total, self._apart, self._glyphs = views, total, apart, glyphs

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Give the lines, none wider than the terminal."""
        views = self._views()
        if not views:
            return
        now, width = time.monotonic(), options.max_width - 1
        sign = self._glyphs.spinner[int(now * REFRESH) % len(self._glyphs.spinner)]
        busy = _innermost(views)[-MOST_RUNS:]
        if self._apart():
            yield Text("")
        for view in busy:
            yield from self._writing(console, view, min(width, PROSE))
            yield from self._tools(view, now, width)
        for view in busy[:-1]:
            yield fitted(Text(f"{sign} {self._state(view)}", "cp.quiet"), width)
        yield self._last_line(sign, busy[-1], now - views[0].started, width)

    def _tools(self, view: RunView, now: float, width: int) -> Iterable[Text]:
        for tool in list(view.tools.values())[-MOST_TOOLS:]:
            name, arguments = words.call(tool.call)
            took = f" {self._glyphs.between} {words.seconds(now - tool.started)}"
            line = Text(f"  {name}({arguments}){f' {tool.progress}' if tool.progress else ''}", "cp.quiet")
            yield fitted(line, width - len(took)).append(took)

    def _last_line(self, sign: str, view: RunView, elapsed: float, width: int) -> Text:
        between = f" {self._glyphs.between} "
        state, used, took = self._state(view), words.tokens(self._total()), words.seconds(elapsed)
        lines = [
            between.join(filter(None, facts)) for facts in ([state, used, took], [state, took], [view.doing, took])
        ]
        line = next((line for line in lines if cell_len(line) + 2 <= width), lines[-1])
        return fitted(Text.assemble((sign, "cp.tool"), (f" {line}", "cp.quiet")), width)

    def _state(self, view: RunView) -> str:
        doing = view.doing
        if view.splitter.in_code:
            doing = f"writing code, {words.count(view.splitter.open_lines, 'line')}"
        elif view.printed.hidden:
            doing = f"{doing}, {words.count(view.printed.hidden, 'line')} not shown"
        name = view.name if view.depth else ""
        return f" {self._glyphs.between} ".join(fact for fact in (name, view.place, doing) if fact)

    def _writing(self, console: Console, view: RunView, width: int) -> Iterable[Text]:
        most = width * TAIL_LINES
        tail, style = view.splitter.tail(most), "none"
        if not tail:
            tail, style = "".join(view.thinking[-most:])[-most:], "dim italic"
        if not tail:
            tail, style = words.printed_line(view.printed.latest)[:width], "dim"
        if tail.strip():
            indent = " " * 5 if view.splitter.in_code else ""
            lines = Text(words.clean(tail).strip("\n"), style).wrap(console, max(width - len(indent), 4))
            yield from (Text(indent).append_text(line) for line in lines[-TAIL_LINES:])


def _innermost(views: Sequence[RunView]) -> Sequence[RunView]:
    """The runs that don't wait for an inner one."""
    outer = {view.path[:depth] for view in views for depth in range(view.depth)}
    return [view for view in views if view.path not in outer] or views
