"""Where the spans, metrics and events of a run end up, and agents that have something to tell."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from core_plus import Host

sys.path.append(str(Path(__file__).parent))  # for otel_agents


class Counting(SpanProcessor):
    """Knows which spans have begun and not ended."""

    def __init__(self):
        self.open = {}

    def on_start(self, span, parent_context=None):
        self.open[span.context.span_id] = span.name

    def on_end(self, span):
        del self.open[span.context.span_id]


class Seen:
    """What was exported."""

    def __init__(self, **settings):
        self.exporter, self.counting = InMemorySpanExporter(), Counting()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(self.counting)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])
        self.records = InMemoryLogRecordExporter()
        self.loggers = LoggerProvider()
        self.loggers.add_log_record_processor(SimpleLogRecordProcessor(self.records))
        self.settings = {
            "tracer_provider": self.tracers, "meter_provider": self.meters, "logger_provider": self.loggers, **settings
        }  # fmt: skip

    def host(self, **options):
        config = {"hooks.otel": self.settings, **options.pop("config", {})}
        return Host(config=config, **options)

    @property
    def spans(self):
        return self.exporter.get_finished_spans()

    def named(self, name):
        (span,) = (span for span in self.spans if span.name == name)
        return span

    @property
    def tree(self):
        """The traces as nested tuples of names, children in order of their begin."""
        known = {span.context.span_id for span in self.spans}
        below = {}
        for span in self.spans:
            below.setdefault(span.parent.span_id if span.parent else None, []).append(span)
        assert set(below) <= {None, *known}, "there are orphans"
        assert not self.counting.open, "there are spans that haven't ended"

        def shown(span):
            children = sorted(below.get(span.context.span_id, ()), key=lambda one: one.start_time)
            return (span.name, *map(shown, children)) if children else span.name

        return [shown(span) for span in sorted(below.get(None, ()), key=lambda one: one.start_time)]

    @property
    def metrics(self):
        """Data points by metric name."""
        data = self.reader.get_metrics_data()
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics] if data else []
        return {metric.name: metric.data.data_points for scope in scopes for metric in scope.metrics}

    @property
    def events(self):
        return [one.log_record for one in self.records.get_finished_logs()]

    def close(self):
        self.tracers.shutdown()
        self.meters.shutdown()
        self.loggers.shutdown()


@pytest.fixture
def make_seen():
    made = []

    def make(**settings):
        made.append(seen := Seen(**settings))
        return seen

    yield make
    for one in made:
        one.close()


@pytest.fixture
def seen(make_seen):
    return make_seen()


@pytest.fixture
def host(seen):
    with seen.host() as host:
        yield host
