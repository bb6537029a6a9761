"""Policy around every effect: reviews, questions, limits, answers from plugins, observers.

`perform` turns a generator of effects into a generator of small operations, which the drivers in
`driver.py` carry out, sync or async. All that is decided is decided here, once.
"""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable
from typing import Any

import msgspec

from core_plus import effects as fx
from core_plus.asking import approve, ask, denied
from core_plus.cancellation import Interrupted
from core_plus.coding import resume_code, run_code
from core_plus.errors import (
    AgentDeniedError,
    AgentError,
    AgentGenerationError,
    AgentToolExecutionError,
    CorePlusError,
    JournalError,
    LimitReached,
    ModelError,
)
from core_plus.events import ModelReplied, ModelStarted, Warned
from core_plus.gate import giving_up
from core_plus.journal import kept, said
from core_plus.models import Collector, ModelResponse, as_deltas
from core_plus.ops import END, Collect, Invoke, Next, Nursery, Open, Ops, Spawn, Wait
from core_plus.result import RunResult
from core_plus.run import Run
from core_plus.watching import flush, show_delta


def perform_run(run: Run, prefix: str = "") -> Ops:
    """A whole run, inner or outermost: its loop performed, its end recorded.

    Args:
        run: Fresh.
        prefix: The path of the effect that asked for it, with a dot.
    """
    run.announce()
    try:
        yield from perform(run, run.bound.agent.loop(run), prefix)
    except Interrupted as stop:
        run.finish("interrupted", error=stop)
    except LimitReached as limit:
        run.finish("limit", error=limit)
    except Exception as error:
        run.finish("failed", error=error)
    except BaseException:
        run.cancellation.cancel("given up")
        if run.keeper is not None:
            run.keeper.give_up()
        if (session := run.space.take()) is not None:
            run.host.close_one(session)
        raise
    run.cancellation.release()
    if not run.finished:
        run.finish("failed", error=CorePlusError("the loop ended without an answer"))
    if run.keeper is not None:
        run.keeper.conclude()
    # A session whose code was left in the middle can't be used again, so a conversation doesn't keep it either.
    if (not run.space.keep or run.space.busy) and (session := run.space.take()) is not None:
        yield Invoke(session.close, to_the_end=True)
    run.emit(run.last_event(run.state))
    yield from flush(run)
    return run.result()


def perform(run: Run, loop: fx.Effects, prefix: str = "") -> Ops:
    """Perform a generator of effects.

    Args:
        run: Whose effects.
        loop: The generator.
        prefix: What the ids of its effects begin with.
    """
    scope = _Scope(run, prefix)
    value: Any = None
    failed: BaseException | None = None
    try:
        while True:
            try:
                effect = loop.send(value) if failed is None else loop.throw(failed)
            except StopIteration as stop:
                yield from flush(run)
                return stop.value
            if run.events:
                yield from flush(run)
            value = failed = None
            try:
                value = yield from scope.handle(effect)
            except GeneratorExit:
                raise
            except BaseException as error:
                failed = error
    finally:
        loop.close()


class _Scope:
    """The effects of one generator: their numbers, and the branches that it has begun."""

    __slots__ = ("begun", "count", "nursery", "prefix", "run")

    def __init__(self, run: Run, prefix: str) -> None:
        self.run, self.prefix, self.count, self.begun = run, prefix, 0, 0
        self.nursery = Nursery()

    def handle(self, effect: Any) -> Ops:
        if not isinstance(effect, fx.Effect):
            if inspect.isawaitable(effect):
                return (yield Wait(effect))
            raise TypeError(f"a loop yields effects, not {type(effect).__name__} {effect!r:.100}")
        self.run.cancellation.check()
        self.count += 1
        msgspec.structs.force_setattr(effect, "id", f"{self.prefix}{self.count}")
        if isinstance(effect, fx.Together):
            return (yield from self._together(effect))
        if isinstance(effect, fx.Begin):
            return (yield from self._begin(effect.key, perform(self.run, _branch(effect.branch), f"{effect.id}.")))
        if isinstance(effect, fx.FirstDone):
            return (yield from self._first_done())
        if isinstance(effect, fx.AskHuman):
            return (yield from ask(self.run, effect.id, effect.question))
        if isinstance(effect, fx.Consult):
            return (yield from _consulted(self.run, effect))
        if isinstance(effect, fx.CallTool) and effect.continues:
            return (yield from kept(self.run, effect.id, effect, lambda: _tool_called(self.run, effect)))
        return (yield from _reviewed(self.run, effect))

    def _together(self, effect: fx.Together) -> Ops:
        branches = [
            perform(self.run, _branch(branch), f"{effect.id}.{n}.") for n, branch in enumerate(effect.branches, 1)
        ]
        apart = _Scope(self.run, "")  # from what was begun before
        if len(branches) == 1:
            try:
                return [fx.Outcome((yield from branches[0]))]
            except Exception as error:
                return [fx.Outcome(error=error)]
        for n, ops in enumerate(branches):
            yield from apart._begin(n, ops)
        outcomes = {}
        for _ in branches:
            n, outcome = yield from apart._first_done()
            outcomes[n] = outcome
        return [outcomes[n] for n in range(len(branches))]

    def _begin(self, key: Any, ops: Ops) -> Ops:
        self.begun += 1
        yield Spawn(self.nursery, key, ops)

    def _first_done(self) -> Ops:
        """The first branch that is done; what ends the whole run is raised once all others have ended too."""
        if not self.begun:
            raise RuntimeError("FirstDone without a branch that was begun")
        self.begun -= 1
        key, outcome = yield Collect(self.nursery)
        if outcome.error is not None and not isinstance(outcome.error, Exception):
            for _ in range(self.begun):
                yield Collect(self.nursery)
            self.begun = 0
            raise outcome.error
        return key, outcome


