"""What a host has of OpenTelemetry: its tracer, meters and logger, and how spans are begun and ended."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import opentelemetry.propagate  # noqa: F401 (for those who depend on nothing here and look among the loaded modules)
from opentelemetry import context as contexts
from opentelemetry import metrics, trace
from opentelemetry._logs import LogRecord, SeverityNumber, get_logger
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode

from core_plus.events import Event
from core_plus_otel import names
from core_plus_otel.metrics import Metrics
from core_plus_otel.settings import Settings

if TYPE_CHECKING:
    from core_plus.run import Run
    from core_plus_otel.trace import Trace

SCOPE = "core_plus_otel"


class Opened:
    """A span that hasn't ended.

    Args:
        span: The span.
        context: What is current within it.
        facts: Attributes that its metric has too.
        metric: Records its duration.
    """

    __slots__ = ("_began", "context", "error", "facts", "metric", "name", "span")

    def __init__(self, name: str, span: Span, context: Context, facts: dict[str, Any], metric: Any) -> None:
        self.name, self.span, self.context, self.facts, self.metric = name, span, context, facts, metric
        self._began = time.perf_counter()
        self.error: BaseException | None = None

    @property
    def seconds(self) -> float:
        """How long it is open."""
        return time.perf_counter() - self._began

    def end(self, error: str = "", words: str = "") -> None:
        """End it.

        Args:
            error: What kind of error ended it; "" for none.
            words: The error's text.
        """
        if error:
            self.facts[names.ERROR] = error
            self.span.set_attribute(names.ERROR, error)
            self.span.set_status(Status(StatusCode.ERROR, words or None))
        if self.metric is not None:
            self.metric.record(self.seconds, self.facts, context=self.context)
        self.span.end()


class Telemetry:
    """Begins traces; an observer that stands for nobody but the runs whose traces it has begun.

    Args:
        settings: How runs are told of.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.tracer = trace.get_tracer(SCOPE, tracer_provider=settings.tracer_provider)
        self.metrics = Metrics(metrics.get_meter(SCOPE, meter_provider=settings.meter_provider), settings.latest)
        self.logger = get_logger(SCOPE, logger_provider=settings.logger_provider)

    def observe(self, event: Event) -> None:
        """See nothing: each run's trace is its own observer.

        Args:
            event: What happened.
        """

    def begin(self, run: Run) -> Trace:
        """The trace of a run.

        Args:
            run: The outermost run.
        """
        from core_plus_otel.trace import Trace

        return Trace(self, run)

    def open(
        self,
        name: str,
        above: Context,
        first: Mapping[str, Any],
        *,
        more: Mapping[str, Any] | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        metric: Any = None,
        links: list[Link] | None = None,
        started: int | None = None,
    ) -> Opened:
        """Begin a span.

        Args:
            name: Its name.
            above: The context that it is begun in.
            first: Attributes that samplers and metrics see.
            more: Further attributes.
            kind: Whether it calls somebody else's service.
            metric: Records its duration.
            links: To other spans.
            started: Nanoseconds since 1970 when it began; None is now.
        """
        facts = {name: value for name, value in first.items() if value not in (None, "")}
        span = self.tracer.start_span(name, above, kind, {**facts, **(more or {})}, links, started)
        facts.pop(names.KIND, None)
        return Opened(name, span, trace.set_span_in_context(span, above), facts, metric)

    def tell(self, name: str, context: Context, attributes: Mapping[str, Any], level: SeverityNumber) -> None:
        """Emit an event, a log record with a name, in the name of a span.

        Args:
            name: The event's.
            context: The span's.
            attributes: The event's.
            level: How loud.
        """
        record = LogRecord(
            timestamp=time.time_ns(),
            context=context,
            severity_number=level,
            severity_text=level.name,
            event_name=name,
            attributes=dict(attributes),
        )
        self.logger.emit(record)

    def tell_exception(self, name: str, opened: Opened, kind: str, words: str, error: BaseException | None) -> None:
        """Tell of an error that ended a span: on the span, as viewers know it, and as the conventions' event.

        Args:
            name: The event's.
            opened: The span.
            kind: What kind of error.
            words: Its text.
            error: The error itself, where its text is no secret.
        """
        told = {"exception.message": words} | ({} if kind == "_OTHER" else {"exception.type": kind})
        if error is not None:
            opened.span.record_exception(error, told)
        else:
            opened.span.add_event("exception", told)
        self.tell(name, opened.context, told, SeverityNumber.WARN)


def current() -> Context:
    """The caller's context."""
    return contexts.get_current()
