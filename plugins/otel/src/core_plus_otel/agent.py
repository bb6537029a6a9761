"""The spans of one run, inner or outermost: the run itself, its plan, its code, its tool calls, its model calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanContext, SpanKind

from core_plus.effects import CallTool
from core_plus.events import ToolFinished
from core_plus.executors import Done
from core_plus.messages import Usage
from core_plus_otel import names
from core_plus_otel.content import HIDDEN, Words
from core_plus_otel.telemetry import Opened, Telemetry

if TYPE_CHECKING:
    from core_plus.run import Run

OTHER = "_OTHER"
"""The conventions' word for what has no name of a known kind."""
BAD_ENDS = ("failed", "limit", "interrupted", "given up")


class Agent:
    """A run's open spans.

    Args:
        telemetry: Of the host.
        run: The run.
        above: The context that it is begun in.
        resumed: Whether part of it was done before, in another trace.
        before: The span that it had there, if that was in this process.
    """

    def __init__(
        self, telemetry: Telemetry, run: Run, above: Context, resumed: bool, before: SpanContext | None
    ) -> None:
        self.telemetry, self.run = telemetry, run
        self.words = Words(telemetry.settings.max_content, {tool.name for tool in run.tools.values() if tool.secret})
        self.plan: Opened | None = None
        self.code: Opened | None = None
        self.tools: dict[str, Opened] = {}
        self.paths: dict[str, Opened] = {}
        self.over: set[str] = set()
        self._mcp: set[str] = set()
        self._calls = run.calls("model"), run.calls("tool")
        self.opened = self._begun(above, resumed, before)

    def _begun(self, above: Context, resumed: bool, before: SpanContext | None) -> Opened:
        run, settings = self.run, self.telemetry.settings
        agent = run.bound.agent
        provider, model = names.provider_and_model(run.bound.model)
        first = {names.OPERATION: "invoke_agent", names.AGENT: run.name, names.KIND: "AGENT"}
        first |= {} if settings.latest else {names.PROVIDER: provider}
        first |= {names.REQUEST_MODEL: model}
        more: dict[str, Any] = {names.RUN_ID: run.id}
        more[names.OUTPUT_TYPE] = "text" if getattr(agent, "output_type", None) in (None, str) else "json"
        if description := getattr(agent, "description", None):
            more[names.AGENT_DESCRIPTION] = description
        if resumed:
            more[names.RUN_RESUMED] = True
        if settings.on_spans:
            more[names.INPUT] = self.words.said("user", run.task)
        return self.telemetry.open(
            f"invoke_agent {run.name}".strip(),
            above,
            first,
            more=more,
            metric=self.telemetry.metrics.agent,
            links=[Link(before)] if before is not None else None,
        )

    # ---- where things belong --------------------------------------------------

    def place(self, key: str, origin: str = "") -> Context:
        """The context that an effect is done in: of the tool that wants it, of the code, of the plan, of the run.

        Args:
            key: The effect's path.
            origin: "code" where running code wants it.
        """
        path = key
        while path:
            path = path.rpartition(".")[0]
            if (found := self.paths.get(path)) is not None:
                return found.context
        if origin == "code" and self.code is not None:
            return self.code.context
        return (self.plan or self.opened).context

    def called(self, call_id: str, key: str) -> Context:
        """The context of an inner run.

        Args:
            call_id: The tool call that asked for it, "" if none.
            key: The path of the effect that did.
        """
        found = self.tools.get(call_id)
        return self.place(key) if found is None else found.context

    # ---- plans -----------------------------------------------------------------

    def planning(self) -> None:
        """A model is asked for a plan."""
        if self.plan is None:
            first = {names.OPERATION: "plan", names.AGENT: self.run.name, names.KIND: "CHAIN"}
            name = f"plan {self.run.name}".strip()
            self.plan = self.telemetry.open(name, self.opened.context, first)

    def planned(self) -> None:
        """The plan is there, or won't be."""
        if self.plan is not None:
            self.plan.end()
            self.plan = None

    # ---- tools -----------------------------------------------------------------

    def tool_begins(self, effect: CallTool) -> None:
        """A tool is about to be called.

        Args:
            effect: The call.
        """
        call, tool = effect.call, effect.tool
        if effect.origin == "plugin" and any(name == call.name for name in self._around(effect.id)):
            return  # a step of a call that has a span already
        first = {names.OPERATION: "execute_tool", names.TOOL: call.name, names.TOOL_TYPE: "function"}
        more: dict[str, Any] = {names.TOOL_CALL: call.id, names.STEP: self.run.step_number}
        more |= {names.ORIGIN: effect.origin}
        if description := getattr(tool, "description", ""):
            more[names.TOOL_DESCRIPTION] = description
        if getattr(tool, "remote_name", "") and getattr(tool, "server", ""):
            more[names.MCP_METHOD] = "tools/call"
            self._mcp.add(call.id)
        if self.telemetry.settings.on_spans:
            more[names.ARGUMENTS] = HIDDEN if tool.secret else self.words.value(call.arguments)
        above = self.place(effect.id, effect.origin)
        self.tools[call.id] = self.paths[effect.id] = self._tool(call.name, above, first, more)

    def _around(self, key: str) -> list[str]:
        """The names of the tools whose calls an effect is part of."""
        found = [opened.facts[names.TOOL] for path, opened in self.paths.items() if key.startswith(f"{path}.")]
        return [str(name) for name in found]

    def _tool(
        self, name: str, above: Context, first: dict[str, Any], more: dict[str, Any], started: int | None = None
    ) -> Opened:
        first = {**first, names.KIND: "TOOL"}
        metric = self.telemetry.metrics.tool
        return self.telemetry.open(f"execute_tool {name}", above, first, more=more, metric=metric, started=started)

    def tool_ends(self, event: ToolFinished, resumed: bool) -> None:
        """A tool call is over; one that never began, because it was denied or made no sense, has its span too.

        Args:
            event: How.
            resumed: Whether it may have begun in another trace.
        """
        call = event.call
        if call.id in self.over:
            return
        self.over.add(call.id)
        opened = self.tools.pop(call.id, None)
        if opened is None:
            if resumed:
                return
            first = {names.OPERATION: "execute_tool", names.TOOL: call.name, names.TOOL_TYPE: "function"}
            more = {names.TOOL_CALL: call.id, names.STEP: self.run.step_number}
            opened = self._tool(call.name, (self.code or self.plan or self.opened).context, first, more)
            if call.name not in self.run.bound.tools:
                opened.facts[names.TOOL] = OTHER  # models make up names without end, and each would be a time series
        self.paths = {path: one for path, one in self.paths.items() if one is not opened}
        if call.id in self._mcp:
            facts = {names.MCP_METHOD: "tools/call", names.TOOL: call.name}
            facts |= {names.ERROR: "tool_error"} if event.error is not None else {}
            self.telemetry.metrics.mcp.record(opened.seconds, facts, context=opened.context)
        if self.telemetry.settings.on_spans and event.error is None:
            opened.span.set_attribute(names.RESULT, self.words.value(event.value))
        tool = self.run.bound.tools.get(call.name)
        self._end_tool(opened, event.error, tool is not None and tool.secret)

    def _end_tool(self, opened: Opened, words: str | None, secret: bool = False) -> None:
        if words is None:
            opened.end()
            return
        kind = OTHER if opened.error is None else names.error_type(opened.error)
        error = None if secret else opened.error
        words = "a secret tool failed" if secret else words
        self.telemetry.tell_exception(names.TOOL_EXCEPTION, opened, kind, words, error)
        opened.end(kind, words)

    def remembering(self, effect: CallTool, above: Context) -> Opened | None:
        """The span of what a tool does to a memory, where it says that it does.

        Args:
            effect: The call.
            above: The context of the tool's own span.
        """
        operation = getattr(effect.tool, "memory_operation", "")
        if operation not in names.MEMORY:
            return None
        kind = "RETRIEVER" if operation == "search_memory" else "CHAIN"
        first = {names.OPERATION: operation, names.KIND: kind}
        first |= {names.MEMORY_STORE: getattr(effect.tool, "memory_store", "")}
        return self.telemetry.open(operation, above, first)

    # ---- code ------------------------------------------------------------------

    def code_begins(self, code: str, key: str) -> Opened:
        """Code begins to run.

        Args:
            code: The code; "" where it began in another trace.
            key: The effect's path.
        """
        first = {names.OPERATION: "execute_tool", names.TOOL: names.INTERPRETER, names.TOOL_TYPE: "extension"}
        more: dict[str, Any] = {names.STEP: self.run.step_number}
        if self.telemetry.settings.on_spans and code:
            more[names.ARGUMENTS] = self.words.value({"code": code})
        above = self.place(key)
        self.code = self._tool(names.INTERPRETER, above, first, more)
        return self.code

    def code_turned(self, turn: Any) -> None:
        """The code holds still for answers, or has ended.

        Args:
            turn: `Paused` or `Done`.
        """
        opened = self.code
        if opened is None or not isinstance(turn, Done):
            return
        self.code = None
        if self.telemetry.settings.on_spans:
            result = turn.stdout if turn.value is None else turn.value
            opened.span.set_attribute(names.RESULT, self.words.value(result))
        if turn.error is None:
            opened.end()
            return
        words = f"{turn.error.kind}: {turn.error.message}"
        self.telemetry.tell_exception(names.TOOL_EXCEPTION, opened, turn.error.kind, words, None)
        opened.end(turn.error.kind, words)

    def code_failed(self, error: BaseException) -> None:
        """The code couldn't be run to its end.

        Args:
            error: Why.
        """
        if self.code is not None:
            self.code.error, opened, self.code = error, self.code, None
            self._end_tool(opened, str(error))

    # ---- the end ----------------------------------------------------------------

    def end(self, state: str) -> None:
        """End what is open, the run itself at last.

        Args:
            state: How the run ended; "suspended" where it goes on later, "given up" where nobody waits for it.
        """
        cut = "" if state == "suspended" else "cancelled"
        inner: Sequence[Opened | None] = (*self.tools.values(), self.code, self.plan)
        for one in inner:
            if one is not None:
                one.end(cut)
        self.over |= set(self.tools)
        self.tools, self.paths, self.code, self.plan = {}, {}, None, None
        run, opened = self.run, self.opened
        self._used(run.usage)
        opened.span.set_attribute(names.RUN_STATE, state)
        if self.telemetry.settings.on_spans and run.output is not None:
            opened.span.set_attribute(names.OUTPUT, self.words.said("assistant", run.output))
        facts = {name: opened.facts[name] for name in (names.AGENT,) if name in opened.facts}
        model_calls, tool_calls = self._calls
        self.telemetry.metrics.model_calls.record(run.calls("model") - model_calls, facts, context=opened.context)
        self.telemetry.metrics.tool_calls.record(run.calls("tool") - tool_calls, facts, context=opened.context)
        bad = state in BAD_ENDS
        kind = "" if not bad else "cancelled" if run.error is None else names.error_type(run.error)
        if run.error is not None and bad and kind != "cancelled":
            opened.span.record_exception(run.error)
        opened.end(kind, str(run.error or state) if bad else "")

    def _used(self, usage: Usage) -> None:
        span = self.opened.span
        span.set_attribute(names.INPUT_TOKENS, usage.input_tokens)
        span.set_attribute(names.OUTPUT_TOKENS, usage.output_tokens)
        if not self.telemetry.settings.latest and usage.cached_tokens:
            span.set_attribute(names.CACHE_READ, usage.cached_tokens)
        if not self.telemetry.settings.latest and usage.cache_write_tokens:
            span.set_attribute(names.CACHE_WRITE[False], usage.cache_write_tokens)


def kind_of(model: Any) -> SpanKind:
    """Whether a model is somebody else's service or works in this process.

    Args:
        model: The model.
    """
    return SpanKind.CLIENT if names.server_of(model) else SpanKind.INTERNAL
