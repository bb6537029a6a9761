"""One JSON object a line."""

import json
import logging
import logging.config
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_plus_logging import JSONFormatter


def record(text="hello %s", *args, **extra):
    made = logging.LogRecord("core_plus.run", logging.INFO, "file", 1, text, args, None)
    made.created, made.msecs = 1_700_000_000.25, 250.0
    vars(made).update(extra)
    return made


def test_a_record_becomes_an_object_with_its_facts():
    assert json.loads(JSONFormatter().format(record("hello %s", "you", run_id="r", step=2, path=""))) == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "INFO",
        "logger": "core_plus.run",
        "message": "hello you",
        "run_id": "r",
        "step": 2,
        "path": "",
    }


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(categories=None)) | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.integers() | st.text(), inner) | st.tuples(inner),
    max_leaves=10,
)


@given(ANYTHING, st.text(st.characters(categories=None)))
def test_whatever_is_logged_gives_one_line_of_ascii_json(value, text):
    line = JSONFormatter().format(record("%s", text, value=value))
    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line, parse_constant=pytest.fail)["message"] == text


def test_an_object_becomes_its_repr_and_long_texts_are_cut():
    shown = json.loads(JSONFormatter(longest=5).format(record("x" * 10, value=object)))
    assert shown["message"] == "xxxxx… (5 more characters)"
    assert shown["value"].startswith("<clas…")


def test_an_exception_is_kept_with_its_traceback():
    try:
        raise ValueError("no")
    except ValueError:
        made = record("failed")
        made.exc_info = sys.exc_info()
    shown = json.loads(JSONFormatter().format(made))
    assert shown["exception"].endswith("ValueError: no")
    assert "Traceback" in shown["exception"]


def test_it_can_be_named_in_a_logging_configuration():
    configured = logging.config.DictConfigurator({"version": 1}).configure_formatter(
        {"()": "core_plus_logging.JSONFormatter", "longest": 7}
    )
    assert json.loads(configured.format(record("12345678")))["message"] == "1234567… (1 more characters)"
