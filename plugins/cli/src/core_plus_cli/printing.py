"""What a person sees of cells that are run: what they print as it comes, their values, what stopped them."""

from __future__ import annotations

import re
import sys
from typing import Any, TextIO

from core_plus.effects import Question
from core_plus.events import CodeOutput, CodeStarted, Event, RunStarted, ToolFinished, Warned
from core_plus.executors import CodeError
from core_plus.host import Host
from core_plus.memory import as_data
from core_plus.messages import Media
from core_plus.render import cut, show
from core_plus.ui import UI
from core_plus_cli.cells import Cell, CellEnded

STOPPED = ("TimeLimit", "MemoryLimit", "CallLimit", "Interrupted", "Lost", "Denied")
"""Kinds of error that aren't the code's own exceptions: something else ended it."""
MOST = 20_000
"""Characters of a value that are shown."""
ACTS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What would act on a terminal, or turn the direction of writing; line break, tab and carriage return may."""


class Shown:
    """Shows cells as they run. Output and values go to standard output, all else to standard error.

    Args:
        cells: What is run.
        host: Who knows a UI that can ask.
    """

    wants_deltas = False

    def __init__(self, cells: list[Cell], host: Host) -> None:
        self._cells, self._host, self._begun, self._open = cells, host, 0, False
        self._asker: UI | None = None

    def observe(self, event: Event) -> None:
        if isinstance(event, CodeOutput):
            self._write(sys.stderr if event.stream == "stderr" else sys.stdout, event.text)
        elif isinstance(event, RunStarted):
            self._tell(f"code runs in: {event.executor}")
        elif isinstance(event, CodeStarted):
            self._begin()
        elif isinstance(event, ToolFinished):
            self._tell(f"  {_call(event)}")
        elif isinstance(event, Warned):
            self._tell(event.text)
        elif isinstance(event, CellEnded):
            self._end(event)

    def ask(self, question: Question) -> Any:
        from core_plus_cli import screen

        self._end_line()
        self._asker = self._asker or screen.new_screen(self._host, "quiet")
        return self._asker.ask(question)

    def close(self) -> None:
        if self._asker is not None:
            self._asker.close()

    def _begin(self) -> None:
        cell, self._begun = self._cells[self._begun], self._begun + 1
        if len(self._cells) > 1:
            self._tell(f"--- {self._begun} of {len(self._cells)}{f': {cell.title}' if cell.title else ''}")

    def _end(self, event: CellEnded) -> None:
        done = event.done
        self._end_line()
        if done.is_final:
            self._tell("final answer:")
        if done.is_final or (done.has_value and done.value is not None):
            self._write(sys.stdout, value_in_words(done.value) + "\n")
        if done.error is not None:
            self._tell(error_in_words(done.error))

    def _tell(self, text: str) -> None:
        self._end_line()
        self._write(sys.stderr, text + "\n")

    def _end_line(self) -> None:
        """A line that code left open at a terminal ends here; in a file or a pipe, it is the code's own."""
        if self._open and sys.stdout.isatty():
            self._write(sys.stdout, "\n")

    def _write(self, stream: TextIO, text: str) -> None:
        """Write a text so that any encoding takes it and nothing in it acts on a terminal."""
        if stream.isatty():
            text = ACTS.sub(lambda match: ascii(match[0])[1:-1], text)
        encoding = stream.encoding or "utf-8"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
        self._open = not text.endswith("\n") if text else self._open


def value_in_words(value: Any) -> str:
    """A value as it is shown: as Python writes it, pictures and files by kind and size.

    Args:
        value: Decoded as data.
    """
    if isinstance(value, Media):
        size = "" if value.data is None else f", {len(value.data):,} bytes"
        return f"<{type(value).__name__} {value.media_type}{size}>"
    return cut(repr(value), MOST) if isinstance(value, str) else show(value, MOST)


def error_in_words(error: CodeError) -> str:
    """Why a cell didn't end well, and what was lost by it.

    Args:
        error: Of the cell.
    """
    text = f"{error.kind}: {error.message}" if error.message else error.kind
    lines = [error.traceback.rstrip()]
    if error.kind in STOPPED:
        lines.append(f"stopped: {text}")
    elif not lines[0].endswith(text):
        lines.append(text)
    lines += [f"lost: {error.lost}"] if error.lost else []
    return "\n".join(filter(None, lines))


def _call(event: ToolFinished) -> str:
    name, given = event.call.name, event.call.arguments
    words = ", ".join(f"{key}={_brief(value)}" for key, value in given.items()) if isinstance(given, dict) else given
    if event.error is not None:
        return f"{name}({words or '…'}) failed: {_brief(event.error.removeprefix(f'{name}: '))}"
    return f"{name}({words}) -> {_brief(event.value)}"


def _brief(value: Any) -> str:
    text = " ".join((value if isinstance(value, str) else value_in_words(value)).split())
    return text if len(text) <= 100 else f"{text[:99]}…"


class Kept:
    """Keeps what cells gave, for `--json`.

    Attributes:
        cells: Of each cell that was begun and ended, what came of it, as JSON-like data.
    """

    def __init__(self) -> None:
        self.cells: list[dict[str, Any]] = []
        self._calls: list[dict[str, Any]] = []
        self._printed: dict[str, str] = {"stdout": "", "stderr": ""}

    def observe(self, event: Event) -> None:
        if isinstance(event, CodeOutput):
            self._printed[event.stream] += event.text
        elif isinstance(event, ToolFinished):
            call = {"name": event.call.name, "arguments": event.call.arguments, "value": event.value}
            self._calls.append({**call, "error": event.error, "seconds": round(event.seconds, 6)})
        elif isinstance(event, CellEnded):
            self._end(event)

    def _end(self, event: CellEnded) -> None:
        done, error = event.done, event.done.error
        printed = {"stdout": done.stdout, "stderr": done.stderr}
        if error is not None and not any(printed.values()):
            printed = self._printed  # a cell that was given up has told what it printed only as it came
        told = {name: getattr(error, name) for name in CodeError.__struct_fields__} if error is not None else None
        self.cells.append(
            {
                "line": event.cell.line,
                "title": event.cell.title,
                "code": event.cell.code,
                **printed,
                "has_value": done.has_value or done.is_final,
                "value": as_data(done.value),
                "is_final": done.is_final,
                "error": told,
                "calls": as_data(self._calls),
                "seconds": round(event.seconds, 6),
            }
        )
        self._calls, self._printed = [], {"stdout": "", "stderr": ""}
