"""One attempt to ask a model: its span, its tokens, its pieces."""

from __future__ import annotations

import time
from typing import Any

from opentelemetry._logs import SeverityNumber
from opentelemetry.context import Context

from core_plus.effects import CallModel
from core_plus.errors import AgentError
from core_plus.models import ModelRequest, ModelResponse
from core_plus.ops import Invoke, Open
from core_plus_otel import names
from core_plus_otel.agent import Agent, kind_of
from core_plus_otel.carrying import carried
from core_plus_otel.telemetry import Opened


class Asking:
    """An attempt; its span begins with the first operation, which says what model is asked.

    Args:
        agent: Who asks.
        effect: What.
        above: In which context.
    """

    def __init__(self, agent: Agent, effect: CallModel, above: Context) -> None:
        self.agent, self.telemetry, self.effect, self._above = agent, agent.telemetry, effect, above
        self.opened: Opened | None = None
        self._first: float | None = None
        self._last = 0.0
        self._pieces: list[float] = []

    def carry(self, op: Any) -> Any:
        """An operation of the attempt, in its context.

        Args:
            op: From the engine.
        """
        if self.opened is None:
            function = op.function if isinstance(op, Invoke | Open) else None
            asked = getattr(function, "__self__", None)
            model = asked if asked is not None else self.effect.model or self.agent.run.bound.model
            self.opened = self._begun(model, isinstance(op, Open))
        return carried(op, self.opened.context, self._heard)

    def _begun(self, model: Any, streaming: bool) -> Opened:
        provider, name = names.provider_and_model(model)
        first = {names.OPERATION: "chat", names.PROVIDER: provider, names.REQUEST_MODEL: name}
        first |= {names.KIND: "LLM", **names.server_of(model)}
        more: dict[str, Any] = {names.STEP: self.agent.run.step_number, **_parameters(self.effect.request)}
        if streaming:
            more[names.REQUEST_STREAM] = True
        if self.telemetry.settings.on_spans:
            more |= self._asked()
        self._last = time.perf_counter()
        metric = self.telemetry.metrics.model
        return self.telemetry.open(
            f"chat {name}".strip(), self._above, first, more=more, kind=kind_of(model), metric=metric
        )

    def _asked(self) -> dict[str, str]:
        request, words = self.effect.request, self.agent.words
        found = {names.INPUT: words.asked(request)}
        if any(one.role == "system" and one.parts for one in request.messages):
            found[names.SYSTEM] = words.system(request)
        return {**found, names.DEFINITIONS: words.tools(request)} if request.tools else found

    def _heard(self) -> None:
        """A piece of the reply came; perhaps in another thread, one after the other."""
        now = time.perf_counter()
        if self._first is None:
            self._first = now - self._last
        else:
            self._pieces.append(now - self._last)
        self._last = now

    def replied(self, response: ModelResponse) -> None:
        """The model answered.

        Args:
            response: The reply.
        """
        opened, usage = self.opened, response.usage
        if opened is None:
            return
        latest, settings = self.telemetry.settings.latest, self.telemetry.settings
        found: dict[str, Any] = {names.FINISH_REASONS: [response.raw_finish_reason or response.finish_reason]}
        found |= {names.RESPONSE_MODEL: response.model} if response.model else {}
        found |= {names.RESPONSE_ID: response.id} if response.id else {}
        if usage is not None:
            found |= {names.INPUT_TOKENS: usage.input_tokens, names.OUTPUT_TOKENS: usage.output_tokens}
            found |= {names.CACHE_READ: usage.cached_tokens} if usage.cached_tokens else {}
            found |= {names.CACHE_WRITE[latest]: usage.cache_write_tokens} if usage.cache_write_tokens else {}
            found |= {names.REASONING: usage.reasoning_tokens} if usage.reasoning_tokens else {}
        found |= {names.FIRST_CHUNK: self._first} if self._first is not None else {}
        opened.span.set_attributes(found)
        if settings.on_spans:
            opened.span.set_attribute(names.OUTPUT, self.agent.words.replied(response))
        if settings.on_events:
            told = {**opened.facts, **found, **self._asked(), names.OUTPUT: self.agent.words.replied(response)}
            self.telemetry.tell(names.DETAILS, opened.context, told, SeverityNumber.DEBUG)
        if response.model:
            opened.facts[names.RESPONSE_MODEL] = response.model
        if usage is not None:
            self.telemetry.metrics.count(usage, opened.facts)
        self._measured(opened)
        opened.end()

    def failed(self, error: BaseException) -> None:
        """The attempt failed or was stopped.

        Args:
            error: Why.
        """
        opened = self.opened
        if opened is None:
            return
        kind = names.error_type(error)
        self._measured(opened)
        if kind == "cancelled":
            opened.end(kind, "the run was stopped")
            return
        cause = error.__cause__ if isinstance(error, AgentError) and error.__cause__ is not None else error
        self.telemetry.tell_exception(names.MODEL_EXCEPTION, opened, kind, str(error), cause)
        opened.end(kind, str(error))

    def _measured(self, opened: Opened) -> None:
        metrics = self.telemetry.metrics
        if self._first is not None:
            metrics.first.record(self._first, opened.facts, context=opened.context)
        for seconds in self._pieces:
            metrics.chunk.record(seconds, opened.facts, context=opened.context)


def _parameters(request: ModelRequest) -> dict[str, Any]:
    """What a request has besides messages, as attributes."""
    found: dict[str, Any] = {}
    for name, (attribute, kind) in names.OPTIONS.items():
        value = request.options.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            found[attribute] = kind(value)
    if request.max_tokens is not None:
        found["gen_ai.request.max_tokens"] = request.max_tokens
    if request.stop:
        found["gen_ai.request.stop_sequences"] = list(request.stop)
    if request.output_schema is not None:
        found[names.OUTPUT_TYPE] = "json"
    return found
