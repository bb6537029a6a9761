"""What a person may choose: whether words are recorded, how many, by which version of the conventions, and where to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

import attrs

from core_plus.errors import ConfigurationError

if TYPE_CHECKING:
    from opentelemetry._logs import LoggerProvider
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

CONFIG: Final = "hooks.otel"
CAPTURE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""The variable that all GenAI instrumentations look at; "true" or one of `Content`, in capitals there."""
STABILITY: Final = "OTEL_SEMCONV_STABILITY_OPT_IN"
LATEST: Final = "gen_ai_latest_experimental"
Content: TypeAlias = Literal["no_content", "span_only", "event_only", "span_and_event"]


@attrs.frozen(kw_only=True)
class Settings:
    """How runs are told of.

    Args:
        content: Where tasks, messages, arguments, results and answers are recorded: nowhere, on spans, as events, both.
        max_content: Characters of an attribute that holds content; what is longer is cut.
        latest: Whether names are those after version 1.41 of the conventions.
        tracer_provider: Where spans go; None is the process's.
        meter_provider: Where metrics go; None is the process's.
        logger_provider: Where events go; None is the process's.

    Raises:
        ConfigurationError: A setting makes no sense.
    """

    content: Content = "no_content"
    max_content: int = 16_384
    latest: bool = False
    tracer_provider: TracerProvider | None = None
    meter_provider: MeterProvider | None = None
    logger_provider: LoggerProvider | None = None

    def __attrs_post_init__(self) -> None:
        if self.content not in get_args(Content):
            raise ConfigurationError(f"otel: content is one of {', '.join(get_args(Content))}, not {self.content!r}")
        if type(self.max_content) is not int or self.max_content < 1:
            raise ConfigurationError(f"otel: max_content is a number of characters, not {self.max_content!r}")

    @property
    def on_spans(self) -> bool:
        """Whether spans carry content."""
        return self.content in ("span_only", "span_and_event")

    @property
    def on_events(self) -> bool:
        """Whether there is an event with content for each model call."""
        return self.content in ("event_only", "span_and_event")


def settings_of(config: Mapping[str, Mapping[str, Any]]) -> Settings:
    """What a host's configuration says under "hooks.otel", or else OpenTelemetry's own variables.

    Args:
        config: The host's.

    Raises:
        ConfigurationError: A setting that doesn't exist or makes no sense.
    """
    given = config.get(CONFIG, {})
    names = [field.name for field in attrs.fields(Settings)]
    for name in given:
        if name not in names:
            raise ConfigurationError(f"otel has no setting {name!r}; there are {', '.join(names)}")
    found: dict[str, Any] = {"latest": LATEST in os.environ.get(STABILITY, "").replace(" ", "").split(",")}
    word = os.environ.get(CAPTURE, "").strip().lower()
    if word:
        found["content"] = {"true": "span_only", "false": "no_content"}.get(word, word)
    return Settings(**{**found, **given})
