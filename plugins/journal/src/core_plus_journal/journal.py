"""`Journal`: runs kept in a store, begun, gone on with, forked and repeated."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs
import msgspec

from core_plus.errors import JournalError
from core_plus.journal import Store
from core_plus.memory import as_data, load_steps
from core_plus.messages import Audio, File, Image, Message, message
from core_plus.run import Run, RunLimits
from core_plus.stream import EventStream
from core_plus_journal.exchange import lines_of, load_lines
from core_plus_journal.keeper import Keeper, now
from core_plus_journal.marks import changes, plugins_of, tools_of
from core_plus_journal.pen import Pen
from core_plus_journal.records import VERSION, AnyRecord, Header, Intent, Resumed, header_of, line_of, record_of
from core_plus_journal.stories import Line, Summary, story_of, summary_of
from core_plus_journal.tape import Tape
from core_plus_journal.unknown import Rule, Unknown
from core_plus_journal.values import dumps, struct_of, value_of, variables_tree

FRESH = ("deps", "ui", "observers", "cancellation", "streaming", "space")
"""What a journal can't keep, so that whoever goes on with a run gives it anew."""


class Journal:
    """Keeps runs in a store; see `core_plus.journal.Journal`.

    Args:
        store: Where the records lie.
        meta: Goes into the header of each run, for those who look at it later.
        frozen_clock: Whether it is always the moment of the run's beginning for its code, so that code which looks at
            the time can be run again; durations go on. Where the executor can do that: the worker's can.
    """

    def __init__(self, store: Store, meta: Mapping[str, Any] | None = None, frozen_clock: bool = False) -> None:
        self.store, self.meta, self.frozen_clock = store, dict(meta or {}), frozen_clock

    # ---- what the kernel asks ----------------------------------------------------

    def begin(self, run: Run) -> Keeper:
        """Keep a run that hasn't begun.

        Args:
            run: Fresh.

        Raises:
            JournalError: It can't be kept.
        """
        before = run.space.run_id if run.space.session is not None and self.store.has(run.space.run_id) else ""
        header = self._header(run, before)
        run.seed, run.calendar = header.seed, header.calendar
        epoch = self.store.create(run.id, line_of(header))
        return Keeper(run, Pen(self.store, run.id, epoch))

    def reopen(
        self,
        agent: Any,
        run_id: str,
        *,
        answer: Any = None,
        unknown: Rule = "ask",
        changed: bool = False,
        host: Any = None,
        **fresh: Any,
    ) -> Run:
        """A kept run, ready to go on from where it was.

        Args:
            agent: Whose run it is: with the same tools, prompts and callbacks.
            run_id: Which.
            answer: To what it waits for; a dict by question id where there are several questions.
            unknown: What is done about effects whose outcome nobody knows: "ask", "it happened", "it didn't happen",
                "stop", or a function of the effect.
            changed: Whether to go on though plugins or tools aren't what they were.
            host: Instead of the agent's own.
            **fresh: What a journal can't keep: deps, ui, observers, cancellation, streaming.

        Returns:
            A run that hasn't begun; driven, it repeats what it did, from the journal, and goes on.

        Raises:
            JournalError: There is none, another process has it, it isn't this agent's, or doesn't wait for an answer.
        """
        epoch = self.store.claim(run_id)
        pen = Pen(self.store, run_id, epoch)
        try:
            header, records = self.load(run_id)
            tape = Tape(header, records, again=True)
            run = self._run(agent, header, host, fresh)
            if not changed and (differences := changes(header, run)):
                raise JournalError(
                    f"run {run_id} can't simply go on: {'; '.join(differences)}. changed=True goes on all the same"
                )
            keeper = Keeper(run, pen, tape, unknown=Unknown(unknown), answers=_answers(tape, answer))
            self._follow(keeper, agent, run, header, host)
        except BaseException:
            pen.release()
            raise
        run.keeper = keeper
        pen.write(Resumed(when=now(), plugins=_others(header, run)), now=False)
        return run

    # ---- more ----------------------------------------------------------------------

    def replay(self, agent: Any, run_id: str, *, host: Any = None, **fresh: Any) -> Run:
        """A kept run to be repeated: no model is asked, no tool called, no code run, and nothing is written.

        Args:
            agent: Whose run it is.
            run_id: Which.
            host: Instead of the agent's own.
            **fresh: As for `reopen`.

        Returns:
            A run that hasn't begun. It ends as the kept one did, or is interrupted where the journal ends.

        Raises:
            JournalError: There is no such run.
        """
        header, records = self.load(run_id)
        run = self._run(agent, header, host, fresh)
        run.keeper = Keeper(run, Pen(None, run_id, 0), Tape(header, records), only_replay=True)
        self._follow(run.keeper, agent, run, header, host)
        return run

    def fork(
        self,
        agent: Any,
        run_id: str,
        *,
        at_step: int,
        task: str | None = None,
        answer: Any = None,
        prompt: str | None = None,
        new_id: str | None = None,
        host: Any = None,
        **fresh: Any,
    ) -> Run:
        """A new run that did what a kept one did before a step, and goes on another way.

        Args:
            agent: Whose run it is.
            run_id: The kept one, which stays as it is.
            at_step: The step, from 1, that is done anew.
            task: What a person says before that step.
            answer: Another answer to the last question before it.
            prompt: Other instructions for the agent.
            new_id: The new run's id.
            host: Instead of the agent's own.
            **fresh: As for `reopen`.

        Raises:
            JournalError: There is no such run, or it never came to that step.
        """
        header, records = self.load(run_id)
        before = _before(records, at_step, run_id, answer)
        said = {**header.remarks, **({str(at_step): [as_data(message("user", task))]} if task else {})}
        forked = msgspec.structs.replace(
            header, id=new_id or secrets.token_hex(8), began=now(), remarks=said, forked=[run_id, at_step]
        )
        if prompt is not None:
            agent = attrs.evolve(agent, instructions=prompt)
        epoch = self.store.create(forked.id, line_of(forked))
        pen = Pen(self.store, forked.id, epoch)
        pen.write(*before)
        run = self._run(agent, forked, host, fresh)
        tape = Tape(forked, before, again=True)
        run.keeper = Keeper(run, pen, tape, answers=_answers(tape, answer))
        self._follow(run.keeper, agent, run, header, host)
        return run

    def load(self, run_id: str) -> tuple[Header, list[AnyRecord]]:
        """A run's header and its other records.

        Args:
            run_id: Which.

        Raises:
            JournalError: There is no such run, or it is damaged.
        """
        lines = iter(self.store.read(run_id))
        header = header_of(next(lines), f"run {run_id}")
        return header, [record_of(line, f"run {run_id}, record {place}") for place, line in enumerate(lines, 1)]

    def runs(self) -> list[Summary]:
        """What is kept, the newest first, each in one line."""
        return [summary_of(info) for info in self.store.runs()]

    def story(self, run_id: str) -> list[Line]:
        """What a run did, one line for each effect.

        Args:
            run_id: Which.

        Raises:
            JournalError: There is no such run, or it is damaged.
        """
        return list(story_of(*self.load(run_id)))

    def export(self, run_id: str, strike: Iterable[str] = ()) -> Iterator[bytes]:
        """A run as lines of JSON.

        Args:
            run_id: Which.
            strike: Regular expressions; what they match in any text becomes `***`.

        Raises:
            JournalError: There is no such run, or an expression is none.
        """
        return lines_of(self.store, run_id, strike)

    def take(self, lines: Iterable[bytes], source: str = "the lines given") -> list[str]:
        """Keep runs that were exported.

        Args:
            lines: Of one run or several after each other.
            source: Where they come from, for errors.

        Returns:
            Their ids.

        Raises:
            JournalError: A line is no record, or a run is there already.
        """
        return load_lines(self.store, lines, source)

    def delete(self, run_id: str) -> None:
        """Forget a run.

        Args:
            run_id: Which.

        Raises:
            JournalError: There is no such run, or a process has it.
        """
        self.store.delete(run_id)

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    # ---- headers ---------------------------------------------------------------------

    def _header(self, run: Run, after: str) -> Header:
        agent = run.bound.agent
        facts = {
            "class": type(agent).__name__,
            "name": agent.name or "",
            "model": str(run.bound.model or ""),
            "executor": run.bound.executor_name,
        }
        options: dict[str, Any] = {"max_steps": run.max_steps, "limits": attrs.asdict(run.limits)}
        if isinstance(run.planning, str | int):
            options["planning"] = run.planning
        return Header(
            version=VERSION,
            id=run.id,
            task=run.task,
            began=now(),
            agent=facts,
            tools=tools_of(run),
            plugins=plugins_of(run.host),
            options=options,
            variables=variables_tree(run.variables),
            attachments=[as_data(part) for part in run.attachments],
            history=[as_data(one) for one in run.history[: run.given]],
            steps=[as_data(step) for step in run.steps],
            seed=self.load(after)[0].seed if after else secrets.randbits(32),
            calendar=time.time() if self.frozen_clock else None,
            after=after,
            meta=self.meta,
        )

    def _follow(self, keeper: Keeper, agent: Any, run: Run, header: Header, host: Any) -> None:
        """Let a run of a conversation have its interpreter back with what the runs before it left there."""
        if not header.after:
            return
        earlier = self.replay(agent, header.after, host=host)
        EventStream[Any](earlier).finish()
        keeper.cells.follow(run, earlier.keeper.cells, header.after)

    def _run(self, agent: Any, header: Header, host: Any, fresh: Mapping[str, Any]) -> Run:
        if unknown := set(fresh) - set(FRESH):
            raise TypeError(f"a kept run takes no {', '.join(sorted(unknown))}; it takes {', '.join(FRESH)}")
        options: dict[str, Any] = dict(header.options)
        limits = RunLimits(**options.pop("limits", {}))
        run: Run = agent.new_run(
            header.task,
            host=host,
            run_id=header.id,
            limits=limits,
            variables={name: value_of(tree) for name, tree in header.variables.items()},
            attachments=[struct_of(data, Image | Audio | File) for data in header.attachments],
            message_history=[struct_of(data, Message) for data in header.history],
            steps=load_steps(dumps(header.steps)),
            **options,
            **fresh,
        )
        run.remarks = {int(step): [struct_of(one, Message) for one in said] for step, said in header.remarks.items()}
        run.seed, run.calendar = header.seed, header.calendar
        return run


