"""How a run's beginning, end and questions read, the quiet level, and saved runs."""

import io

import msgspec
import pytest

from core_plus.effects import Question
from core_plus.events import (
    ActionStep,
    FinalAnswerStep,
    PlanningStep,
    QuestionAnswered,
    QuestionAsked,
    RunFinished,
    RunStarted,
    StepError,
    TaskStep,
    ToolRecord,
    Warned,
)
from core_plus.messages import Image, ToolCall, Usage
from core_plus_rich import RichUI, replay

CALL = ToolCall("1", "temperature", {"city": "Oslo"})


def told(show, story, **settings):
    shown = show(**settings)
    for event, run_id, path in story:
        shown(event, run_id=run_id, path=path)
    return shown


# ---- ends ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (RunFinished(state="success", output="**yes**"), ["── answer ─", "\nyes\n", "done · 0 steps"]),
        (RunFinished(state="success", output={"a": [1]}), ['"a": [', "done"]),
        (RunFinished(state="success", output=None), ["done · 0 steps"]),
        (
            RunFinished(state="failed", error="the model failed: no key"),
            ["✗ the model failed: no key", "failed · 0 steps"],
        ),
        (RunFinished(state="interrupted", error="interrupted"), ["interrupted · 0 steps"]),
        (
            RunFinished(state="limit", error="the run may use 5 tokens"),
            ["✗ the run may use 5 tokens", "stopped at a limit"],
        ),
        (RunFinished(state="suspended"), ["waits for an answer · 0 steps"]),
        (RunFinished(state="of a later version"), ["of a later version · 0 steps"]),
    ],
)
def test_each_end_is_told(running, event, shown):
    text = running()(event)
    for part in shown:
        assert part in text


def test_a_warning_is_shown(running):
    assert "  ! observer x failed: KeyError: 1" in running()(Warned(text="observer x failed: KeyError: 1"))


def test_debug_names_the_plugins(show):
    event = RunStarted(agent="a", plugins=("core-plus-rich 0.1.0", "core-plus-openai 0.1.0"))
    assert "core-plus-rich" not in show()(event)
    assert "core-plus-rich 0.1.0, core-plus-openai 0.1.0" in show(level="debug")(event)


def test_a_second_task_of_the_same_agent_has_no_second_header(show):
    shown = show()
    for task in ("one", "two"):
        shown(RunStarted(task=task, agent="assistant", model="m"), RunFinished(state="success", output="x"))
    assert shown.text.count("assistant · m") == 1
    assert "❯ two" in shown.text


def test_attachments_are_named_with_the_task(show):
    text = show()(
        RunStarted(task="Look", agent="a"), TaskStep(task="Look", attachments=(Image(data=b"12", name="cat.png"),))
    )
    assert "+ <cat.png, image/png, 2 bytes>" in text


def test_a_long_task_is_cut(show):
    text = show()(RunStarted(task="\n".join(f"line {number}" for number in range(40)), agent="a"))
    assert "line 11" in text
    assert "line 12" not in text
    assert "… 28 more lines" in text


def test_a_run_that_was_joined_late_is_shown_all_the_same(show):
    text = show()(ActionStep(number=7, thought="I go on.", run_id="late"), RunFinished(state="success", output="x"))
    assert "I go on." in text
    assert "done · 1 step" in text


# ---- questions without a terminal ---------------------------------------------------


def test_without_a_terminal_nobody_answers_and_the_question_is_shown(running):
    shown = running()
    question = Question(
        text="Delete it?", kind="approval", id="7", details={"tool": "rm", "arguments": {"path": "/tmp/x"}}
    )
    text = shown(QuestionAsked(question=question))
    assert "? Delete it?\n  rm(path='/tmp/x')" in text
    assert shown.ui.ask(question) is None


def test_an_answer_from_elsewhere_is_shown(running):
    question = Question(text="Delete it?", kind="approval", id="7")
    assert "Delete it? → yes" in running()(QuestionAnswered(question=question, answer="yes"))


# ---- quiet ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "written"),
    [
        ("Rome is **warmer**. " * 20, "Rome is **warmer**. " * 20 + "\n"),
        ({"a": 1}, '{\n  "a": 1\n}\n'),
        (42, "42\n"),
        ("\x1b[2Jx", "␛[2Jx\n"),
        (None, ""),
    ],
)
def test_quiet_writes_the_answer_and_nothing_else(show, story, output, written, capsys):
    *before, (end, run_id, path) = story
    told_to = told(show, before, level="quiet")
    told_to(msgspec.structs.replace(end, output=output), run_id=run_id, path=path)
    assert told_to.text == written
    assert capsys.readouterr().err == ""


def test_quiet_writes_errors_and_warnings_to_standard_error(show, capsys):
    shown = show(level="quiet")
    shown(Warned(text="a tool was given up"), RunFinished(state="failed", error="no key"))
    assert shown.text == ""
    assert capsys.readouterr().err == "warning: a tool was given up\nfailed: no key\n"


def test_quiet_asks_for_no_deltas_and_others_do(show):
    assert not show(level="quiet").ui.wants_deltas
    assert show().ui.wants_deltas


# ---- files that can't encode everything ---------------------------------------------


def test_a_file_that_knows_ascii_only_gets_plain_signs(story):
    raw = io.BytesIO()
    ui = RichUI(file=io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    for event, run_id, path in story:
        ui.observe(msgspec.structs.replace(event, run_id=run_id, path=path))
    text = raw.getvalue().decode("ascii")
    assert "-- step 1/20 ---" in text
    assert "+ temperature(city='Oslo') -> 4.5 - 0.3 s" in text
    assert "I ask for both in ?? style." in text


# ---- replay -------------------------------------------------------------------------


def test_saved_steps_are_shown_again(show):
    shown = show()
    steps = [
        TaskStep(task="Which is warmer?"),
        PlanningStep(number=1, plan="1. Ask", usage=Usage(10, 5), seconds=1.0),
        ActionStep(
            number=1,
            thought="I ask.",
            code="x = temperature('Oslo')\nx",
            calls=(ToolRecord(CALL, value=4.5, seconds=0.3),),
            stdout="printed\n",
            value=4.5,
            usage=Usage(10, 5),
            seconds=1.0,
        ),
        ActionStep(number=2, thought="Again.", error=StepError("AgentParsingError", "no code")),
        FinalAnswerStep(output="Rome"),
    ]
    replay(steps, shown.ui)
    parts = ["❯ Which", "── plan", "1 Ask", "step 1", "I ask.", "2  x", "✓ temperature", "▏printed", "= 4.5"]
    parts += [
        "step 2",
        "Again.",
        "✗ AgentParsingError: no code",
        "── answer",
        "Rome",
        "done · 2 steps · 20 in · 10 out · 2.0 s",
    ]
    places = [shown.text.find(part) for part in parts]
    assert -1 not in places, shown.text
    assert places == sorted(places)


def test_steps_without_an_answer_are_shown_as_unfinished(show):
    shown = show()
    replay([TaskStep(task="t"), ActionStep(number=1, thought="I ask.")], shown.ui)
    assert "unfinished · 1 step" in shown.text


def test_the_same_events_give_the_same_text(show, story):
    assert told(show, story).text == told(show, story).text
