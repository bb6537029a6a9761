"""A run as its caller holds it: events to go through, a result at the end, a way to stop it."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from core_plus.driver import Waiting, adrive, drive
from core_plus.engine import perform_run
from core_plus.errors import ConfigurationError
from core_plus.events import Event
from core_plus.result import RunResult
from core_plus.run import Run
from core_plus.watching import notify

Out = TypeVar("Out")


class EventStream(Generic[Out]):
    """An iterator of events, or an async one: whichever is begun. After the last, `result` is there.

    Args:
        run: Fresh.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self._answers: Any = None
        self._driver: Any = None
        self._closed = False
        self.result: RunResult[Out] | None = None

    def __iter__(self) -> EventStream[Out]:
        return self

    def __aiter__(self) -> EventStream[Out]:
        return self

    def __next__(self) -> Event:
        driver = self._begun(drive, "send")
        try:
            return self._seen(driver.send(self._take()))
        except StopIteration as stop:
            if self.result is None:
                self.result = stop.value
            raise

    async def __anext__(self) -> Event:
        driver = self._begun(adrive, "asend")
        try:
            item = await driver.asend(self._take())
        except StopAsyncIteration:
            if self._closed:
                raise
            raise ConfigurationError(f"the run {self.run.id} can't go on: its event loop has ended") from None
        if isinstance(item, Event | Waiting):
            return self._seen(item)
        self.result = item.get()
        await driver.aclose()
        raise StopAsyncIteration

    def finish(self) -> RunResult[Out]:
        """Go through the rest; the result."""
        for _ in self:
            pass
        assert self.result is not None
        return self.result

    async def afinish(self) -> RunResult[Out]:
        """Go through the rest, async; the result."""
        async for _ in self:
            pass
        assert self.result is not None
        return self.result

    def answer(self, answer: Any) -> EventStream[Out]:
        """Answer what the run waits for; going through the events then goes on.

        Args:
            answer: The answer; a dict by question id where there are several questions.

        Raises:
            ConfigurationError: It doesn't wait, or the answer leaves open what is meant.
        """
        ids = {question.id for question in self.result.questions} if self.result else set()
        if not ids:
            raise ConfigurationError(
                f"the run {self.run.id} doesn't wait for an answer: its state is {self.run.state!r}"
            )
        if not (isinstance(answer, dict) and answer and set(answer) <= ids):
            if len(ids) > 1:
                raise ConfigurationError(
                    f"the run waits for {len(ids)} answers: give a dict by question id ({', '.join(sorted(ids))})"
                )
            answer = {ids.pop(): answer}
        self._answers, self.result = answer, None
        return self

    def interrupt(self) -> None:
        """Stop the run at once, from any thread; its result keeps what was done."""
        self.run.interrupt()

    def close(self) -> None:
        """Give the run up: what is in progress is stopped, what it holds is closed."""
        if hasattr(self._driver, "close"):
            self._driver.close()

    async def aclose(self) -> None:
        """The same for a run on the event loop."""
        self._closed = True
        if hasattr(self._driver, "aclose"):
            await self._driver.aclose()

    def _begun(self, driver: Any, way: str) -> Any:
        if self.result is not None:
            raise StopAsyncIteration if way == "asend" else StopIteration
        self._driver = self._driver or driver(perform_run(self.run), self.run)
        self.check_way(way == "asend")
        return self._driver

    def check_way(self, on_loop: bool) -> None:
        """Refuse to go on the other way than the run was begun.

        Args:
            on_loop: Whether it shall go on on an event loop.

        Raises:
            ConfigurationError: It was begun the other way.
        """
        if self._driver is not None and hasattr(self._driver, "asend") != on_loop:
            way = "sync and goes on sync: use resume()" if on_loop else "async and goes on async: use aresume()"
            raise ConfigurationError(f"the run {self.run.id} was begun {way}")

    def _seen(self, item: Any) -> Event:
        """An event; the last one, where the run holds still."""
        if isinstance(item, Waiting):
            self.result = self.run.result(item.questions)
            self.result.resumable = self
            self.run.emit(item := self.run.last_event("suspended"))
            for observer in [*self.run.observers]:
                notify(self.run, observer, item)
            self.run.events.clear()
        event: Event = item
        return event

    def _take(self) -> Any:
        answers, self._answers = self._answers, None
        return answers
