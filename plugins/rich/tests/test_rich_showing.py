"""What a person reads of a run, as plain text."""

import io
import re

import pytest
from rich.console import Console

from core_plus.errors import ConfigurationError
from core_plus.events import (
    ActionStep,
    CodeOutput,
    CodeStarted,
    Event,
    FinalAnswerStep,
    ModelDelta,
    RunFinished,
    RunStarted,
    StepError,
    StepStarted,
    ToolFinished,
    ToolProgress,
    ToolStarted,
)
from core_plus.messages import Image, ToolCall, Usage
from core_plus.models import PartDelta, TextDelta, ThinkingDelta, ToolCallDelta
from core_plus_rich import RichUI

CALL = ToolCall("1", "temperature", {"city": "Oslo"})


def told(show, story, **settings):
    shown = show(**settings)
    for event, run_id, path in story:
        shown(event, run_id=run_id, path=path)
    return shown


def test_a_run_is_told_in_order(show, story):
    text = told(show, story).text
    parts = [
        "assistant · big · code in subprocess",
        "❯ Which is warmer?",
        "── plan ─",
        " 1 Ask for both",
        "── step 1/20 ─",
        "I ask for both in 東京 style.",
        '  1  oslo, rome = temperature("Oslo"), temperature("Rome")',
        "  2  print(oslo, rome)",
        "  ✓ temperature(city='Oslo') → 4.5 · 0.3 s",
        "  ✓ temperature(city='Rome') → 18.0 · 0.3 s",
        "  ▏row 0 東京",
        "  ▏row 19 東京",
        "  ▏… 35 lines left out …",
        "  ▏row 59 東京",
        "  ✗ AgentExecutionError: ValueError: no Mars",
        "── step 2/20 ─",
        "│ researcher · small",
        "│ ❯ How warm is Mars?",
        "│ ── researcher · step 1/3 ─",
        "│ I search.",
        "│   ✓ web_search(query='temperature of Mars",
        "│     → Mars: -63 °C ⏎ Mars: -63 °C",
        "│   ✓ -63 °C",
        "│ done · 1 step · 500 in · 30 out · 2.1 s",
        "── answer ─",
        "Rome is warmer.",
        "done · 2 steps · 2,600 in · 200 out · 9.0 s",
    ]
    places = [text.find(part) for part in parts]
    assert -1 not in places, [part for part, place in zip(parts, places, strict=True) if place < 0]
    assert places == sorted(places)


def test_each_thing_is_told_once(show, story):
    text = told(show, story).text
    for once in ("Which is warmer?", "I ask for", "print(oslo, rome)", "city='Oslo'", "I search.", "Rome is warmer"):
        assert text.count(once) == 1, once
    assert text.count("-63 °C\n") == 1


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("level", ["normal", "debug"])
def test_no_line_is_wider_than_the_terminal_or_ends_in_spaces(show, story, width, level):
    console = Console(width=500)
    for line in told(show, story, width=width, level=level).lines:
        assert console.measure(line).maximum <= width, line
        assert line == line.rstrip()


@pytest.mark.parametrize("level", ["normal", "debug"])
def test_a_file_gets_no_control_codes(show, story, level):
    text = told(show, story, level=level).text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f]", text)


def test_there_are_never_two_empty_lines_together(show, story):
    assert "\n\n\n" not in told(show, story).text


def test_colour_is_given_where_it_is_forced(show, story):
    assert "\x1b[32m" in told(show, story, color=True).text


