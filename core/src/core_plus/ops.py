"""What the engine asks of the drivers: small operations that call, wait, branch or hold still."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from typing import Any, Literal, TypeAlias

import msgspec

from core_plus.effects import Outcome, Question
from core_plus.events import Event


class Op(msgspec.Struct, gc=False):
    """Something for a driver to carry out."""


class Emit(Op):
    """Pass an event on to whoever reads the stream."""

    event: Event


class Invoke(Op):
    """Call a function, sync or async; `alternative` is its async form, where there is one.

    `where` a sync one runs: "caller", always in the thread of the run; "blocking", there in a sync run and
    in a worker thread in an async one; "worker", always in a worker thread, so that it can be given up when
    the run is told to stop or after `timeout` seconds, and `given_up` is told. What is to be done `to_the_end` is
    waited for even when the run is told to stop: cleaning up.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    alternative: Callable[..., Any] | None = None
    where: Literal["caller", "blocking", "worker"] = "blocking"
    timeout: float | None = None
    given_up: Callable[[Any], None] | None = None
    to_the_end: bool = False


class Wait(Op):
    """Wait for something awaitable."""

    awaitable: Any


class Next(Op):
    """The next of an iterator, sync or async; `END` after the last."""

    iterator: Any


class Open(Op):
    """Begin to stream: `function` in a sync run, `alternative` in an async one, whichever there is."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    alternative: Callable[..., Any] | None = None


class Spawn(Op):
    """Start a branch beside this one."""

    nursery: Nursery
    key: Any
    ops: Ops


class Collect(Op):
    """Wait for the first branch of a nursery that is done."""

    nursery: Nursery


class Suspend(Op):
    """Nobody is there to answer: hold still until somebody does."""

    question: Question


class Turn(Op):
    """Go on when nothing else can, the smallest number first: how a record's order is kept when it is repeated."""

    number: float


class Nursery:
    """The branches begun by one generator of effects: which are done, and who collects them."""

    __slots__ = ("collector", "done")

    def __init__(self) -> None:
        self.done: deque[tuple[Any, Outcome]] = deque()
        self.collector: Any = None


Ops: TypeAlias = Generator[Op, Any, Any]
END = object()