def _branch(branch: fx.Branch) -> fx.Effects:
    return (yield branch) if isinstance(branch, fx.Effect) else (yield from branch)


def _reviewed(run: Run, effect: fx.Effect) -> Ops:
    """Reviews first, then an answer from a plugin, then the effect itself."""
    decision = yield from said(run, f"{effect.id}:review", lambda: run.host.reviews(run, effect))
    if isinstance(decision, fx.Deny):
        raise AgentDeniedError(denied(effect, decision.reason))
    if isinstance(decision, fx.Ask):
        yield from approve(run, effect, decision)
    if isinstance(decision, fx.Allow) and decision.max_tokens is not None and isinstance(effect, fx.CallModel):
        effect = _shortened(effect, decision.max_tokens)
    found = yield from said(run, f"{effect.id}:answer", lambda: run.host.answer(run, effect))
    if found is not None:
        return found.get()
    return (yield from _PERFORM[type(effect)](run, effect))


def _shortened(effect: fx.CallModel, most: int) -> fx.CallModel:
    """The same call with less to write."""
    wanted = effect.request.max_tokens
    request = msgspec.structs.replace(effect.request, max_tokens=most if wanted is None else min(most, wanted))
    return msgspec.structs.replace(effect, request=request)


def _consulted(run: Run, effect: fx.Consult) -> Ops:
    """A function of the user's: plain, async, or a generator of effects, which are kept one by one."""
    if inspect.isgeneratorfunction(effect.function):
        return (yield from perform(run, effect.function(*effect.args), f"{effect.id}."))

    def call() -> Ops:
        found = effect.function(*effect.args)
        if inspect.isgenerator(found):
            return (yield from perform(run, found, f"{effect.id}."))
        return (yield Wait(found)) if inspect.isawaitable(found) else found

    return (yield from kept(run, effect.id, effect, call))


def _call_model(run: Run, effect: fx.CallModel) -> Ops:
    """Attempts, until one gives a reply or no plugin wants another."""
    model = effect.model or run.bound.model
    for attempt in itertools.count(1):
        try:
            return (yield from _attempted(run, effect, model, f"{effect.id}.{attempt}"))
        except ModelError as error:
            again = None
            if not error.partial:
                hear = functools.partial(run.host.retry, run, effect, error, attempt)
                again = yield from said(run, f"{effect.id}.{attempt}:retry", hear)
            if again is None:
                raise AgentGenerationError(f"the model failed: {error}") from error
            model = model if again.model is None else run.host.model(again.model)
            way = "trying again" if again.model is None else f"going on with {model}"
            run.emit(Warned(text=f"{error}; {again.reason and again.reason + ': '}{way} in {again.after:.3g} s"))
        yield from flush(run)
        pause = functools.partial(_pause, run, again.after)
        yield from kept(run, f"{effect.id}.{attempt}+", fx.Pause(seconds=again.after), pause)


def _pause(run: Run, seconds: float) -> Ops:
    yield Invoke(run.cancellation.pause, (seconds,), alternative=run.cancellation.apause)


