"""`Run`, the state of one run in progress."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import msgspec

from core_plus.cancellation import Cancellation
from core_plus.context import RunContext
from core_plus.effects import Question
from core_plus.errors import LimitReached
from core_plus.events import Event, RunFinished, RunStarted, Step, ToolProgress
from core_plus.messages import Message, Usage
from core_plus.result import Abandoned, RunResult, State

if TYPE_CHECKING:
    from core_plus.bound import Bound
    from core_plus.executors import Session


@attrs.frozen(kw_only=True)
class RunLimits:
    """What a run, its managed agents included, may use. None is no limit.

    Args:
        seconds: Wall time.
        model_calls: Model calls.
        tool_calls: Tool calls, those from code too.
        tokens: Tokens, read and written.
    """

    seconds: float | None = None
    model_calls: int | None = None
    tool_calls: int | None = None
    tokens: int | None = None


@attrs.define
class CodeSpace:
    """The executor session of a run or a conversation; opened when code is first run.

    Args:
        session: The session, once there is one.
        keep: Whether it outlives the run.
        run_id: The run that used it last.
        busy: Whether a snippet was begun and not brought to its end.
        is_ready: Whether what the tools bring along has been run in it.
    """

    session: Session | None = None
    keep: bool = False
    run_id: str = ""
    busy: bool = False
    is_ready: bool = False

    def take(self) -> Session | None:
        """The session, which is the caller's to close from now on."""
        session, self.session, self.busy, self.is_ready = self.session, None, False, False
        return session


