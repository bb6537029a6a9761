"""What stands on a terminal while a run goes on, and what is left when it is over."""

import pickle
import shutil
import subprocess
import sys
import tempfile
import time

import msgspec
import pytest

from core_plus.events import CodeOutput, CodeStarted, ModelDelta, RunFinished, RunStarted, StepStarted, ToolStarted
from core_plus.messages import ToolCall
from core_plus.models import TextDelta, ThinkingDelta
from core_plus_rich import RichUI

STORY = """
import pathlib, pickle, sys, time
from core_plus_rich import RichUI

ui = RichUI()
for event in pickle.loads(pathlib.Path(sys.argv[1]).read_bytes()):
    ui.observe(event)
    time.sleep(0.005)
ui.close()
print("THE END")
"""


class Tmux:
    """A terminal that can be looked at.

    Its socket has a folder of its own, since the path of a socket must be short and tmux leaves it behind.
    """

    def __init__(self, width, command):
        self.folder = tempfile.TemporaryDirectory()
        self("new-session", "-d", "-s", "t", "-x", str(width), "-y", "24", command)

    def __call__(self, *arguments):
        done = subprocess.run(
            ["tmux", "-S", f"{self.folder.name}/s", *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout

    def text(self):
        return "\n".join(line.rstrip() for line in self("capture-pane", "-p", "-S", "-", "-t", "t").splitlines())

    def wait_for(self, text, seconds=30.0):
        end = time.monotonic() + seconds
        while text not in (found := self.text()):
            assert time.monotonic() < end, f"{text!r} didn't come; there is\n{found}"
            time.sleep(0.05)
        return found


@pytest.fixture
def tmux():
    """Starts a command in a terminal of some width."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux isn't installed")
    started = []

    def start(width, command):
        started.append(Tmux(width, command))
        return started[-1]

    yield start
    for one in started:
        one("kill-server")
        one.folder.cleanup()


@pytest.mark.parametrize("width", [40, 80, 200])
def test_what_is_left_on_a_terminal_is_what_a_file_would_hold(tmux, show, story, tmp_path, width):
    plain = show(width)
    placed = [msgspec.structs.replace(event, run_id=run_id, path=path) for event, run_id, path in story]
    for event in placed:
        plain.ui.observe(event)
    events = tmp_path / "story"
    events.write_bytes(pickle.dumps(placed))
    script = tmp_path / "story.py"
    script.write_text(STORY)
    terminal = tmux(width, f"env -u NO_COLOR -u COLUMNS LC_ALL=C.UTF-8 {sys.executable} {script} {events}; cat")
    text = terminal.wait_for("THE END")
    assert text.partition("THE END")[0] == plain.text


def started(terminal, **settings):
    ui = RichUI(file=terminal.out, **settings)
    ui.observe(RunStarted(task="t", agent="a", run_id="r"))
    ui.observe(StepStarted(number=2, max_steps=20, run_id="r"))
    return ui


@pytest.mark.parametrize(
    ("events", "shown"),
    [
        ((), "step 2/20 · waiting for the model"),
        ((ModelDelta(delta=ThinkingDelta("Let me see.")),), "Let me see."),
        ((ModelDelta(delta=TextDelta("I am wri")),), "I am wri"),
        ((ModelDelta(delta=TextDelta("```python\nx = 1\ny")),), "writing code, 2 lines"),
        ((CodeStarted(code="x"),), "running code"),
        ((CodeStarted(code="x"), CodeOutput(text="half a li")), "half a li"),
        ((CodeOutput(text="row\n" * 100),), "80 lines not shown"),
        ((ToolStarted(call=ToolCall("1", "search", {"query": "Oslo"})),), "search(query='Oslo') · 0."),
    ],
)
def test_the_live_lines_say_what_goes_on(terminal, events, shown):
    ui = started(terminal)
    for event in events:
        ui.observe(msgspec.structs.replace(event, run_id="r"))
    terminal.wait_for(shown)
    ui.close()


def test_the_live_lines_fit_a_narrow_terminal(terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "24")
    ui = started(terminal)
    ui.observe(ToolStarted(call=ToolCall("1", "search", {"query": "東京" * 50}), run_id="r"))
    terminal.wait_for("running search · 0.")
    ui.close()


def test_a_delta_draws_nothing_by_itself(terminal):
    ui = started(terminal)
    terminal.wait_for("waiting for the model")
    before = time.perf_counter()
    for _ in range(5_000):
        ui.observe(ModelDelta(delta=TextDelta("word "), run_id="r"))
    assert (time.perf_counter() - before) / 5_000 < 0.0005
    ui.close()


@pytest.mark.parametrize("name", ["TERM", "TTY_INTERACTIVE"])
def test_a_dumb_terminal_gets_plain_text(terminal, monkeypatch, name):
    monkeypatch.setenv(name, "dumb" if name == "TERM" else "0")
    ui = started(terminal)
    ui.observe(RunFinished(state="success", output="done", run_id="r"))
    terminal.wait_for("0 steps")
    assert "\x1b[?25l" not in terminal.text
    assert "waiting for the model" not in terminal.text


def test_a_person_who_plays_the_model_is_not_written_over(terminal):
    ui = RichUI(file=terminal.out)
    ui.observe(RunStarted(task="t", agent="a", model="human:", run_id="r"))
    assert "\x1b[?25l" not in terminal.text
    ui.close()


def test_what_others_print_stands_above_the_live_lines(terminal, monkeypatch):
    monkeypatch.setattr(sys, "stdout", terminal.out)
    ui = started(terminal)
    print("from a library")
    terminal.wait_for("from a library")
    ui.close()
    assert sys.stdout is terminal.out
