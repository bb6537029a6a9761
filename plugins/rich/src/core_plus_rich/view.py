"""What is known of one run while it is shown. No rich here."""

from __future__ import annotations

import time
from collections import deque
from typing import NamedTuple

from core_plus.effects import Question
from core_plus.events import Event
from core_plus.messages import ToolCall, Usage
from core_plus_rich.blocks import Block, Splitter

HEAD, TAIL = 20, 5
"""Lines of a snippet's output that are shown: so many of the first and of the last."""
LONGEST = 2_000
"""Characters of one line that are shown."""


WAITING, RUNNING = "waiting for the model", "running code"


class Line(NamedTuple):
    """A line that a program printed.

    Args:
        text: As it was printed, without its newline.
        stream: "stdout" or "stderr"; "note" for a word of ours.
    """

    text: str
    stream: str


class Printed:
    """What a snippet prints: given on line by line, the middle of a flood left out.

    Args:
        head: Lines to show as they come; None shows all.

    Attributes:
        seen: Characters of standard output taken so far.
    """

    def __init__(self, head: int | None = HEAD) -> None:
        self._head, self._shown, self._hidden = head, 0, 0
        self._open: dict[str, list[str]] = {}
        self._ready: list[Line] = []
        self._last: deque[Line] = deque(maxlen=TAIL)
        self.seen = 0

    def feed(self, text: str, stream: str) -> None:
        """Take what was printed.

        Args:
            text: Any length.
            stream: Where to.
        """
        self.seen += len(text) if stream == "stdout" else 0
        pieces = self._open.setdefault(stream, [])
        first, *rest = text.split("\n")
        pieces.append(first)
        for piece in rest:
            self._add(Line("".join(pieces), stream))
            pieces[:] = [piece]

    @property
    def latest(self) -> str:
        """The newest line, for the status: what is printed only when the snippet ends may stand there."""
        for pieces in list(self._open.values()):
            if text := "".join(pieces[-LONGEST:]):
                return text[-LONGEST:]
        waiting = self._last or self._ready
        return waiting[-1].text if waiting else ""

    @property
    def hidden(self) -> int:
        """Lines that aren't shown so far."""
        return self._hidden

    def take(self) -> list[Line]:
        """The lines to show now."""
        ready, self._ready = self._ready, []
        return ready

    def finish(self) -> list[Line]:
        """The rest, when the snippet has ended."""
        for stream, pieces in self._open.items():
            if text := "".join(pieces):
                self._add(Line(text, stream))
        self._open = {}
        left = self._hidden - len(self._last)
        note = [Line(f"… {left:,} {'line' if left == 1 else 'lines'} left out …", "note")] if left > 0 else []
        lines = [*self.take(), *note, *self._last]
        self._hidden = 0
        self._last.clear()
        return lines

    def _add(self, line: Line) -> None:
        if len(line.text) > LONGEST:
            line = Line(f"{line.text[:LONGEST]}… ({len(line.text) - LONGEST:,} more characters)", line.stream)
        if self._head is None or self._shown < self._head:
            self._shown += 1
            self._ready.append(line)
        else:
            self._hidden += 1
            self._last.append(line)


class OpenTool:
    """A tool call in progress.

    Args:
        call: Which.
    """

    def __init__(self, call: ToolCall) -> None:
        self.call, self.started, self.progress = call, time.monotonic(), ""


class RunView:
    """One run, outermost or inner, as far as it was seen.

    Args:
        event: The first event that was seen of it.
        all_output: Whether to show all that its code prints.
    """

    def __init__(self, event: Event, all_output: bool = False) -> None:
        self.run_id, self.path, self.all_output = event.run_id, event.path, all_output
        self.name = event.path[-1] if event.path else ""
        self.started = time.monotonic()
        self.doing = "starting"
        self.parent = ""
        self.task_shown = self.code_runs = False
        self.inner_answers: list[str] = []
        self.steps = 0
        self.max_steps = 0
        self.usage = Usage()
        self.tools: dict[str, OpenTool] = {}
        self.question: Question | None = None
        self.begin_step(0, "")

    @property
    def depth(self) -> int:
        """How many agents stand around this one."""
        return len(self.path)

    def begin_step(self, number: int, kind: str) -> None:
        """Forget what was seen of the step before.

        Args:
            number: The new one.
            kind: "action", "plan" or "answer".
        """
        self.number, self.kind = number, kind
        self.splitter = Splitter()
        self.thinking: list[str] = []
        self.held: list[Block] = []
        self.said = False
        self.code: list[str] = []
        self.calls: set[str] = set()
        self.errors: list[str] = []
        self.printed = Printed(None if self.all_output else HEAD)

    def code_is_shown(self, code: str) -> bool:
        """Whether the person has seen this code in this step.

        Args:
            code: What is going to run.
        """
        return bool(self.code) and "".join("".join(self.code).split()) == "".join(code.split())

    def tool_ended(self) -> None:
        """Say what goes on after a call."""
        if not self.tools:
            self.doing = RUNNING if self.code_runs else WAITING

    @property
    def place(self) -> str:
        """Where it stands: `step 2/20`, or "" before the first."""
        if self.kind == "plan":
            return "plan"
        if self.kind == "answer":
            return "last answer"
        if not self.number:
            return ""
        return f"step {self.number}/{self.max_steps}" if self.max_steps else f"step {self.number}"