def _others(header: Header, run: Run) -> list[Any]:
    found = plugins_of(run.host)
    return [] if found == header.plugins else found


def _answers(tape: Tape, answer: Any) -> dict[str, Any]:
    """Answers by question id; "" is the one question that is open."""
    if answer is None:
        return {}
    ids = [question.key[:-1] for question in tape.questions]
    if isinstance(answer, Mapping) and answer and set(answer) <= set(ids):
        return dict(answer)
    if len(ids) == 1:
        return {"": answer}
    if not ids:
        raise JournalError(f"the run {tape.header.id} doesn't wait for an answer: resume it without one")
    raise JournalError(
        f"the run {tape.header.id} waits for {len(ids)} answers: give a dict by question id ({', '.join(sorted(ids))})"
    )


def _before(records: list[AnyRecord], at_step: int, run_id: str, answer: Any) -> list[AnyRecord]:
    """What was done before a step; without the last answer, where another one is given."""
    cut = next(
        (n for n, one in enumerate(records) if isinstance(one, Intent) and not one.agent and one.step >= at_step), None
    )
    if cut is None or at_step < 1:
        raise JournalError(f"run {run_id} never came to step {at_step}: see `core-plus runs show {run_id}`")
    before: list[AnyRecord] = [
        one for one in records[:cut] if not isinstance(one, Resumed) and type(one).__name__ != "End"
    ]
    if answer is None:
        return before
    asked = [n for n, one in enumerate(before) if isinstance(one, Intent) and one.kind == "question"]
    if not asked:
        raise JournalError(f"run {run_id} asked nothing before step {at_step}, so there is nothing to answer")
    return before[: asked[-1] + 1]
