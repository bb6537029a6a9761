"""Drives sessions, sync or async, the way an agent does."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Final

import pytest

from core_plus.executors import Answer, CodeRequest, Done, Executor, Limits, Paused, Session, Setup, Turn

PATIENCE: Final = 30.0
"""Seconds in which anything must have happened, on any machine."""


def answered(request: CodeRequest, functions: Mapping[str, Callable[..., Any]]) -> Answer:
    """Call the function that code asks for.

    Args:
        request: What it asks.
        functions: By name.
    """
    try:
        return Answer(request.id, functions[request.name](*request.args, **request.kwargs))
    except Exception as error:
        return Answer(request.id, error=str(error), kind=type(error).__name__)


class Driven:
    """A session whose methods are plain functions, whatever they are beneath.

    Args:
        session: The session.
        loop: Where its coroutines run.
        functions: What its code may call.
    """

    def __init__(self, session: Session, loop: Loop, functions: Mapping[str, Callable[..., Any]]) -> None:
        self.session, self._loop, self._functions = session, loop, functions
        self.is_async = inspect.iscoroutinefunction(session.start)

    def start(self, code: str) -> Turn:
        """Run a snippet up to its first pause."""
        turn: Turn = self._loop.settle(self.session.start(code))
        return turn

    def resume(self, *answers: Answer) -> Turn:
        """Answer and go on."""
        turn: Turn = self._loop.settle(self.session.resume(answers))
        return turn

    def run(self, code: str) -> Done:
        """Run a snippet to its end, and answer what it asks at once."""
        turn = self.start(code)
        while isinstance(turn, Paused):
            turn = self.resume(*(answered(request, self._functions) for request in turn.requests))
        return turn

    def value(self, code: str) -> Any:
        """What a snippet that must end well gives."""
        done = self.run(code)
        assert done.error is None, done.error
        return done.value

    def until(self, count: int, turn: Turn) -> list[CodeRequest]:
        """Wait until so many requests are open.

        Args:
            count: How many.
            turn: Where the snippet stands.
        """
        requests: list[CodeRequest] = []
        deadline = time.monotonic() + PATIENCE
        while True:
            assert isinstance(turn, Paused), turn
            requests += turn.requests
            if len(requests) >= count:
                return requests
            assert time.monotonic() < deadline, f"{len(requests)} of {count} requests came"
            turn = self.resume()

    def to_end(self, turn: Turn) -> Done:
        """Wait until the snippet has ended, without answering anything."""
        while isinstance(turn, Paused):
            turn = self.resume()
        return turn

    def close(self) -> None:
        """End the session."""
        self._loop.settle(self.session.close())


class Loop:
    """Where coroutines of one test run."""

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None

    def settle(self, value: Any) -> Any:
        """The value itself, or what it gives when awaited."""
        if not inspect.isawaitable(value):
            return value
        if self._runner is None:
            self._runner = asyncio.Runner()

        async def settled() -> Any:
            return await value

        return self._runner.run(settled())

    def close(self) -> None:
        """End the loop, if there was need of one."""
        if self._runner is not None:
            self._runner.close()


Open = Callable[..., Driven]


class Base:
    """The fixtures of the kit."""

    deviations: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture
    def executor(self) -> Executor:
        """The executor under test; override it. It must be closed after the test."""
        raise NotImplementedError(f"{type(self).__name__} must give the fixture `executor`")

    @pytest.fixture(autouse=True)
    def _declared(self, request: pytest.FixtureRequest) -> None:
        name = getattr(request.node, "originalname", request.node.name)
        if name in self.deviations:
            pytest.skip(f"deviates: {self.deviations[name]}")

    @pytest.fixture
    def opened(self, executor: Executor) -> Iterator[Open]:
        """Opens sessions: by functions, limits and what else a `Setup` has."""
        loop, sessions = Loop(), list[Driven]()

        def open_(functions: Mapping[str, Callable[..., Any]] | None = None, **setup: Any) -> Driven:
            limits = setup.pop("limits", Limits(seconds=PATIENCE))
            given = Setup(functions=tuple(functions or ()), limits=limits, **setup)
            session = Driven(loop.settle(executor.open(given)), loop, functions or {})
            sessions.append(session)
            return session

        yield open_
        for session in sessions:
            session.close()
        loop.close()

    def test_each_declared_deviation_is_a_test_of_the_kit(self) -> None:
        assert [name for name in self.deviations if not hasattr(self, name)] == []
