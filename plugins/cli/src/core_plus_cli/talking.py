"""A conversation on the command line: each task is shown while it is done, and what was said is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from core_plus.agents import CodeAgent, MultiStepAgent
from core_plus.errors import AuthenticationError, ConfigurationError, ModelConnectionError, ModelNotFoundError
from core_plus.events import ActionStep
from core_plus.memory import dump_steps, load_steps
from core_plus.result import RunResult
from core_plus.run import Run
from core_plus.stream import EventStream
from core_plus.ui import UI
from core_plus_cli import credentials, places, storage
from core_plus_cli.command import ANSWERED, FAILED, INTERRUPTED, PIPE_CLOSED, SUSPENDED, say
from core_plus_cli.watching import CtrlC, Watched

HINTS = (
    (AuthenticationError, "keep a key with `core-plus keys set {provider}`, or set {variable}"),
    (ModelConnectionError, "--base-url says where the server is"),
    (ModelNotFoundError, "check the model's name in -m provider:id, and --base-url"),
)
"""What a person can do about a model's failure."""


class Talk:
    """Tasks one after another, each going on from those before.

    Args:
        agent: Who does them.
        ui: What shows them; None shows nothing and asks nobody.
        pieces: Whether replies are asked for piece by piece, where the UI shows them so.
        go_on: Whether to begin where the saved conversation ended.
        keep: Whether to save what is said.

    Raises:
        ConfigurationError: There is no saved conversation, or it can't be read.
    """

    def __init__(
        self,
        agent: MultiStepAgent[Any, Any],
        ui: UI | None,
        *,
        pieces: bool = True,
        go_on: bool = False,
        keep: bool = True,
    ) -> None:
        self._agent, self._ui, self._pieces, self._keep = agent, ui, pieces, keep
        self._place = places.in_words(agent.executor) if isinstance(agent, CodeAgent) else ""
        self._session = agent.session(saved_steps() if go_on else ())
        self.unread = self._is_kept = False

    def do(self, task: str, **options: Any) -> RunResult[Any]:
        """Do a task; Ctrl-C stops it.

        Args:
            task: In words.
            **options: As for an agent's `run`.
        """
        return self._driven(lambda **fresh: self._session.new_run(task, **options, **fresh))

    def go_on(self, begin: Callable[..., Run]) -> RunResult[Any]:
        """Go on with a run that is kept, or repeat it; Ctrl-C stops it.

        Args:
            begin: Gives the run, from the agent, `ui` and `cancellation`.
        """
        return self._driven(lambda **fresh: begin(self._agent, **fresh))

    def _driven(self, begin: Callable[..., Run]) -> RunResult[Any]:
        with CtrlC() as ctrl_c:
            watched = (
                Watched(self._ui, ctrl_c, pieces=self._pieces, place=self._place) if self._ui is not None else None
            )
            run = begin(ui=watched, cancellation=ctrl_c.cancellation)
            result = EventStream[Any](run).finish()
            self.unread = watched is not None and watched.unread
        self._is_kept = run.keeper is not None
        if self._keep:
            save_steps(run.steps)
        return result

    def explain(self, result: RunResult[Any], command: str) -> None:
        """Tell the person what can be done about a run that has no answer.

        Args:
            result: Of the run.
            command: "run", "chat" or "demo".
        """
        if self.unread:
            return
        done = sum(isinstance(step, ActionStep) and step.reply is not None for step in result.steps)
        kept = f"; {done} {'step is' if done == 1 else 'steps are'} kept" if self._keep else ""
        if result.state == "suspended":
            for question in result.questions:
                say(f"core-plus {command}: nobody could be asked: {question.text}")
            if self._is_kept:
                say(f"  It waits: core-plus runs answer {result.run_id} ANSWER")
            else:
                say(f"  Run it in a terminal to answer{kept}.")
        elif result.state == "interrupted":
            on = ": core-plus run -c TASK goes on from there" if command == "run" else ""
            if self._is_kept:
                on = f": core-plus runs resume {result.run_id} goes on with it"
            say(f"core-plus {command}: interrupted{kept}{on}.")
        elif hint := _hint(result.error):
            say(f"  {hint}")

    def forget(self) -> None:
        """Begin anew: what was said, and the variables in code, are gone."""
        self._session.close()
        self._session = self._agent.session()

    def close(self) -> None:
        """End the code's session."""
        self._session.close()

    def status(self, result: RunResult[Any]) -> int:
        """The exit status that tells how a run ended.

        Args:
            result: Of the run.
        """
        if self.unread:
            return PIPE_CLOSED
        if result.answered:
            return ANSWERED
        return {"suspended": SUSPENDED, "interrupted": INTERRUPTED}.get(result.state, FAILED)


def _hint(error: BaseException | None) -> str:
    while error is not None:
        for kind, hint in HINTS:
            if isinstance(error, kind):
                provider = error.provider or "PROVIDER"
                return hint.format(provider=provider, variable=credentials.variable_of(provider))
        error = error.__cause__
    return ""


def saved_steps() -> list[Any]:
    """The steps of the last conversation.

    Raises:
        ConfigurationError: There is none, or it can't be read; the text names the file.
    """
    path = storage.state_folder() / "conversation.json"
    data = storage.read(path)
    if data is None:
        raise ConfigurationError("there is no conversation to go on with: leave -c out")
    try:
        return list(load_steps(data))
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"the conversation in {path} can't be read: {error}; leave -c out") from error


def save_steps(steps: Sequence[Any]) -> None:
    """Keep a conversation, in place of the last one.

    Args:
        steps: All its steps.
    """
    try:
        storage.write(storage.state_folder() / "conversation.json", dump_steps(steps))
    except (ConfigurationError, TypeError, ValueError) as error:  # the answer counts for more than its keeping
        say(f"core-plus: the conversation isn't kept for -c: {error}")