def test_the_environment_can_force_colour_and_forbid_it(show, story, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[32m" in told(show, story).text
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", told(show, story).text)


def test_a_level_that_is_not_there_is_refused():
    with pytest.raises(ConfigurationError, match="no level 'loud'; there are quiet, normal, debug"):
        RichUI(level="loud")


def test_a_console_of_ones_own_is_used():
    console = Console(file=io.StringIO(), width=60)
    ui = RichUI(console=console)
    ui.observe(RunStarted(task="[bold]t[/bold]", agent="a", run_id="r"))
    assert "❯ [bold]t[/bold]" in console.file.getvalue()


def test_an_unknown_kind_of_event_is_passed_over(show):
    class Later(Event):
        pass

    assert show()(Later()) == ""


# ---- words --------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("[bold]not markup[/bold] [red]", "[bold]not markup[/bold] [red]"),
        ("a List<int> &amp; <b>tags</b>", "a List<int> &amp; <b>tags</b>"),
        (":smile: stays", ":smile: stays"),
        ("**bold** and `code`", "bold and code"),
        ("line\nline", "line\nline"),
        ("[link](https://example.org/x)", "link (https://example.org/x)"),
        ("\x1b]8;;https://evil\x1b\\click", "␛]8;;https://evil␛\\click"),
        ("\x1b[2J\x1b[31mred\x1b[0m", "␛[2Jred"),
        ("東京 😀 wide", "東京 😀 wide"),
        ("    indented words", "indented words"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", " a  b"),
        ("# Head", "Head"),
        ("> quoted", "▌ quoted"),
        ("snake_case_name 2 * 3 * 4", "snake_case_name 2 * 3 * 4"),
    ],
)
def test_words_are_shown_as_markdown_and_nothing_in_them_acts(running, said, shown, size):
    shown_ui = running()
    shown_ui.say(said, size)
    text = shown_ui(ActionStep(number=1, thought="seen already"))
    assert shown in text.partition("step 1/5")[2]
    assert "seen already" not in text
    assert "\x1b" not in text


def test_words_of_a_model_that_does_not_stream_are_shown_with_the_step(running):
    assert "I look." in running()(ActionStep(number=1, thought="I look."))


def test_reasoning_is_printed_in_debug_only(running):
    events = (ModelDelta(delta=ThinkingDelta("Let me see.")), ModelDelta(delta=TextDelta("Well.\n\n")))
    assert "Let me see." not in running()(*events)
    assert "Let me see." in running(level="debug")(*events)


def test_a_reply_in_json_shows_its_thought(running):
    shown = running()
    shown.say('{"thought": "I count.", "code": "1 + 1"}')
    text = shown(CodeStarted(code="1 + 1"), ActionStep(number=1, code="1 + 1", thought="I count."))
    assert text.count("I count.") == 1
    assert text.count("1 + 1") == 1
    assert "{" not in text


def test_a_picture_in_a_reply_is_named(running):
    shown = running()
    shown(ModelDelta(delta=PartDelta(Image(data=b"123"))), ModelDelta(delta=ToolCallDelta(0, "1", "f")))
    assert "<image/png, 3 bytes>" in shown.text


def test_the_reply_of_a_last_answer_is_shown_once_as_the_answer(show):
    shown = show()
    shown(StepStarted(number=6, max_steps=5, kind="answer"))
    shown.say("It is Rome, I think.")
    text = shown(
        FinalAnswerStep(output="It is Rome, I think."), RunFinished(state="max_steps", output="It is Rome, I think.")
    )
    assert "── last answer ─" in text
    assert text.count("It is Rome, I think.") == 1
    assert "no steps left · 0 steps" in text


# ---- code ---------------------------------------------------------------------


def test_code_that_was_streamed_is_shown_once_when_it_runs(running):
    shown = running()
    shown.say("So:\n<code>\nx = 1\n</code>")
    assert "x = 1" not in shown.text
    assert shown(CodeStarted(code="x = 1")).count("x = 1") == 1


def test_code_that_never_ran_is_shown_all_the_same(running):
    shown = running()
    shown.say("Like this:\n```js\nlet x = 1\n```\nIs it clear?")
    text = shown(ActionStep(number=1, thought="t"))
    assert text.index("Like this:") < text.index("let x = 1") < text.index("Is it clear?")


def test_code_that_differs_from_what_was_streamed_is_shown_as_it_runs(running):
    shown = running()
    shown.say("```python\nx = 1\n```")
    assert "x = 2" in shown(CodeStarted(code="x = 2"))


def test_code_is_shown_as_it_is(running):
    text = running()(CodeStarted(code='s = "[red]\x1b[2J\u202e"\nif s:\n\tpass'))
    assert '  1  s = "[red]␛[2J\\u202e"' in text
    assert "  3      pass" in text


def test_printed_lines_are_shown_as_they_come(running):
    shown = running()
    assert "one" not in shown(CodeStarted(code="x"), CodeOutput(text="on"))
    assert "▏one" in shown(CodeOutput(text="e\ntw"))
    shown(CodeOutput(text="warned", stream="stderr"))
    text = shown(ActionStep(number=1, code="x", stdout="one\ntwo\n"))
    assert "▏tw" in text
    assert "▏warned" in text
    assert text.count("one") == 1


def test_what_was_printed_last_is_shown_with_the_step(running):
    step = ActionStep(number=1, code="x", stdout="one\ntwo\nthree")
    text = running()(CodeStarted(code="x"), CodeOutput(text="one\n"), step)
    assert "▏one\n  ▏two\n  ▏three\n" in text


def test_all_that_is_printed_is_shown_in_debug(running):
    shown = running(level="debug")
    text = shown(CodeStarted(code="x"), CodeOutput(text="".join(f"row {number}\n" for number in range(500))))
    assert all(f"row {number}\n" in text for number in range(500))


def test_a_very_long_line_is_cut(running):
    text = running()(CodeOutput(text="x" * 100_000 + "\n"))
    assert text.count("x") < 2_100
    assert "(98,000 more characters)" in text.replace("\n  ▏", "").replace("\n", " ")


@pytest.mark.parametrize(
    ("step", "shown"),
    [
        (ActionStep(number=1, code="6 * 7", value=42), "  = 42"),
        (ActionStep(number=1, code="x", value=None), None),
        (ActionStep(number=1, code="final_answer(42)", value=42, is_final=True), None),
    ],
)
def test_the_last_value_of_code_is_shown_where_there_is_one(running, step, shown):
    text = running()(step)
    assert (shown in text) if shown else ("= 42" not in text and "None" not in text)


# ---- tools --------------------------------------------------------------------


def test_a_call_takes_one_line_where_there_is_room(running):
    text = running()(ToolStarted(call=CALL), ToolFinished(call=CALL, value=4.5, seconds=0.31))
    assert "  ✓ temperature(city='Oslo') → 4.5 · 0.3 s\n" in text


def test_a_call_takes_two_lines_where_there_is_not(running):
    text = running(40)(ToolFinished(call=CALL, value="word " * 100, seconds=0.31))
    assert "  ✓ temperature(city='Oslo') · 0.3 s\n    → word word" in text


def test_a_failed_call_says_why_and_the_step_does_not_repeat_it(running):
    text = running()(
        ToolFinished(call=CALL, error="no such city"),
        ActionStep(number=1, error=StepError("AgentToolExecutionError", "no such city")),
    )
    assert "✗ temperature(city='Oslo') → no such city" in text
    assert text.count("no such city") == 1


def test_debug_shows_results_and_tracebacks_whole(running):
    trace = "Traceback (most recent call last):\n  File x, line 2\nValueError: no"
    text = running(level="debug")(
        ToolFinished(call=CALL, value={"rows": list(range(100))}),
        ToolFinished(call=CALL, error=trace),
        ActionStep(number=1, error=StepError("AgentExecutionError", trace), usage=Usage(1000, 20, 800), seconds=2.0),
    )
    assert "99\n" in text
    assert text.count("File x, line 2") >= 1
    assert "1,000 in (800 cached) · 20 out · 2.0 s" in text


def test_the_call_of_the_answer_is_not_shown(running):
    call = ToolCall("1", "final_answer", {"answer": "x"})
    assert "final_answer" not in running()(ToolStarted(call=call), ToolFinished(call=call, value="x"))


def test_progress_is_printed_in_debug_only(running):
    events = (ToolStarted(call=CALL), ToolProgress(id="1", data="half way"))
    assert "half way" not in running()(*events)
    assert "half way" in running(level="debug")(*events)


def test_agents_that_work_at_once_are_told_apart(show):
    shown = show()
    for name in ("ann", "bob"):
        shown(RunStarted(task=f"for {name}", agent=name), StepStarted(number=1, max_steps=3), run_id=name, path=(name,))
    shown.say("Ann speaks.\n\n", run_id="ann", path=("ann",))
    shown.say("Bob speaks.\n\n", run_id="bob", path=("bob",))
    assert "│ ann · step 1/3\n│ Ann speaks." in shown.text
    assert "│ bob · step 1/3\n│ Bob speaks." in shown.text
