"""As a plugin: silent and free without an SDK, and clear about settings that make no sense."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from core_plus import ConfigurationError, Host, PluginError
from core_plus_otel import Settings
from core_plus_otel.settings import settings_of

WITHOUT = """
import sys
from core_plus import Host, Message, ToolCall, ToolCallingAgent
from core_plus_scripted import ScriptedModel

model = ScriptedModel([Message("assistant", (ToolCall("", "final_answer", {"answer": "done"}),))])
with Host(block=["core-plus-logging"]) as host:
    result = ToolCallingAgent(model=model, host=host).run("do")
    assert any(plugin.entry == "hooks.otel" and plugin.status == "loaded" for plugin in host.plugins)
assert result.output == "done"
assert result.run.keeper is None and not any("otel" in type(one).__module__ for one in result.run.observers)
print(sorted(name for name in sys.modules if name.startswith(("opentelemetry", "core_plus_otel."))))
"""


def in_a_process(program, **more):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    words = [sys.executable, "-W", "error", "-c", program]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, env={**environment, **more})


def test_without_an_sdk_nothing_is_imported_and_no_run_is_watched():
    done = in_a_process(WITHOUT)
    assert (done.stdout.strip(), done.stderr) == ("['core_plus_otel.settings']", "")


def test_with_the_api_alone_no_run_is_watched():
    done = in_a_process("import opentelemetry.trace, opentelemetry.metrics\n" + WITHOUT)
    assert done.returncode == 0, done.stderr
    assert "core_plus_otel.trace" not in done.stdout


def test_a_provider_that_is_set_up_after_the_first_run_is_used_from_the_next_on():
    more = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

with Host(block=["core-plus-logging"]) as host:
    agent = lambda: ToolCallingAgent(model=ScriptedModel([model_reply]), host=host)
    model_reply = Message("assistant", (ToolCall("", "final_answer", {"answer": "done"}),))
    agent().run("do")
    (provider := TracerProvider()).add_span_processor(SimpleSpanProcessor(exporter := InMemorySpanExporter()))
    trace.set_tracer_provider(provider)
    agent().run("do")
print(len(exporter.get_finished_spans()))
"""
    done = in_a_process(WITHOUT + more)
    assert done.stdout.splitlines()[-1:] == ["3"], done.stderr


@pytest.mark.parametrize(
    "given", [{"content": "all"}, {"max_content": 0}, {"max_content": "long"}, {"max_content": True}]
)
def test_settings_that_make_no_sense_are_refused(given):
    with pytest.raises(ConfigurationError, match=next(iter(given))):
        Settings(**given)


def test_a_setting_that_does_not_exist_stops_everything_before_it_starts():
    with Host(config={"hooks.otel": {"contents": "span_only"}}) as host, pytest.raises(PluginError, match="contents"):
        _ = host.plugins


@pytest.mark.parametrize(
    ("word", "content"),
    [("true", "span_only"), ("TRUE", "span_only"), ("false", "no_content"), ("SPAN_AND_EVENT", "span_and_event")],
)
def test_the_standard_variable_opts_in(word, content, monkeypatch):
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", word)
    assert settings_of({}).content == content
    assert settings_of({"hooks.otel": {"content": "no_content"}}).content == "no_content"
