"""The UI: one lock, three levels, and the questions."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from typing import IO, TYPE_CHECKING, Any, Literal, TextIO, TypeAlias, get_args

from core_plus.effects import Question
from core_plus.errors import ConfigurationError
from core_plus.events import Event, QuestionAsked, RunFinished, Warned
from core_plus_rich import asking
from core_plus_rich import text as words
from core_plus_rich.render import THEME, glyphs_for, value
from core_plus_rich.screen import new_console, seen
from core_plus_rich.showing import Show

if TYPE_CHECKING:
    from rich.console import Console

Level: TypeAlias = Literal["quiet", "normal", "debug"]


class RichUI:
    """Shows a run on a terminal, or as plain text in a file or pipe; asks the person at the terminal.

    Args:
        level: "quiet" (only the answer; errors to standard error), "normal", or "debug" (everything whole).
        console: A console of one's own; our styles are added to it.
        file: Where to, if there is no console; None is standard output.
        color: Whether to colour; None leaves it to the terminal, NO_COLOR and FORCE_COLOR.
        stdin: Where answers are typed; None is standard input.

    Raises:
        ConfigurationError: There is no such level.
    """

    def __init__(
        self,
        *,
        level: Level = "normal",
        console: Console | None = None,
        file: IO[str] | None = None,
        color: bool | None = None,
        stdin: TextIO | None = None,
    ) -> None:
        if level not in get_args(Level):
            raise ConfigurationError(f"the rich UI has no level {level!r}; there are {', '.join(get_args(Level))}")
        if console is not None:
            console.push_theme(THEME)
        self.level, self.wants_deltas = level, level != "quiet"
        self._console = new_console(file, color) if console is None else console
        self._color, self._stdin = color, stdin
        self._lock, self._turn = threading.RLock(), threading.Lock()
        self._asking: Question | None = None
        self._askers, self._waiting = list[QuestionAsked](), list[Event]()
        self._glyphs = glyphs_for(self._console)
        self._show = None if level == "quiet" else self._new_show(level == "debug")
        self._handlers: Mapping[type[Event], Callable[[Any], None]] = (
            self._show.handlers() if self._show else self._quiet_handlers()
        )

    def _new_show(self, debug: bool) -> Show:
        return Show(self._console, self._glyphs, self._lock, debug, lambda: self._asking_console() is not None)

    def observe(self, event: Event) -> None:
        """Show an event; while a question is open, keep it for afterwards.

        Args:
            event: What happened; kinds it doesn't know are passed over.
        """
        handle = self._handlers.get(type(event))
        if handle is None:
            return
        with self._lock:
            if isinstance(event, QuestionAsked):
                self._askers.append(event)
            if self._asking is None:
                handle(event)
            else:
                self._waiting.append(event)
            if isinstance(event, RunFinished):
                self._forget(event)

    def ask(self, question: Question) -> Any:
        """Ask the person at the terminal; returns when they have answered.

        Args:
            question: What to ask.

        Returns:
            The answer; None where there is no terminal, or at the end of its input.
        """
        console, stdin = self._asking_console(), self._stdin or sys.stdin
        if console is None:
            return None
        with self._turn:
            self._begin_question(console, question)
            try:
                asking.forget_typed(stdin)
                return asking.answer(question, lambda: self._read(console, stdin, question), console.print)
            finally:
                with self._lock:
                    self._end_question()

    def close(self) -> None:
        """Give the screen back; a second call does nothing."""
        with self._lock:
            self._end_question()
            if self._show is not None:
                self._show.close()

    # ---- asking -----------------------------------------------------------

    def _asking_console(self) -> Console | None:
        """Where a person sees a question and can answer it: standard error, if the output goes to a file."""
        stdin = self._stdin or sys.stdin
        if stdin is None or stdin.closed or not stdin.isatty():
            return None
        if seen(self._console):
            return self._console
        other = new_console(None, self._color, stderr=True)
        return other if seen(other) else None

    def _begin_question(self, console: Console, question: Question) -> None:
        with self._lock:
            known = self._show.pause(question) if self._show is not None else False
            parts = asking.show(question, self._glyphs, known and console is self._console)
            console.print("", *parts, sep="\n")
            self._asking = question

    def _read(self, console: Console, stdin: TextIO, question: Question) -> str:
        hint = asking.hint(question)
        console.print(f"  {hint + ' ' if hint else ''}{self._glyphs.task} ", end="", style="cp.question")
        return asking.read_line(stdin, lambda: self._asking is not question)

    def _forget(self, event: RunFinished) -> None:
        """End the question of a run that has ended: nobody waits for the answer any more."""
        run_ids = [asker.run_id for asker in self._askers if asker.question is self._asking]
        self._askers = [asker for asker in self._askers if asker.run_id != event.run_id]
        if event.run_id in run_ids or (not run_ids and not event.path):
            self._end_question()

    def _end_question(self) -> None:
        if self._asking is None:
            return
        self._askers = [asker for asker in self._askers if asker.question is not self._asking]
        self._asking, waiting, self._waiting = None, self._waiting, []
        if self._show is not None:
            self._show.go_on()
        for event in waiting:
            self._handlers[type(event)](event)

    # ---- the quiet level ----------------------------------------------------

    def _quiet_handlers(self) -> Mapping[type[Event], Callable[[Any], None]]:
        return {RunFinished: self._finished, Warned: self._warned, QuestionAsked: lambda event: None}

    def _finished(self, event: RunFinished) -> None:
        if event.path:
            return
        if event.output is not None:
            self._console.file.write(f"{words.clean(value(event.output))}\n")
            self._console.file.flush()
        if event.error or event.state not in ("success", "max_steps"):
            self._complain(f"{event.state}: {words.brief_error(event.error or 'there is no answer')}", "cp.error")

    def _warned(self, event: Warned) -> None:
        self._complain(f"warning: {words.clean(event.text)}", "cp.warning")

    def _complain(self, text: str, style: str) -> None:
        new_console(None, self._color, stderr=True).print(text, style=style, soft_wrap=True)
