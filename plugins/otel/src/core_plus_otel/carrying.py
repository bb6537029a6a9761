"""Performing an effect in an OpenTelemetry context, in whatever thread or task the driver does it.

The scheduler steps all branches of a run in one thread, so a context that was set there would be every branch's.
Here each small operation takes its context along and sets it where it is carried out, and only for as long: a tool's
own spans, an instrumented HTTP client and whoever injects the context into a message find the right parent.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import msgspec
from opentelemetry.context import Context, attach, detach

from core_plus.ops import Invoke, Open, Ops, Wait


def within(ops: Ops, carry: Callable[[Any], Any]) -> Ops:
    """The same operations, each changed on its way to the driver.

    Args:
        ops: From the engine.
        carry: Gives the operation to carry out instead.
    """
    given: Any = None
    failed: BaseException | None = None
    try:
        while True:
            try:
                op = ops.send(given) if failed is None else ops.throw(failed)
            except StopIteration as stop:
                return stop.value
            given = failed = None
            try:
                given = yield carry(op)
            except GeneratorExit:
                raise
            except BaseException as error:
                failed = error
    finally:
        ops.close()


def carried(op: Any, context: Context, heard: Callable[[], object] | None = None) -> Any:
    """An operation that is carried out in a context.

    Args:
        op: Any operation; those that call nothing are given back.
        context: Which.
        heard: Called at each piece of what is streamed.
    """
    if isinstance(op, Invoke):
        other = op.alternative and _in_context(op.alternative, context)
        return msgspec.structs.replace(op, function=_in_context(op.function, context), alternative=other)
    if isinstance(op, Open):
        other = op.alternative and _streaming(op.alternative, context, heard)
        return msgspec.structs.replace(op, function=_streaming(op.function, context, heard), alternative=other)
    if isinstance(op, Wait):
        return Wait(_awaited(op.awaitable, context))
    return op


def _in_context(function: Callable[..., Any], context: Context) -> Callable[..., Any]:
    called = getattr(function, "__call__", None)  # noqa: B004 (what kind it is, not whether)
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called):

        async def awaited(*args: Any, **kwargs: Any) -> Any:
            return await _awaited(function(*args, **kwargs), context)

        return awaited

    def call(*args: Any, **kwargs: Any) -> Any:
        token = attach(context)
        try:
            found = function(*args, **kwargs)
        finally:
            detach(token)
        return _awaited(found, context) if inspect.isawaitable(found) else found

    return call


async def _awaited(awaitable: Any, context: Context) -> Any:
    token = attach(context)
    try:
        return await awaitable
    finally:
        detach(token)


def _streaming(
    function: Callable[..., Any], context: Context, heard: Callable[[], object] | None
) -> Callable[..., Any]:
    begin = _in_context(function, context)

    @functools.wraps(begin)
    def opened(*args: Any) -> Any:
        stream = begin(*args)
        return (_AsyncStream if hasattr(stream, "__anext__") else _Stream)(stream, context, heard or int)

    return opened


class _Stream:
    """An iterator that is asked in a context."""

    def __init__(self, stream: Any, context: Context, heard: Callable[[], object]) -> None:
        self.stream, self.context, self.heard = stream, context, heard

    def __iter__(self) -> _Stream:
        return self

    def __next__(self) -> Any:
        found = _in_context(next, self.context)(self.stream)
        self.heard()
        return found

    def close(self) -> None:
        if hasattr(self.stream, "close"):
            _in_context(self.stream.close, self.context)()


class _AsyncStream:
    """The same for an async iterator."""

    def __init__(self, stream: Any, context: Context, heard: Callable[[], object]) -> None:
        self.stream, self.context, self.heard = stream, context, heard

    def __aiter__(self) -> _AsyncStream:
        return self

    async def __anext__(self) -> Any:
        found = await _awaited(anext(self.stream), self.context)
        self.heard()
        return found

    async def aclose(self) -> None:
        if hasattr(self.stream, "aclose"):
            await _awaited(self.stream.aclose(), self.context)
