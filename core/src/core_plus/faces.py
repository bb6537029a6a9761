"""The ways to do a task, for agents and for conversations with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, cast

from core_plus.errors import ConfigurationError
from core_plus.generics import Deps, Out
from core_plus.result import RunResult
from core_plus.run import CodeSpace, Run
from core_plus.stream import EventStream

if TYPE_CHECKING:
    from core_plus.agents import Runnable


class Faces(Generic[Deps, Out]):
    """The four ways to do a task: wait for it or see it happen, in a thread or on an event loop."""

    __slots__ = ()

    def new_run(self, task: str, **options: Any) -> Run:
        """A run that hasn't begun."""
        raise NotImplementedError

    def run(self, task: str, **options: Any) -> RunResult[Out]:
        """Do a task and wait for it; also inside a running event loop.

        Args:
            task: What to do, in words.
            **options: deps (any object, for tools that take a `RunContext`), variables (a dict; code finds
                them), images and files (paths, URLs, PIL images, parts), message_history (messages of
                another run), max_steps, planning_interval, planning, limits, cancellation (a `Cancellation` to stop it
                with), ui (a name or a `UI`), observers, run_id, journal (an address such as "runs.sqlite", or
                a `Journal`).

        Returns:
            A `RunResult`, however the run ended; its `output` raises where there is none.

        Raises:
            ConfigurationError: The settings are wrong; nothing was started.
        """
        return EventStream[Out](self.new_run(task, **options)).finish()

    async def arun(self, task: str, **options: Any) -> RunResult[Out]:
        """Do a task on the running event loop.

        Args:
            task: What to do, in words.
            **options: As for `run`.
        """
        return await EventStream[Out](self.new_run(task, **options)).afinish()

    def stream(self, task: str, **options: Any) -> EventStream[Out]:
        """Do a task and see what happens while it happens.

        Args:
            task: What to do, in words.
            **options: As for `run`.

        Returns:
            An iterator of events; after the last, its `result` is there.
        """
        return EventStream[Out](self.new_run(task, streaming=True, **options))

    def astream(self, task: str, **options: Any) -> EventStream[Out]:
        """Do a task on the running event loop and see what happens while it happens.

        Args:
            task: What to do, in words.
            **options: As for `run`.

        Returns:
            An async iterator of events; after the last, its `result` is there.
        """
        return EventStream[Out](self.new_run(task, streaming=True, **options))

    def reopen(self, run_id: str, *, journal: Any = None, **options: Any) -> Run:
        """A kept run, ready to go on."""
        raise NotImplementedError

    def resume(self, run: RunResult[Any] | str, answer: Any = None, **options: Any) -> RunResult[Out]:
        """Go on with a run: one that waits for a person, or one that a journal keeps.

        Args:
            run: The result of a run with state "suspended"; or the id of a kept run, however it ended, also of
                one whose process was killed.
            answer: The answer to what it waits for; a dict by question id where there are several.
            **options: For a kept run: journal, and what a journal can't keep, as for `run`: deps, ui, observers,
                cancellation, host; `changed=True` goes on with other plugins or tools than it began with.

        Raises:
            ConfigurationError: The run doesn't wait, or was started async.
            JournalError: It isn't kept there, another process has it, or plugins and tools aren't what they were.
        """
        if isinstance(run, str):
            return EventStream[Out](self.reopen(run, answer=answer, **options)).finish()
        return cast("RunResult[Out]", _waiting(run, False).answer(answer).finish())

    async def aresume(self, run: RunResult[Any] | str, answer: Any = None, **options: Any) -> RunResult[Out]:
        """Go on with a run on the running event loop.

        Args:
            run: As for `resume`.
            answer: As for `resume`.
            **options: As for `resume`.

        Raises:
            ConfigurationError: The run doesn't wait, or was started sync.
            JournalError: As for `resume`.
        """
        if isinstance(run, str):
            return await EventStream[Out](self.reopen(run, answer=answer, **options)).afinish()
        return cast("RunResult[Out]", await _waiting(run, True).answer(answer).afinish())


class Conversation(Faces[Deps, Out]):
    """Runs that go on from each other. Not for two runs at once.

    Args:
        agent: Who talks.
        steps: What was said before, from another conversation.
    """

    def __init__(self, agent: Runnable[Deps, Out], steps: Sequence[Any] = ()) -> None:
        self.agent, self.before = agent, steps
        self._space = CodeSpace(keep=True)
        self._last: Run | None = None

    @property
    def steps(self) -> list[Any]:
        """What was said so far."""
        return list(self._last.steps if self._last else self.before)

    def new_run(self, task: str, **options: Any) -> Run:
        """The next task; it goes on from the last.

        Args:
            task: What to do.
            **options: As for `run`.
        """
        self._last = self.agent.new_run(task, **{"steps": self.steps, **options, "space": self._space})
        return self._last

    def reopen(self, run_id: str, *, journal: Any = None, **options: Any) -> Run:
        """A kept run, ready to go on as the last one of this conversation.

        Args:
            run_id: Which.
            journal: Where it is kept.
            **options: As for `resume`.
        """
        self._last = self.agent.reopen(run_id, journal=journal, **{**options, "space": self._space})
        return self._last

    def close(self) -> None:
        """End the code session."""
        if (session := self._space.take()) is not None:
            self.agent.bind().host.close_one(session)

    def __enter__(self) -> Conversation[Deps, Out]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _waiting(result: RunResult[Any], on_loop: bool) -> EventStream[Any]:
    stream: EventStream[Any] | None = result.resumable
    if stream is None or stream.result is not result:
        raise ConfigurationError(
            f"the run {result.run_id} doesn't wait for an answer: its state is {result.run.state!r}"
        )
    stream.check_way(on_loop)
    return stream
