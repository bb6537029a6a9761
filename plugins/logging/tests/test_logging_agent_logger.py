"""A log of one's own: its levels, its lines, and that nobody else's logging is touched."""

from __future__ import annotations

import io
import json
import logging

import pytest

from core_plus import ConfigurationError, Host, Message, ModelResponse, ToolCall, ToolCallingAgent, message
from core_plus_logging import AgentLogger, LogLevel


class Model:
    """Errs once, then answers."""

    def __init__(self):
        self.said = 0

    def forward(self, request):
        self.said += 1
        call = ToolCall("1", "nothing", {}) if self.said == 1 else ToolCall("2", "final_answer", {"answer": "42"})
        return ModelResponse(Message("assistant", (call,)))


def run(logger):
    with Host() as host:
        return ToolCallingAgent(name="assistant", model=Model(), host=host).run("What is it?", observers=[logger])


def records(level):
    stream = io.StringIO()
    with AgentLogger(level, to=stream, json=True) as logger:
        result = run(logger)
    return result, [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("level", "levels"),
    [("OFF", set()), ("ERROR", {"WARNING"}), ("INFO", {"WARNING", "INFO"}), ("DEBUG", {"WARNING", "INFO", "DEBUG"})],
)
def test_each_level_writes_what_it_says(level, levels):
    _, found = records(level)
    assert {record["level"] for record in found} == levels


def test_records_tell_run_and_step():
    result, found = records(LogLevel.DEBUG)
    assert {record["run_id"] for record in found} == {result.run_id}
    failed = next(record for record in found if record["event"] == "ToolFinished")
    assert (failed["step"], failed["tool"], failed["logger"]) == (1, "nothing", "core_plus.tool")


def test_lines_for_people_are_one_line_each():
    stream = io.StringIO()
    run(AgentLogger("DEBUG", to=stream))
    assert all("core_plus." in line for line in stream.getvalue().splitlines())


def test_a_file_is_added_to(tmp_path):
    path = tmp_path / "runs.jsonl"
    for _ in range(2):
        with AgentLogger(to=path, json=True) as logger:
            run(logger)
    found = [json.loads(line)["event"] for line in path.read_text().splitlines()]
    assert found.count("RunStarted") == found.count("RunFinished") == 2


def test_the_applications_logging_is_left_alone(caplog):
    logging.getLogger("core_plus").setLevel(logging.CRITICAL)
    try:
        before = [*logging.getLogger("core_plus").handlers]
        _, found = records("INFO")
        assert found
        assert caplog.records == []
        assert [*logging.getLogger("core_plus").handlers] == before
    finally:
        logging.getLogger("core_plus").setLevel(logging.NOTSET)


def test_a_level_may_change_while_it_is_used():
    stream = io.StringIO()
    logger = AgentLogger("OFF", to=stream)
    logger.log("one", level="ERROR")
    logger.level = 2
    logger.log("two", level=LogLevel.DEBUG, run_id="r")
    logger.level = "error"
    logger.log("three")
    logger.log_error("four")
    logger.log("five", level="OFF")
    assert [line.rpartition(" ")[2] for line in stream.getvalue().splitlines()] == ["two", "four"]
    assert repr(logger) == "<AgentLogger ERROR>"


def test_words_of_ones_own_are_records_too():
    stream = io.StringIO()
    logger = AgentLogger("DEBUG", to=stream, json=True)
    logger.log_task("do\nit", "a model")
    logger.log_code("code", "x = 1\ny = 2")
    logger.log_messages([message("user", "hi"), message("assistant", "ho")])
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [record["message"] for record in found] == [
        r"task: 'do\nit' (a model)",
        r"code: 'x = 1\ny = 2'",
        "user: 'hi'",
        "assistant: 'ho'",
    ]
    assert [record["level"] for record in found] == ["INFO", "INFO", "DEBUG", "DEBUG"]


@pytest.mark.parametrize("level", ["LOUD", 7, -2])
def test_a_level_that_does_not_exist_is_refused(level):
    with pytest.raises(ConfigurationError, match="OFF"):
        AgentLogger(level)


def test_a_file_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="can't be written"):
        AgentLogger(to=tmp_path / "none" / "log")
