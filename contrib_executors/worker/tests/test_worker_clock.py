"""Random numbers and the calendar that are the same each time, where a session asks for it."""

from __future__ import annotations

import datetime
import sys
import time

import pytest

AT = 1_700_000_000.5
READ = """
import time, datetime
from datetime import date
[time.time(), time.time_ns(), time.strftime("%Y"), time.gmtime().tm_year, datetime.datetime.now(datetime.timezone.utc),
 date.today() == datetime.date.today(), isinstance(datetime.datetime.now(), datetime.date),
 datetime.datetime.strptime("2020-02-03", "%Y-%m-%d"), time.monotonic() < time.monotonic() + 1]
"""


@pytest.fixture
def value(opened, finished):
    def value_(code, **settings):
        done = finished(opened(**settings), code)
        assert done.error is None, done.error
        return done.value

    return value_


def test_random_numbers_are_the_same_with_the_same_seed_and_others_without(value):
    code = "import random\n[random.random() for _ in range(3)]"
    first = value(code, seed=5)
    assert value(code, seed=5) == first
    assert value(code, seed=6) != first
    assert value(code) != value(code)


def test_each_snippet_draws_its_own_numbers(opened, finished):
    session = opened(seed=5)
    drawn = [finished(session, "import random\nrandom.random()").value for _ in range(3)]
    again = opened(seed=5)
    assert drawn == [finished(again, "import random\nrandom.random()").value for _ in range(3)]
    assert len(set(drawn)) == 3


def test_numpy_draws_the_same_once_it_is_there(opened, finished):
    def drawn():
        session = opened(seed=5)
        finished(session, "import numpy")
        return finished(session, "float(numpy.random.random())").value

    assert drawn() == drawn()


def test_the_calendar_stands_still_and_durations_go_on(value):
    found = value(READ, clock=AT)
    moment = datetime.datetime.fromtimestamp(AT, datetime.UTC)
    assert found[:5] == [AT, int(AT * 1e9), time.strftime("%Y", time.localtime(AT)), 2023, moment]
    assert found[5:] == [True, True, datetime.datetime.fromisoformat("2020-02-03"), True]


def test_libraries_that_look_at_datetime_itself_still_work(value):
    code = """
import datetime
import pandas as pd
frame = pd.DataFrame({"at": [datetime.datetime.now(datetime.timezone.utc)]})
import pickle
[str(frame["at"][0]), pickle.loads(pickle.dumps(datetime.datetime.now())) == datetime.datetime.now()]
"""
    assert value(code, clock=AT) == ["2023-11-14 22:13:20.500000+00:00", True]


def test_a_call_tells_its_line_only_where_code_shall_be_repeatable(opened):
    code = "x = 1\n\ny = f(x)"
    for seed, line in ((None, None), (5, 3)):
        session = opened(functions=("f",), seed=seed)
        (request,) = session.start(code).requests
        assert (request.name, request.line) == ("f", line)


def test_a_call_of_a_coroutine_tells_where_it_is_awaited(opened):
    code = "import asyncio\nasync def g():\n    return await f(1)\nawait asyncio.gather(g(), g())"
    session = opened(functions=("f",), seed=5)
    assert {request.line for request in session.start(code).requests} == {3}


def test_the_trace_that_the_host_is_in_goes_with_the_code(value, monkeypatch):
    class Propagate:
        @staticmethod
        def inject(carrier):
            carrier["traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    monkeypatch.setitem(sys.modules, "opentelemetry.propagate", Propagate)
    assert value("import os\nos.environ['TRACEPARENT']").startswith("00-0af7651916cd43dd")


def test_without_a_trace_nothing_goes_with_the_code(value, monkeypatch):
    monkeypatch.delitem(sys.modules, "opentelemetry.propagate", raising=False)
    assert value("import os\nos.environ.get('TRACEPARENT')") is None
