"""Snippets that a person wrote, run one after another in one session of an executor: no model is asked.

What happens is a run like any other, so reviews, observers and interrupts hold for the code and its tool calls.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Any

import attrs
import msgspec

from core_plus.agents import CodeAgent
from core_plus.cancellation import Interrupted
from core_plus.code_action import run_code
from core_plus.effects import Effects
from core_plus.errors import AgentDeniedError, ConfigurationError
from core_plus.events import CodeStarted, Event
from core_plus.executors import CodeError, Done
from core_plus.loop import Draft
from core_plus.models import ModelRequest, ModelResponse
from core_plus.run import Run

SEPARATOR = re.compile(r"#[ \t]*%%(?:[ \t]+(?P<title>.*))?")
"""The line between two cells, as editors and jupytext know it: https://jupytext.readthedocs.io (percent format)."""


class Cell(msgspec.Struct, frozen=True):
    """A snippet.

    Args:
        line: Where it begins in its file, from 1.
        code: Python source.
        title: What stands after the separator.
    """

    line: int
    code: str
    title: str = ""

    @property
    def source(self) -> str:
        """The code with its lines numbered as in the file, so that errors name these."""
        return "\n" * (self.line - 1) + self.code


class CellEnded(Event, frozen=True):
    """A cell ended, or was stopped.

    Args:
        number: Which, from 1.
        cell: What was run.
        done: What came of it.
        seconds: How long it took, tools included, and with the first cell the opening of the session.
    """

    number: int
    cell: Cell
    done: Done
    seconds: float


def split(text: str) -> list[Cell]:
    """The cells of a file; those without code are left out.

    Args:
        text: Python source with separators.
    """
    cells, lines, start, title = list[Cell](), list[str](), 1, ""
    for number, line in enumerate([*text.split("\n"), "# %%"], 1):
        found = SEPARATOR.fullmatch(line)
        if found is None:
            lines.append(line)
            continue
        code = "\n".join(lines).rstrip()
        if any(part.strip() and not part.lstrip().startswith("#") for part in lines):
            cells.append(Cell(start, code, title))
        lines, start, title = [], number + 1, (found["title"] or "").strip()
    return cells


class _NoModel:
    """Stands where an agent wants a model."""

    def __str__(self) -> str:
        return "none"

    def forward(self, request: ModelRequest) -> ModelResponse:
        raise ConfigurationError("no model is asked where cells are run")


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Cells(CodeAgent[Any, Any]):
    """Runs cells instead of what a model writes.

    Args:
        cells: In order.
        keep_going: Whether those after one that failed are run as well.
    """

    cells: Sequence[Cell] = ()
    keep_going: bool = False
    model: Any = attrs.field(factory=_NoModel)

    def loop(self, run: Run) -> Effects:
        """Run the cells.

        Args:
            run: Fresh.
        """
        for number, cell in enumerate(self.cells, 1):
            run.step_number = number
            run.emit(CodeStarted(code=cell.code))
            began = time.monotonic()
            try:
                done: Done = yield from run_code(run, Draft(run), cell.source)
            except AgentDeniedError as error:
                done = Done(error=CodeError("Denied", str(error)))
            except Interrupted as stop:  # while a tool worked for the code, or a person was asked
                done = Done(error=CodeError("Interrupted", str(stop)))
            run.emit(CellEnded(number=number, cell=cell, done=done, seconds=time.monotonic() - began))
            run.cancellation.check()
            if done.error is not None and not self.keep_going:
                break
        run.finish("success")
