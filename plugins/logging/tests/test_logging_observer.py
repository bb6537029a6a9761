"""What is logged of a run, and how loud."""

import logging
import subprocess
import sys

import msgspec
import pytest

import core_plus_logging
from core_plus.effects import Question
from core_plus.events import (
    ActionStep,
    CodeOutput,
    CodeStarted,
    Event,
    PlanningStep,
    QuestionAnswered,
    QuestionAsked,
    RunFinished,
    RunStarted,
    StepError,
    StepStarted,
    ToolFinished,
    ToolRecord,
    ToolStarted,
    Warned,
)
from core_plus.messages import ToolCall, Usage, message
from core_plus_logging import LoggingObserver

CALL = ToolCall("1", "temperature", {"city": "Oslo", "key": "hush"})
QUESTION = Question(text="Delete hush?", kind="approval")
USED = Usage(1000, 20, calls=1)


@pytest.fixture
def logged(caplog):
    """Shows events to an observer at a level; gives the records."""

    def see(*events, level="DEBUG", run_id="0123456789", path=(), **settings):
        caplog.set_level(level, "core_plus")
        observer = LoggingObserver(**settings)
        for event in events:
            observer.observe(msgspec.structs.replace(event, run_id=run_id, path=path))
        return caplog.records

    return see


@pytest.mark.parametrize(
    ("event", "logger", "level", "text"),
    [
        (RunStarted(agent="a", model="m", task="t"), "run", "INFO", "run started: agent 'a' model 'm' task 't'"),
        (RunFinished(state="success", output="x", usage=USED, seconds=2.5), "run", "INFO",
         "run finished: success in 2.5 s, 1020 tokens, output 'x'"),
        (RunFinished(state="failed", error="no key"), "run", "ERROR",
         "run finished: failed in 0.0 s, 0 tokens: 'no key'"),
        (RunFinished(state="limit", error="used up"), "run", "WARNING",
         "run finished: limit in 0.0 s, 0 tokens: 'used up'"),
        (RunFinished(state="suspended"), "run", "INFO", "run finished: suspended in 0.0 s, 0 tokens"),
        (Warned(text="given up\nso"), "run", "WARNING", "warning: 'given up\\nso'"),
        (PlanningStep(plan="p", number=2, seconds=1.0), "step", "INFO", "plan made in 1.0 s"),
        (ActionStep(number=3, seconds=1.0), "step", "INFO", "step 3 finished in 1.0 s"),
        (ActionStep(number=3, error=StepError("KeyError", "x")), "step", "WARNING",
         "step 3 did not work out in 0.0 s: 'KeyError: x'"),
        (CodeStarted(code="x = 1\ny"), "code", "DEBUG", "code: 'x = 1\\ny'"),
        (CodeOutput(text="hi\n"), "code", "DEBUG", "code printed to stdout: 'hi\\n'"),
        (ToolStarted(call=CALL), "tool", "DEBUG", "tool 'temperature' called with {'city': 'Oslo', 'key': 'hush'}"),
        (ToolFinished(call=CALL, value=4.5, seconds=0.3), "tool", "DEBUG", "tool 'temperature' finished in 0.3 s: 4.5"),
        (ToolFinished(call=CALL, error="no"), "tool", "WARNING", "tool 'temperature' failed in 0.0 s: 'no'"),
        (QuestionAsked(question=QUESTION), "question", "INFO", "a person is asked: 'Delete hush?'"),
        (QuestionAnswered(question=QUESTION, answer="yes"), "question", "INFO", "a person answered: 'yes'"),
    ],
)  # fmt: skip
def test_each_event_is_logged_in_its_place_and_as_loud_as_it_is(logged, event, logger, level, text):
    record = logged(event)[0]
    assert (record.name, record.levelname) == (f"core_plus.{logger}", level)
    assert record.getMessage() == f"[01234567] {text}"
    assert record.event == type(event).__name__


