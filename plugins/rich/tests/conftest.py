"""A UI that writes to a text of a given width, and the story of a run to show."""

import io
import os
import pty
import threading
import time

import msgspec
import pytest

from core_plus.events import (
    ActionStep,
    CodeOutput,
    CodeStarted,
    FinalAnswerStep,
    ModelDelta,
    PlanningStep,
    RunFinished,
    RunStarted,
    StepError,
    StepStarted,
    TaskStep,
    ToolFinished,
    ToolStarted,
)
from core_plus.messages import ToolCall, Usage
from core_plus.models import TextDelta
from core_plus_rich import RichUI


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "CLICOLOR", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")


class Shown:
    """A UI and what it has written."""

    def __init__(self, **settings):
        self.file = io.StringIO()
        self.ui = RichUI(file=self.file, **settings)

    def __call__(self, *events, run_id="r", path=()):
        for event in events:
            self.ui.observe(msgspec.structs.replace(event, run_id=run_id, path=path))
        return self.text

    def say(self, text, size=4, **where):
        return self(*(ModelDelta(delta=TextDelta(text[at : at + size])) for at in range(0, len(text), size)), **where)

    @property
    def text(self):
        return self.file.getvalue()

    @property
    def lines(self):
        return self.text.splitlines()


@pytest.fixture
def show(monkeypatch):
    """Makes a UI of some width; call it with events, read `.text`."""

    def make(width=80, **settings):
        monkeypatch.setenv("COLUMNS", str(width))
        return Shown(**settings)

    return make


@pytest.fixture
def running(show):
    """Makes a UI in the middle of the first step of a run."""

    def make(width=80, **settings):
        shown = show(width, **settings)
        shown(RunStarted(task="Which is warmer?", agent="assistant", model="fake"), StepStarted(number=1, max_steps=5))
        return shown

    return make


CODE = 'oslo, rome = temperature("Oslo"), temperature("Rome")\nprint(oslo, rome)'


def _told(text):
    return [ModelDelta(delta=TextDelta(piece)) for piece in text.split(" ") for piece in (piece, " ")]


def _tool(number, name, arguments, value, seconds=0.3):
    call = ToolCall(str(number), name, arguments)
    return [ToolStarted(call=call), ToolFinished(call=call, value=value, seconds=seconds)]


@pytest.fixture
def story():
    """(event, run id, path) of a run with a plan, code, tools, an error, a helper and an answer."""
    inner = [
        RunStarted(task="How warm is Mars?", agent="researcher", model="small", parent="r"),
        StepStarted(number=1, max_steps=3),
        *_told("I search. \n"),
        *_tool(9, "web_search", {"query": "temperature of Mars " * 8}, "Mars: -63 °C\n" * 50),
        ActionStep(number=1, usage=Usage(500, 30, calls=1), seconds=2.0),
        RunFinished(state="success", output="-63 °C", usage=Usage(500, 30, calls=1), seconds=2.1),
    ]
    outer = [
        RunStarted(task="Which is warmer?", agent="assistant", model="big", executor="subprocess"),
        TaskStep(task="Which is warmer?"),
        StepStarted(number=1, max_steps=20, kind="plan"),
        *_told("**Plan**\n\n1. Ask for both\n2. Compare\n"),
        PlanningStep(number=1, plan="p", usage=Usage(100, 10, calls=1), seconds=1.0),
        StepStarted(number=1, max_steps=20),
        *_told(f"I ask for *both* in 東京 style.\n\n```python\n{CODE}\n```\n"),
        CodeStarted(code=CODE),
        *_tool(1, "temperature", {"city": "Oslo"}, 4.5),
        *_tool(2, "temperature", {"city": "Rome"}, 18.0),
        *(CodeOutput(text=f"row {number} 東京\n") for number in range(60)),
        ActionStep(
            number=1,
            thought="t",
            code=CODE,
            error=StepError("AgentExecutionError", "Traceback (most recent call last):\n  File x\nValueError: no Mars"),
            usage=Usage(1000, 80, calls=1),
            seconds=3.0,
        ),
        StepStarted(number=2, max_steps=20),
        ToolStarted(call=ToolCall("3", "researcher", {"task": "How warm is Mars?"})),
        *((event, "q", ("researcher",)) for event in inner),
        ToolFinished(call=ToolCall("3", "researcher", {"task": "How warm is Mars?"}), value="-63 °C", seconds=2.2),
        ActionStep(number=2, usage=Usage(1000, 80, calls=1), seconds=3.0),
        FinalAnswerStep(output="Rome is **warmer**."),
        RunFinished(state="success", output="Rome is **warmer**.", usage=Usage(2600, 200, calls=4), seconds=9.0),
    ]
    return [item if isinstance(item, tuple) else (item, "r", ()) for item in outer]


class Terminal:
    """A pseudo-terminal that a UI writes to and reads from."""

    def __init__(self):
        self.master, slave = pty.openpty()
        self.out = os.fdopen(slave, "w", encoding="utf-8")
        self.stdin = os.fdopen(os.dup(slave), encoding="utf-8")
        self._read = []
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def _collect(self):
        while True:
            try:
                piece = os.read(self.master, 65536)
            except OSError:
                return
            if not piece:
                return
            self._read.append(piece)

    @property
    def text(self):
        return b"".join(self._read).decode("utf-8", "replace")

    def wait_for(self, text, times=1, seconds=20.0):
        end = time.monotonic() + seconds
        while self.text.count(text) < times:
            assert time.monotonic() < end, f"{text!r} didn't come; there is {self.text!r}"
            time.sleep(0.01)

    def type(self, text):
        os.write(self.master, text.encode())

    def close(self):
        self.out.close()
        self.stdin.close()
        self._thread.join(5)
        os.close(self.master)


@pytest.fixture
def terminal():
    made = Terminal()
    yield made
    made.close()