class Run:
    """One run in progress. The loop reads and records here; nothing of it is shared with other runs.

    Attributes:
        id: Unique.
        bound: The agent's settings with everything looked up.
        task: In words.
        steps: What was done so far, oldest first.
        history: The messages that come from the steps.
        variables: By name: what the caller gave and tools left.
        notes: A place for memories and plugins to keep what they know of this run.
        usage: Tokens so far, those of inner runs included.
        cancellation: The stop signal.
        step_number: The step in progress, from 1.
        now: Of the outermost run: the seconds since it began, as they were at the last effect.
        keeper: Of the outermost run: who keeps it in a journal, if anyone.
        seed: Of the outermost run: what random numbers in code begin with; None leaves them alone.
        calendar: Of the outermost run: the moment that it always is for code; None lets the time go on.
        remarks: What a person says before a step, by its number.
    """

    state: State = "running"
    output: Any = None
    error: BaseException | None = None
    step_number, planned_at, read_so_far, model_calls, tool_calls = 0, -1, 0, 0, 0
    post: Any = None
    keeper: Any = None
    now = 0.0
    clock_offset: float | None = 0.0
    seed: int | None = None
    calendar: float | None = None

    def __init__(
        self, bound: Bound, task: str, *, parent: Run | None = None, call_id: str = "", run_id: str | None = None,
        deps: Any = None, variables: Mapping[str, Any] | None = None, attachments: Sequence[Any] = (),
        message_history: Sequence[Message] | None = (), steps: Sequence[Step] = (), max_steps: int | None = None,
        planning_interval: Any = None, planning: Any = None, limits: RunLimits | None = None,
        cancellation: Cancellation | None = None, ui: Any = None, observers: Sequence[Any] = (),
        streaming: bool = False, space: CodeSpace | None = None,
    ) -> None:  # fmt: skip
        agent = bound.agent
        self.bound, self.task, self.parent, self.call_id = bound, task, parent, call_id
        self.host, self.name, self.tools = bound.host, agent.name or "", bound.tools
        self.id = run_id or secrets.token_hex(8)
        self.root: Run = parent.root if parent else self
        self.path: tuple[str, ...] = (*parent.path, self.name) if parent else ()
        self.deps: Any = parent.deps if parent else deps
        self.variables, self.attachments = dict(variables or {}), tuple(attachments)
        self.max_steps: int = agent.max_steps if max_steps is None else max_steps
        wishes = (planning, planning_interval, agent.planning, agent.planning_interval)
        self.planning = next((wish for wish in wishes if wish is not None), None)
        self.limits: RunLimits = limits or agent.limits
        self.cancellation: Cancellation = (
            Cancellation(parent.cancellation) if parent else cancellation or Cancellation()
        )
        self.ui: Any = parent.ui if parent else ui
        seeing = [*bound.host.observers, *observers, *([] if ui is None else [ui])]
        self.observers: list[Any] = parent.observers if parent else seeing
        self.streaming: bool = parent.streaming if parent else streaming
        self.space = space or CodeSpace()
        self.steps, self.before = list(steps), len(steps)
        self.given = len(message_history or ())
        self.history = [*(message_history or ()), *(said for step in steps for said in step.messages)]
        self.notes, self.remarks = dict[Any, Any](), dict[int, Sequence[Message]]()
        self.board: list[tuple[tuple[str, ...], str]] | None = [] if agent.share_memory else None
        self.events, self.children, self._usage = deque[Event](), list[Run](), Usage()
        self.abandoned: list[Abandoned] = parent.abandoned if parent else []
        self.clock_offset, self.started = -time.monotonic(), self.root.now
        self.failures: dict[int, int] = parent.failures if parent else {}
        if parent:
            parent.children.append(self)

    def tick(self) -> None:
        """Let the clock of the whole run move on. It stands still between effects, and where a record is repeated."""
        root = self.root
        if root.clock_offset is not None:
            root.now = time.monotonic() + root.clock_offset

    # ---- what the loop does with it --------------------------------------

    @property
    def context(self) -> RunContext[Any]:
        """The run as tools and instructions see it."""
        return RunContext(self)

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to do."""
        return self.state != "running"

    @property
    def remaining_steps(self) -> int:
        """Steps that may still be taken."""
        return self.max_steps - self.step_number

    @property
    def usage(self) -> Usage:
        """Tokens so far, those of inner runs included."""
        total = self._usage
        for child in self.children:
            total += child.usage
        return total

    @property
    def own_usage(self) -> Usage:
        """Tokens of this run alone."""
        return self._usage

    def spent_since(self, before: Usage) -> Usage:
        """What this run alone used since.

        Args:
            before: `own_usage` then.
        """
        now = self._usage
        spent: dict[str, Any] = {
            name: getattr(now, name) - getattr(before, name) for name in now.__struct_fields__[:-1]
        }
        details = {name: count - before.details.get(name, 0) for name, count in now.details.items()}
        return Usage(**spent, details=details)

    def count(self, usage: Usage | None) -> Usage:
        """Add a model call to the totals.

        Args:
            usage: What it used; None where the provider didn't say.
        """
        used = msgspec.structs.replace(usage, calls=1) if usage else Usage(calls=1, unknown_calls=1)
        self._usage += used
        return used

    def record(self, step: Step) -> None:
        """Keep a step: it becomes an event, and what it says becomes history.

        Args:
            step: Finished.
        """
        self.steps.append(step)
        self.history.extend(step.messages)
        self.emit(step)

    def edit(self, steps: Sequence[Step]) -> None:
        """Go on with other steps than those taken.

        Args:
            steps: All of them.
        """
        self.history[self.given :] = [said for step in steps for said in step.messages]
        self.steps[:] = steps

    def finish(self, state: State, output: Any = None, error: BaseException | None = None) -> None:
        """End the run; the first call counts.

        Args:
            state: How.
            output: The answer.
            error: What went wrong.
        """
        if self.state == "running":
            self.state, self.output, self.error = state, output, error
        elif self.error is None:
            self.error = error

    def emit(self, event: Event) -> None:
        """Let those who watch know.

        Args:
            event: What happened.
        """
        msgspec.structs.force_setattr(event, "run_id", self.id)
        msgspec.structs.force_setattr(event, "path", self.path)
        if self.streaming or self.observers:
            self.events.append(event)

    def progress(self, call_id: str, data: Any) -> None:
        """A tool says how far it is.

        Args:
            call_id: Which call.
            data: What it says.
        """
        event = ToolProgress(id=call_id, data=data, run_id=self.id, path=self.path)
        post = self.root.post
        if post is not None and (self.streaming or self.observers):
            post(event)

    def interrupt(self) -> None:
        """Stop at once, from any thread: the model call, the code and the tools in progress."""
        self.cancellation.cancel("interrupted")

    def check_limits(self, kind: str) -> None:
        """Refuse an effect that has no room, here or in a run around this one.

        Args:
            kind: "model" or "tool".

        Raises:
            LimitReached: A limit is used up; the text says which.
        """
        run: Run | None = self
        while run is not None:
            limits = run.limits
            calls = limits.model_calls if kind == "model" else limits.tool_calls
            if calls is not None and run.calls(kind) >= calls:
                raise LimitReached(f"the run may make {calls} {kind} calls and has made them")
            if limits.seconds is not None and run.root.now - run.started >= limits.seconds:
                raise LimitReached(f"the run may take {limits.seconds:g} seconds and has taken them")
            if limits.tokens is not None and run.usage.total_tokens >= limits.tokens:
                raise LimitReached(f"the run may use {limits.tokens} tokens and has used {run.usage.total_tokens}")
            run = run.parent

    def calls(self, kind: str) -> int:
        """Calls made so far, those of inner runs included.

        Args:
            kind: "model" or "tool".
        """
        return int(getattr(self, f"{kind}_calls")) + sum(child.calls(kind) for child in self.children)

    def others(self, since: int) -> tuple[int, list[str]]:
        """What the other agents of the run have done, where they share their memory: how far it goes, and the texts.

        Args:
            since: Entries that were read before.
        """
        board = self.root.board or []
        news = [(path, text) for path, text in board[since:] if path != self.path]
        return len(board), [f"{'/'.join(path) or 'the outer agent'}: {text}" for path, text in news][-20:]

    # ---- beginning and end ------------------------------------------------

    def announce(self) -> None:
        """Emit the first event."""
        if self.streaming or self.observers:
            bound = self.bound
            used = tuple(
                f"{plugin.distribution} {plugin.version}" for plugin in self.host.plugins if plugin.status == "loaded"
            )
            parent = self.parent.id if self.parent else ""
            self.emit(
                RunStarted(
                    task=self.task,
                    plugins=tuple(dict.fromkeys(used)),
                    parent=parent,
                    agent=self.name,
                    model=str(bound.model or ""),
                    executor=bound.executor_name,
                )
            )

    def result(self, questions: tuple[Question, ...] = ()) -> RunResult[Any]:
        """What is there so far, or what is left of a finished run.

        Args:
            questions: What it waits for, where it is suspended.
        """
        return RunResult(
            run=self,
            run_id=self.id,
            state="suspended" if questions else self.state,
            answer=self.output,
            error=self.error,
            steps=tuple(self.steps[self.before :]),
            messages=tuple(self.history),
            usage=self.usage,
            seconds=self.root.now - self.started,
            questions=questions,
            abandoned=tuple(self.abandoned),
        )

    def last_event(self, state: str) -> RunFinished:
        """What those who watch are told at the end, or where the run holds still.

        Args:
            state: How it ended.
        """
        error, seconds = str(self.error) if self.error else None, self.root.now - self.started
        return RunFinished(state=state, output=self.output, error=error, usage=self.usage, seconds=seconds)
