"""The trace of one run with all its inner runs.

It stands where a journal stands, around each effect that is performed, and hands on to the run's journal, if it has
one. So it sees what is done and not what a journal repeats; an effect's own operations take its context along; and
however the run ends, given up in the middle too, its spans are ended. Events tell it the rest: plans, tools that were
denied, inner runs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from opentelemetry.trace import SpanContext

from core_plus import effects as fx
from core_plus.events import Event, PlanningStep, RunFinished, StepStarted, ToolFinished
from core_plus.journal import Keeper
from core_plus.ops import Ops
from core_plus.run import Run
from core_plus_otel import names
from core_plus_otel.agent import Agent
from core_plus_otel.asking import Asking
from core_plus_otel.carrying import carried, within
from core_plus_otel.telemetry import Telemetry, current


class Trace:
    """A run's keeper and observer for the time of the run; see the module's text.

    Args:
        telemetry: Of the host.
        run: The outermost run.
    """

    wants_deltas = False

    def __init__(self, telemetry: Telemetry, run: Run) -> None:
        self._telemetry, self._run = telemetry, run
        self._inner: Keeper | None = None
        self._agents: dict[str, Agent] = {}
        self._left: dict[str, SpanContext] = {}
        # Something was done before anybody looked: it stands in another trace.
        self._is_resumed = run.calls("model") + run.calls("tool") > 0

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._inner, name)  # what else the run's journal can do

    def expect(self, run: Run, effect: fx.Effect) -> None:
        """An effect is about to be performed.

        Args:
            run: Whose.
            effect: What.
        """
        self._take_place()
        agent = self._agent(run)
        if isinstance(effect, fx.CallTool):
            agent.tool_begins(effect)

    def _take_place(self) -> None:
        root = self._run
        if root.keeper is not self:
            self._inner, root.keeper = root.keeper, self
            if self not in root.observers:
                root.observers.append(self)

    def _leave(self, state: str) -> None:
        """End all spans, the innermost first, and stand no longer in the way."""
        if self._run.keeper is self:
            self._run.keeper = self._inner
        for agent in reversed([*self._agents.values()]):
            agent.end(state if state in ("suspended", "given up") else agent.run.state)
            self._left[agent.run.id] = agent.opened.span.get_span_context()
        self._agents.clear()
        self._is_resumed = state == "suspended"

    def _agent(self, run: Run) -> Agent:
        """A run's spans, begun where nothing of it was seen yet."""
        found = self._agents.get(run.id)
        if found is None:
            if run.parent is None:
                above = current()
            else:
                key = run.id.removeprefix(f"{self._run.id}-")
                above = self._agent(run.parent).called(run.call_id, key)
            before = self._left.pop(run.id, None)
            found = self._agents[run.id] = Agent(self._telemetry, run, above, self._is_resumed, before)
        return found

    # ---- the keeper --------------------------------------------------------------

    def keep(self, run: Run, key: str, effect: fx.Effect, perform: Callable[[], Ops]) -> Ops:
        """Have an effect performed in a span, or at least in the right context; unless a journal repeats it.

        Args:
            run: Whose effect.
            key: Its path.
            effect: What is wanted.
            perform: Does it.
        """
        traced = functools.partial(self._traced, run, key, effect, perform)
        if self._inner is not None:
            return (yield from self._inner.keep(run, key, effect, traced))
        run.tick()
        try:
            return (yield from traced())
        finally:
            run.tick()

    def said(self, run: Run, key: str, hear: Callable[[], Any]) -> Ops:
        """Hand on.

        Args:
            run: Whose effect.
            key: Of the effect, and what is asked.
            hear: Asks plugins.
        """
        return hear() if self._inner is None else (yield from self._inner.said(run, key, hear))

    def conclude(self) -> None:
        """The run is over; what it has told and nobody has heard yet is heard first."""
        if self._inner is not None:
            self._inner.conclude()
        for event in [*self._run.events]:
            self.observe(event)
        self._leave(self._run.state)

    def give_up(self) -> None:
        """Nobody waits for the run any more."""
        if self._inner is not None:
            self._inner.give_up()
        self._leave("given up")

    def _traced(self, run: Run, key: str, effect: fx.Effect, perform: Callable[[], Ops]) -> Ops:
        agent = self._agent(run)
        if isinstance(effect, fx.CallModel):
            return (yield from self._asked(agent, key, effect, perform))
        if isinstance(effect, fx.RunCode | fx.ResumeCode):
            return (yield from self._coded(agent, key, effect, perform))
        if isinstance(effect, fx.CallTool):
            return (yield from self._called(agent, key, effect, perform))
        context = agent.place(key)
        return (yield from within(perform(), lambda op: carried(op, context)))

    def _called(self, agent: Agent, key: str, effect: fx.CallTool, perform: Callable[[], Ops]) -> Ops:
        opened = agent.tools.get(effect.call.id)
        context = agent.place(key) if opened is None else opened.context
        memory = agent.remembering(effect, context)
        inner = context if memory is None else memory.context
        kind = ""
        try:
            return (yield from within(perform(), lambda op: carried(op, inner)))
        except BaseException as error:
            kind = names.error_type(error)
            if opened is not None:
                opened.error = error
            raise
        finally:
            if memory is not None:
                memory.end(kind)

    def _asked(self, agent: Agent, key: str, effect: fx.CallModel, perform: Callable[[], Ops]) -> Ops:
        if effect.purpose == "plan":
            agent.planning()
        asking = Asking(agent, effect, agent.place(key))
        try:
            response = yield from within(perform(), asking.carry)
        except BaseException as error:
            asking.failed(error)
            raise
        asking.replied(response)
        return response

    def _coded(self, agent: Agent, key: str, effect: Any, perform: Callable[[], Ops]) -> Ops:
        opened = agent.code if isinstance(effect, fx.ResumeCode) else None
        opened = opened or agent.code_begins(getattr(effect, "code", ""), key)
        context = opened.context
        try:
            turn = yield from within(perform(), lambda op: carried(op, context))
        except BaseException as error:
            agent.code_failed(error)
            raise
        agent.code_turned(turn)
        return turn

    # ---- the observer --------------------------------------------------------------

    def observe(self, event: Event) -> None:
        """See what no effect tells.

        Args:
            event: What happened.
        """
        kind = type(event)
        if kind is RunFinished and event.state == "suspended":  # type: ignore[attr-defined]
            self._leave("suspended")
            return
        agent = self._agents.get(event.run_id)
        if agent is None:
            return
        if isinstance(event, ToolFinished):
            agent.tool_ends(event, self._is_resumed)
        elif kind is PlanningStep or kind is StepStarted:
            agent.planned()
        elif kind is RunFinished and event.path:
            del self._agents[event.run_id]
            agent.end(agent.run.state)