def test_what_the_model_said_is_logged_at_debug(logged):
    records = logged(ActionStep(number=1, reply=message("assistant", "I ask."), usage=USED))
    assert [record.name for record in records] == ["core_plus.step", "core_plus.model"]
    assert records[1].getMessage() == "[01234567] model said: 'I ask.'"
    assert (records[1].tokens, records[1].input_tokens, records[1].output_tokens) == (1020, 1000, 20)


CONTENTS = [
    RunStarted(agent="a", task="hush"),
    CodeStarted(code="hush"),
    CodeOutput(text="hush"),
    ToolStarted(call=CALL),
    ToolFinished(call=CALL, value="hush"),
    QuestionAsked(question=QUESTION),
    QuestionAnswered(question=QUESTION, answer="hush"),
    PlanningStep(plan="hush"),
    ActionStep(reply=message("assistant", "hush"), code="hush", stdout="hush", observation="hush", value="hush"),
    RunFinished(state="success", output="hush"),
]


def test_contents_are_logged_at_debug_only(logged):
    records = logged(*CONTENTS, level="INFO")
    assert len(records) == 6
    assert "hush" not in "".join(f"{record.getMessage()} {vars(record)}" for record in records)


def test_contents_are_cut_and_kept_on_one_line(logged):
    long = "line\n" * 5_000
    events = [
        CodeStarted(code=long),
        ToolStarted(call=ToolCall("1", "t", {"x": long})),
        ToolFinished(call=CALL, value=long),
    ]
    for record in logged(*events, RunFinished(state="failed", error=long), contents=50, errors=80):
        assert "\n" not in record.getMessage()
        assert len(record.getMessage()) < 300


def test_a_record_carries_the_facts(logged):
    events = [StepStarted(number=4), ToolFinished(call=CALL, error="no", seconds=0.3)]
    (record,) = logged(*events, path=("helper", "inner"), level="WARNING")
    assert (record.run_id, record.path, record.step) == ("0123456789", "helper/inner", 4)
    assert (record.tool, record.seconds, record.error) == ("temperature", 0.3, "no")
    assert record.getMessage().startswith("[01234567/helper/inner] ")


def test_each_run_has_its_own_step(logged, caplog):
    caplog.set_level("DEBUG", "core_plus")
    observer = LoggingObserver()
    observer.observe(StepStarted(number=2, run_id="a"))
    observer.observe(StepStarted(number=7, run_id="b"))
    for run_id in "ab":
        observer.observe(CodeStarted(code="x", run_id=run_id))
    assert [record.step for record in caplog.records] == [2, 7]


def test_a_finished_run_is_forgotten():
    observer = LoggingObserver()
    for number in range(100):
        observer.observe(StepStarted(number=1, run_id=str(number)))
        observer.observe(RunFinished(state="success", run_id=str(number)))
    assert not observer._steps


def test_a_logger_that_is_off_costs_no_text(logged):
    class Watched:
        def __repr__(self):
            raise AssertionError("was made into text")

    records = logged(
        ToolFinished(call=CALL, value=Watched()), RunFinished(state="success", output=Watched()), level="INFO"
    )
    assert len(records) == 1


def test_step_with_many_calls_tells_how_many(logged):
    (record, _) = logged(ActionStep(number=1, calls=(ToolRecord(CALL), ToolRecord(CALL))))
    assert record.calls == 2


def test_an_unknown_kind_of_event_is_passed_over(logged):
    class Later(Event):
        pass

    assert logged(Later()) == []


def test_without_a_handler_of_the_application_nothing_is_printed():
    code = """
from core_plus.events import RunFinished
from core_plus_logging import LoggingObserver
LoggingObserver().observe(RunFinished(state="failed", error="no key"))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert done.stdout + done.stderr == b""


def test_many_observers_add_one_handler():
    root = logging.getLogger("core_plus")
    for _ in range(3):
        LoggingObserver()
    assert len([handler for handler in root.handlers if isinstance(handler, logging.NullHandler)]) <= 1


def test_it_declares_the_observer_logging():
    found = {}
    core_plus_logging.register_observers(lambda name, factory, summary, config=None: found.update({name: factory}))
    assert list(found) == ["logging"]
    assert isinstance(found["logging"](), LoggingObserver)
