"""`fallback:openai:a,anthropic:b`: a model that asks the next where one can't answer."""

from __future__ import annotations

import functools
import inspect
import time
import weakref
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Sequence,
)
from types import TracebackType
from typing import Any, cast

from core_plus import errors
from core_plus.errors import ConfigurationError, ModelError, OverloadedError
from core_plus.hookspecs import Register, hookimpl
from core_plus.host import Host
from core_plus.models import Delta, ModelRequest, ModelResponse, as_deltas
from core_plus_retry.breaker import Breaker

STAY = ("bad_request", "context_length", "content_refused")
"""Errors, by their `kind`, that are the request's own fault: another model would say the same."""


class Fallback:
    """Asks models in order until one answers. One object serves any number of runs at once.

    A model is passed over while it rests: after `failures` failures within `window` seconds it is left alone for
    `rest` seconds, then one call tries it. A stream goes on with the next model only before its first piece. Where
    every model fails, the error is of the kind of one that may pass, so that the call is made again later.

    Args:
        models: At least one, the preferred first.
        stay_on: Kinds of errors (`ModelError.kind`) that end the call. Without "context_length", what is too long
            for one model goes to the next.
        failures: See above.
        window: See above.
        rest: See above.
        clock: Gives seconds that never go back.

    Raises:
        ConfigurationError: No model, or a kind of error that doesn't exist.
    """

    def __init__(
        self,
        models: Sequence[Any],
        *,
        stay_on: Collection[str] = STAY,
        failures: int = 3,
        window: float = 60.0,
        rest: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not models:
            raise ConfigurationError("fallback needs models to choose from: fallback:openai:a,anthropic:b")
        if isinstance(stay_on, str) or (odd := {*stay_on} - _kinds()):
            what = repr(stay_on) if isinstance(stay_on, str) else ", ".join(sorted(odd))
            raise ConfigurationError(f"stay_on={what}: give a list of {', '.join(sorted(_kinds()))}")
        if failures < 1 or window <= 0 or rest <= 0:
            raise ConfigurationError(f"fallback: {failures=}, {window=} and {rest=} must all be above 0")
        self.models, self._stay_on = tuple(models), frozenset(stay_on)
        self._members = [(model, Breaker(failures, window, rest, clock)) for model in models]

    def __str__(self) -> str:
        return f"fallback:{','.join(map(str, self.models))}"

    def identity(self) -> str:
        """What a cache tells it by: its members, in order."""
        return " ".join(getattr(model, "identity", model.__str__)() for model in self.models)

    def __repr__(self) -> str:
        return f"<{self}>"

    def forward(self, request: ModelRequest) -> ModelResponse:
        """Answer a request by the first model that can.

        Args:
            request: All that is asked.

        Raises:
            ModelError: None could, or the request is at fault.
            ConfigurationError: A model is async only.
        """
        attempts = _Attempts(self._members, self._stay_on, request)
        for attempt in attempts:
            with attempt:
                return _answered(attempt.model, request)
        raise attempts.failure(str(self))

    def stream(self, request: ModelRequest) -> Iterator[Delta]:
        """Answer as it comes, by the first model that begins to.

        Args:
            request: All that is asked.

        Raises:
            ModelError: As `forward`.
            ConfigurationError: A model is async only.
        """
        attempts = _Attempts(self._members, self._stay_on, request)
        for attempt in attempts:
            with attempt:
                for delta in _pieces(attempt.model, request):
                    attempt.gave = True
                    yield delta
                return
        raise attempts.failure(str(self))

    async def aforward(self, request: ModelRequest) -> ModelResponse:
        """As `forward`, on the running event loop.

        Args:
            request: All that is asked.
        """
        attempts = _Attempts(self._members, self._stay_on, request)
        for attempt in attempts:
            with attempt:
                return await _aanswered(attempt.model, request)
        raise attempts.failure(str(self))

    async def astream(self, request: ModelRequest) -> AsyncIterator[Delta]:
        """As `stream`, on the running event loop.

        Args:
            request: All that is asked.
        """
        import contextlib

        attempts = _Attempts(self._members, self._stay_on, request)
        for attempt in attempts:
            with attempt:
                async with contextlib.aclosing(_apieces(attempt.model, request)) as deltas:
                    async for delta in deltas:
                        attempt.gave = True
                        yield delta
                return
        raise attempts.failure(str(self))


class _Attempt:
    """A try with one model. As a context manager it keeps the errors after which the next model is asked."""

    def __init__(self, model: Any, breaker: Breaker, attempts: _Attempts) -> None:
        self.model, self.gave = model, False
        self._breaker, self._attempts = breaker, attempts

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: Any, error: BaseException | None, trace: TracebackType | None) -> bool:
        if error is None:
            self._breaker.succeeded()
            return False
        if not isinstance(error, ModelError) or self._attempts.stopped(error):
            self._breaker.abandoned()
            return False
        if self._attempts.is_at_fault(error):
            self._breaker.succeeded()  # whoever refuses a request is well
            return False
        self._breaker.failed()
        error.partial = error.partial or self.gave
        if not error.partial:
            self._attempts.errors.append(error)
        return not error.partial


