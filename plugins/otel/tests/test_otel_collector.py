"""A real exporter and a real collector: HTTP, protobuf; and a process that is killed."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

FORMS = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}


class Collector(ThreadingHTTPServer):
    """Reads what exporters send."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.got = {path: [] for path in FORMS}

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def spans(self):
        groups = [scope for got in self.got["/v1/traces"] for one in got.resource_spans for scope in one.scope_spans]
        return [span for scope in groups for span in scope.spans]

    @property
    def metric_names(self):
        groups = [one for got in self.got["/v1/metrics"] for one in got.resource_metrics]
        return {metric.name for one in groups for scope in one.scope_metrics for metric in scope.metrics}

    @property
    def event_names(self):
        groups = [one for got in self.got["/v1/logs"] for one in got.resource_logs]
        return [record.event_name for one in groups for scope in one.scope_logs for record in scope.log_records]


class Handler(BaseHTTPRequestHandler):
    """Answers as a collector does: with an empty message."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        self.server.got[self.path].append(FORMS[self.path].FromString(body))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Keep quiet."""


@pytest.fixture
def collector():
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


PROGRAM = """
import os, signal, sys
from opentelemetry import _logs, metrics, trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

url, journal, way = sys.argv[1:]
tracers = TracerProvider()
tracers.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(url + "/v1/traces")))
trace.set_tracer_provider(tracers)
meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter(url + "/v1/metrics"))])
metrics.set_meter_provider(meters)
loggers = LoggerProvider()
loggers.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(url + "/v1/logs")))
_logs.set_logger_provider(loggers)

from core_plus import Message, ToolCall, ToolCallingAgent, tool
from core_plus_scripted import ScriptedModel

@tool(effect="read")
def look(city: str) -> str:
    "Look.\\n\\nArgs:\\n    city: Where."
    if city == "Oslo" and way == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    return city

def call(name, **arguments):
    return Message("assistant", (ToolCall("", name, arguments),))

turns = [call("look", city="Rome"), call("nothing"), call("look", city="Oslo"), call("final_answer", answer="done")]
agent = ToolCallingAgent(model=ScriptedModel({"": turns}, name="m", mode="turn"), tools=[look], name="a")
if way == "resume":
    result = agent.resume("kept", journal=journal)
else:
    result = agent.run("do", journal=journal, run_id="kept")
print(result.output)
for provider in (tracers, meters, loggers):
    provider.shutdown()
"""


def run(collector, tmp_path, way):
    """A process of its own, whose provider is the process's."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    words = [sys.executable, str(program), collector.url, str(tmp_path / "runs.sqlite"), way]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, env=environment)


def tree_of(spans):
    """Names under names, in order of begin; parents that never came are named by "?"."""
    known = {span.span_id: span for span in spans}
    below = {}
    for span in sorted(spans, key=lambda one: one.start_time_unix_nano):
        missing = b"?" if span.parent_span_id else b""
        below.setdefault(span.parent_span_id if span.parent_span_id in known else missing, []).append(span)

    def shown(span):
        return (span.name, *map(shown, below[span.span_id])) if span.span_id in below else span.name

    return {key.decode(): [shown(span) for span in below[key]] for key in (b"", b"?") if key in below}


LOOK = "execute_tool look"


def test_a_run_reaches_a_collector_over_http(collector, tmp_path):
    done = run(collector, tmp_path, "run")
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "done", "")
    steps = ("chat m", LOOK, "chat m", "execute_tool nothing", "chat m", LOOK, "chat m", "execute_tool final_answer")
    assert tree_of(collector.spans) == {"": [("invoke_agent a", *steps)]}
    assert {"gen_ai.client.operation.duration", "gen_ai.client.token.usage"} <= collector.metric_names
    assert collector.event_names == ["gen_ai.execute_tool.exception"]


def test_after_a_kill_what_was_exported_is_consistent_and_the_rest_is_told_by_who_goes_on(collector, tmp_path):
    done = run(collector, tmp_path, "kill")
    assert done.returncode == -signal.SIGKILL
    before = [*collector.spans]
    assert tree_of(before) == {"?": ["chat m", LOOK, "chat m", "execute_tool nothing", "chat m"]}
    assert len({(span.trace_id, span.parent_span_id) for span in before}) == 1
    assert all(span.end_time_unix_nano >= span.start_time_unix_nano > 0 for span in before)
    done = run(collector, tmp_path, "resume")
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "done", "")
    after = collector.spans[len(before) :]
    assert tree_of(after) == {"": [("invoke_agent a", LOOK, "chat m", "execute_tool final_answer")]}
