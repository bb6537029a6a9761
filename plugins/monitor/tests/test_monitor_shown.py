"""The numbers as a table and as Prometheus text, and the settings."""

from __future__ import annotations

import subprocess
import sys

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from core_plus import Host, Message, PluginError, ToolCall, ToolCallingAgent
from core_plus_monitor import Monitor, monitor_of
from core_plus_scripted import ScriptedModel

DONE = Message("assistant", (ToolCall("", "final_answer", {"answer": "done"}),))


def run(host, **options):
    return ToolCallingAgent(model=ScriptedModel([DONE], name='a "b"\nc')).run("do", host=host, **options)


def samples(text):
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_text_is_prometheus_own():
    with Host() as host:
        result = run(host)
        found = samples(monitor_of(host).prometheus())
    model = ("model", 'scripted:a "b"\nc')
    assert found["core_plus_runs_total", ("state", "success")] == 1
    assert found["core_plus_model_calls_total", model] == 1
    assert found["core_plus_tokens_total", model, ("type", "input")] == result.usage.input_tokens
    assert found["core_plus_tool_calls_total", ("tool", "final_answer")] == 1
    assert found["core_plus_tool_seconds_bucket", ("le", "+Inf"), ("tool", "final_answer")] == 1
    assert found["core_plus_tool_seconds_count", ("tool", "final_answer")] == 1
    assert found["core_plus_runs_in_progress",] == 0


def test_a_monitor_that_has_seen_nothing_has_text_too():
    assert samples(Monitor().prometheus())["core_plus_steps_total",] == 0


def test_a_monitor_is_a_collector_for_a_registry_of_ones_own():
    registry, monitor = CollectorRegistry(), Monitor()
    registry.register(monitor)
    with Host() as host:
        run(host, observers=[monitor])
    assert b'core_plus_runs_total{state="success"} 1.0' in generate_latest(registry)


def test_the_table_has_a_line_for_everything():
    with Host() as host:
        result = run(host)
        lines = monitor_of(host).table(result.run_id).splitlines()
    assert lines[0].split() == ["count", "errors", "seconds", "mean", "longest", "tokens", "in", "out", "USD"]
    assert [line.split()[0] for line in lines[1:] if line[0] != "c"] == ["model", "tool", "steps", "runs"]
    assert "(1 success)" in lines[-1]
    assert lines[-1].endswith("0.0000+?")


def test_the_end_of_a_run_is_reported_once():
    told = []
    with Host() as host:
        run(host, observers=[Monitor(report=told.append)])
    (table,) = told
    assert "tool final_answer" in table


PROGRAM = """
from core_plus import Host, Message, ToolCall, ToolCallingAgent
from core_plus_scripted import ScriptedModel
with Host() as host:
    turn = Message("assistant", (ToolCall("", "final_answer", {"answer": "done"}),))
    ToolCallingAgent(model=ScriptedModel([turn], name="m")).run("do", host=host)
"""


@pytest.mark.parametrize(("word", "shown"), [("1", True), ("0", False), ("", False)])
def test_a_variable_asks_for_the_table(word, shown, monkeypatch):
    monkeypatch.setenv("CORE_PLUS_MONITOR_TABLE", word)
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    assert ("model scripted:m" in done.stderr) is shown
    assert done.stdout == ""


@pytest.mark.parametrize("given", [{"keep": -1}, {"keep": "all"}, {"table": "yes"}, {"tables": True}])
def test_settings_that_make_no_sense_stop_everything_before_it_starts(given):
    with Host(config={"hooks.monitor": given}) as host, pytest.raises(PluginError, match=next(iter(given))):
        _ = host.plugins