class _Attempts:
    """The tries of one call: which model is next, and what became of those before."""

    def __init__(self, members: Iterable[tuple[Any, Breaker]], stay_on: Collection[str], request: ModelRequest) -> None:
        self._members, self._stay_on, self._stop = members, stay_on, request.cancellation
        self.errors: list[ModelError] = []
        self.resting: list[tuple[float, Any]] = []

    def __iter__(self) -> Iterator[_Attempt]:
        for model, breaker in self._members:
            if left := breaker.enter():
                self.resting.append((left, model))
            else:
                yield _Attempt(model, breaker, self)

    def stopped(self, error: ModelError) -> bool:
        """Whether nobody waits for an answer any more."""
        return error.kind == "cancelled" or bool(self._stop and self._stop.cancelled)

    def is_at_fault(self, error: ModelError) -> bool:
        """Whether it is the request that another model would refuse too."""
        return error.kind in self._stay_on

    def failure(self, chain: str) -> ModelError:
        """The error for a call that no model could answer."""
        if len(self.errors) == 1 and not self.resting:
            return self.errors[0]
        said = [str(error) for error in self.errors]
        said += [f"{model} failed too often and rests for {left:.3g} s" for left, model in self.resting]
        hopeful = [error for error in self.errors if error.retryable]
        chosen = min(hopeful, key=lambda error: error.retry_after or 0.0) if hopeful else None
        if chosen is None and self.resting:
            chosen = OverloadedError("", retry_after=min(left for left, _ in self.resting))
        chosen = chosen or self.errors[-1]
        error = type(chosen)("no model could answer: " + "; ".join(said))
        error.provider, _, error.model = chain.partition(":")
        error.status, error.request_id, error.retry_after = chosen.status, chosen.request_id, chosen.retry_after
        error.__cause__ = self.errors[-1] if self.errors else None
        return error


def _answered(model: Any, request: ModelRequest) -> ModelResponse:
    found = model.forward(request)
    if isinstance(found, ModelResponse):
        return found
    if inspect.iscoroutine(found):
        found.close()
    raise ConfigurationError(f"{model} can't answer a sync run within a fallback; use arun(), or a model that can")


def _pieces(model: Any, request: ModelRequest) -> Iterator[Delta]:
    deltas = model.stream(request) if hasattr(model, "stream") else as_deltas(_answered(model, request))
    if not hasattr(deltas, "__iter__"):
        raise ConfigurationError(f"{model} can't stream to a sync run within a fallback; use astream()")
    yield from deltas


async def _aanswered(model: Any, request: ModelRequest) -> ModelResponse:
    import asyncio

    if hasattr(model, "aforward"):
        return cast("ModelResponse", await model.aforward(request))
    found: Any = await asyncio.to_thread(model.forward, request)
    return cast("ModelResponse", await found if inspect.isawaitable(found) else found)


async def _apieces(model: Any, request: ModelRequest) -> AsyncGenerator[Delta, None]:
    import asyncio
    import contextlib

    begin = getattr(model, "astream", None) or getattr(model, "stream", None)
    deltas: Any = begin(request) if begin else as_deltas(await _aanswered(model, request))
    if isinstance(deltas, AsyncIterable):
        async with contextlib.AsyncExitStack() as stack:
            if hasattr(deltas, "aclose"):
                stack.push_async_callback(deltas.aclose)
            async for delta in deltas:
                yield delta
        return
    pieces = iter(deltas)
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece


def _kinds() -> set[str]:
    return {value.kind for value in vars(errors).values() if isinstance(value, type) and issubclass(value, ModelError)}


@hookimpl
def register_models(register: Register, host: Host) -> None:
    """Declare the model "fallback"."""
    # The host holds the factory: a reference back would keep it from being collected.
    register(
        "fallback",
        functools.partial(_chain, weakref.proxy(host)),
        summary="asks the next model where one can't answer: fallback:openai:a,anthropic:b",
    )


def _chain(
    host: Host,
    model_id: str = "",
    *,
    stay_on: Collection[str] = STAY,
    failures: int = 3,
    window: float = 60.0,
    rest: float = 30.0,
) -> Fallback:
    models = [host.model(ref.strip()) for ref in model_id.split(",") if ref.strip()]
    return Fallback(models, stay_on=stay_on, failures=failures, window=window, rest=rest)