def _attempted(run: Run, effect: fx.CallModel, model: Any, key: str) -> Ops:
    run.check_limits("model")
    run.model_calls += 1
    began = run.root.now
    run.emit(ModelStarted(purpose=effect.purpose, messages=len(effect.request.messages)))
    yield from flush(run)
    response = yield from kept(run, key, effect, lambda: _replied(run, effect, model, key))
    run.count(response.usage)
    run.emit(ModelReplied(purpose=effect.purpose, response=response, seconds=run.root.now - began))
    return response


def _replied(run: Run, effect: fx.CallModel, model: Any, key: str) -> Ops:
    request = effect.request
    watched = run.streaming or any(getattr(observer, "wants_deltas", False) for observer in run.observers)
    try:
        if watched and (hasattr(model, "stream") or hasattr(model, "astream")):
            response = yield from _streamed(run, model, effect)
        else:
            response = yield Invoke(model.forward, (request,), alternative=getattr(model, "aforward", None))
            if inspect.isgenerator(response):
                response = yield from perform(run, response, f"{key}.")
            for delta in as_deltas(response) if watched else ():
                yield from show_delta(run, effect, delta)
    except Exception as error:
        if run.cancellation.cancelled:
            raise Interrupted(run.cancellation.reason) from error
        if isinstance(error, CorePlusError):
            raise
        raise AgentGenerationError(f"the model failed: {type(error).__name__}: {error}") from error
    if not isinstance(response, ModelResponse):
        raise AgentGenerationError(f"{model} gave {type(response).__name__} {response!r:.100}, not a ModelResponse")
    return response


def _streamed(run: Run, model: Any, effect: fx.CallModel) -> Ops:
    alternative = getattr(model, "astream", None)
    deltas = yield Open(getattr(model, "stream", None) or model.astream, (effect.request,), alternative)
    collector, delta = Collector(), None
    try:
        while (delta := (yield Next(deltas))) is not END:
            collector.add(delta)
            yield from show_delta(run, effect, delta)
    except ModelError as error:
        error.partial = error.partial or delta is not None
        raise
    return collector.response()


def _call_tool(run: Run, effect: fx.CallTool) -> Ops:
    run.check_limits("tool")
    run.tool_calls += 1
    if effect.tool.is_generator:  # its own effects are kept
        return (yield from _tool_called(run, effect))
    return (yield from kept(run, effect.id, effect, lambda: _tool_called(run, effect)))


def _tool_called(run: Run, effect: fx.CallTool) -> Ops:
    tool, call = effect.tool, effect.call
    try:
        if tool.is_generator:
            return (yield from perform(run, tool.invoke(effect.arguments), f"{effect.id}."))
        where: Any = "caller" if tool.is_async else tool.thread
        given_up = giving_up(run, call)
        return (yield Invoke(tool.invoke, (effect.arguments,), where=where, timeout=tool.timeout, given_up=given_up))
    except TimeoutError as error:
        if tool.timeout is None:
            raise AgentToolExecutionError(f"{call.name}: {type(error).__name__}: {error}") from error
        raise AgentToolExecutionError(
            f"{call.name} did not answer within {tool.timeout:g} seconds and was given up"
        ) from error
    except (AgentError, LimitReached, JournalError):
        raise
    except Exception as error:
        raise AgentToolExecutionError(f"{call.name}: {type(error).__name__}: {error}") from error


def _run_agent(run: Run, effect: fx.RunAgent) -> Ops:
    inner = effect.agent.new_run(
        effect.task,
        host=run.host,
        parent=run,
        call_id=effect.call_id,
        variables=effect.variables,
        message_history=effect.history,
        attachments=effect.attachments,
        run_id=f"{run.root.id}-{effect.id}",
    )
    result: RunResult[Any] = yield from perform_run(inner, f"{effect.id}.")
    if result.state == "interrupted" and run.cancellation.cancelled:
        raise Interrupted(run.cancellation.reason)
    if result.state == "limit":
        for kind in ("model", "tool"):
            run.check_limits(kind)  # the limit may be this run's own
    return result


def _read_steps(run: Run, effect: fx.ReadSteps) -> Ops:
    yield from ()
    return run.others(effect.since)


_PERFORM: dict[type, Callable[[Run, Any], Ops]] = {
    fx.CallModel: _call_model,
    fx.CallTool: _call_tool,
    fx.RunCode: lambda run, effect: kept(run, effect.id, effect, lambda: run_code(run, effect)),
    fx.ResumeCode: lambda run, effect: kept(run, effect.id, effect, lambda: resume_code(run, effect)),
    fx.RunAgent: _run_agent,
    fx.ReadSteps: _read_steps,
}
