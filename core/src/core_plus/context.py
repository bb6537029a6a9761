"""What a tool, an instruction or a check may know of the run it works in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from core_plus.cancellation import Cancellation
    from core_plus.messages import Message, Usage
    from core_plus.run import Run

Deps = TypeVar("Deps")


class RunContext(Generic[Deps]):
    """The run as a tool sees it. A parameter of this type is filled in and never shown to the model.

    Args:
        run: The run in progress.
        call_id: The id of the tool call in progress, "" outside one.
    """

    __slots__ = ("_run", "call_id")

    def __init__(self, run: Run, call_id: str = "") -> None:
        self._run, self.call_id = run, call_id

    @property
    def deps(self) -> Deps:
        """What the caller gave as `run(deps=...)`."""
        deps: Deps = self._run.deps
        return deps

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self._run.id

    @property
    def idempotency_key(self) -> str:
        """The same for the same call in every attempt and every process: for services that take such a key."""
        return f"{self._run.id}/{self.call_id}"

    @property
    def agent_name(self) -> str:
        """The agent's name, "" where it has none."""
        return self._run.name

    @property
    def task(self) -> str:
        """The task in words."""
        return self._run.task

    @property
    def step_number(self) -> int:
        """The step in progress, from 1."""
        return self._run.step_number

    @property
    def state(self) -> dict[str, Any]:
        """The run's own variables: `run(variables=...)` and what tools put there."""
        return self._run.variables

    @property
    def messages(self) -> list[Message]:
        """The conversation so far, the system prompt left out."""
        return list(self._run.history)

    @property
    def usage(self) -> Usage:
        """Tokens used so far, those of managed agents included."""
        return self._run.usage

    @property
    def cancellation(self) -> Cancellation:
        """The run's stop signal, to register a callback with."""
        return self._run.cancellation

    @property
    def cancelled(self) -> bool:
        """Whether the run was interrupted: a long tool looks here and returns."""
        return self._run.cancellation.cancelled

    def emit(self, data: Any) -> None:
        """Show progress: a `ToolProgress` event reaches the stream, the UI and the observers.

        Args:
            data: Anything that a UI can show, a text at best.
        """
        self._run.progress(self.call_id, data)
