"""Keeping one run: each effect's intent before it, its outcome after it; or the outcome that it had before."""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from core_plus import effects as fx
from core_plus.cancellation import Interrupted
from core_plus.errors import Divergence, JournalError, LimitReached
from core_plus.events import Event, RunFinished
from core_plus.executors import CodeError, Done
from core_plus.models import as_deltas
from core_plus.ops import Ops, Turn
from core_plus.run import Run
from core_plus.watching import show_delta
from core_plus_journal import outcomes
from core_plus_journal.cells import Cells
from core_plus_journal.pen import Pen
from core_plus_journal.records import End, Intent, Outcome, Said
from core_plus_journal.tape import Kept, Tape, words_of
from core_plus_journal.unknown import Unknown
from core_plus_journal.values import dumps, same, value_of, variables_tree


def now() -> str:
    """This moment in ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


LOST = Done(error=CodeError("Lost", "the interpreter was lost while this ran", lost="all variables"))
"""How code ends that isn't run again."""


class Keeper:
    """Keeps a run; see `core_plus.journal.Keeper`. It is an observer too, to know how the run ends.

    Args:
        run: The outermost run.
        pen: Writes its records.
        tape: What it did in earlier processes; None for a new one.
        unknown: Says what is done about effects whose outcome nobody knows.
        answers: Answers to what it waits for, by question id; "" is the one question there is.
        only_replay: Whether nothing may be performed: at the end of the tape the run is interrupted.
    """

    wants_deltas = False

    def __init__(
        self,
        run: Run,
        pen: Pen,
        tape: Tape | None = None,
        *,
        unknown: Unknown | None = None,
        answers: Mapping[str, Any] | None = None,
        only_replay: bool = False,
    ) -> None:
        self._run, self._pen, self._tape = run, pen, tape
        self._unknown, self._answers = unknown or Unknown(), dict(answers or {})
        self._only_replay = only_replay
        self._pending = dict(tape.pending) if tape else {}
        self._settled = dict(tape.settled) if tape else {}
        self._attempts = Counter(tape.attempts) if tape else Counter[str]()
        self.cells = Cells()
        if tape is not None:
            run.clock_offset = None
        run.observers.append(self)

    @property
    def is_repeating(self) -> bool:
        """Whether what happens now has happened before."""
        return self._tape is not None

    # ---- what the engine asks ------------------------------------------------

    def keep(self, run: Run, key: str, effect: Any, perform: Callable[[], Ops]) -> Ops:
        """Perform an effect between its two records, or give its kept outcome.

        Args:
            run: Whose effect.
            key: Its path.
            effect: What is wanted.
            perform: Does it.

        Raises:
            JournalError: It can't be kept, or isn't what the journal has.
        """
        kind = outcomes.KINDS.get(type(effect))
        if kind is None:  # a pause before another attempt: nothing to keep
            return None if self._tape is not None else (yield from perform())
        if self._tape is not None and (known := self._tape.kept.get(key)) is not None:
            return (yield from self._repeated(run, effect, known))
        yield from self._go_live(effect)
        if (settled := self._settled.pop(key, None)) is not None:
            return value_of(settled.outcome.value)
        pending = self._pending.pop(key, None)
        if pending is None:
            self._intend(run, key, effect)
        else:
            self._check(run, pending, effect)
        if isinstance(effect, fx.RunCode | fx.ResumeCode):
            lost = yield from self._restored(run, key, effect, pending is not None)
            if lost is not None:
                return self._ended(run, key, effect, lost)
            if not getattr(effect, "answers", True) and (more := self.cells.surplus(run)) is not None:
                return self._ended(run, key, effect, more)
        elif pending is not None and isinstance(effect, fx.CallTool) and effect.tool.effect == "write":
            found = yield from self._unknown.settle(run, f"{key}!{self._attempts[key]}", effect)
            if found is not None:
                return self._ended(run, key, effect, found.value, by="a person")
            self._intend(run, key, effect)
        return (yield from self._performed(run, key, effect, perform))

    def said(self, run: Run, key: str, hear: Callable[[], Any]) -> Ops:
        """Give what plugins said, or hear them and keep it.

        Args:
            run: Whose effect.
            key: Of the effect, a colon, and what is asked.
            hear: Asks them.
        """
        if self._tape is not None:
            path = key.rpartition(":")[0]
            if (word := self._tape.said.get(key)) is not None:
                return outcomes.word_of(word.word)
            if self._tape.is_known(path):
                return None
            yield from self._go_live(None)
        word = hear()
        if word is not None:
            self._pen.write(Said(key=key, word=outcomes.word_data(word)), now=False)
        return word

    # ---- what was --------------------------------------------------------------

    def _repeated(self, run: Run, effect: Any, known: Kept) -> Ops:
        self._check(run, known.intent, effect)
        self._set_clock(known.intent.at)
        yield Turn(known.place)
        assert self._tape is not None
        self._tape.give(known.intent.key)
        self._set_clock(known.outcome.at)
        outcome = known.outcome
        for name, tree in outcome.variables.items():
            run.variables[name] = value_of(tree)
        for name in outcome.gone:
            run.variables.pop(name, None)
        if outcome.error is not None:
            raise outcomes.error_of(outcome.error)
        try:
            value = outcomes.given_value(effect, outcome.value)
        except JournalError as error:
            raise JournalError(f"run {self._run.id} can't be repeated: {error}") from None
        if isinstance(effect, fx.RunCode | fx.ResumeCode):
            self.cells.note(run, effect, value)
        elif isinstance(effect, fx.CallModel):
            for delta in as_deltas(value):
                yield from show_delta(run, effect, delta)
        return value

    def _check(self, run: Run, intent: Intent, effect: Any) -> None:
        """Refuse an effect that isn't the one that has this key in the journal."""
        what, was = outcomes.what_of(run, effect), intent.what
        names = ("tool", "arguments", "purpose", "code", "answers", "name")
        is_same = outcomes.KINDS[type(effect)] == intent.kind and all(same(what.get(n), was.get(n)) for n in names)
        # An answer holds for the very question; the journal's own ones tell of how far they came.
        if is_same and ("!" in intent.key or _read(what) == _read(was)):
            return
        wanted = Intent(key=intent.key, kind=outcomes.KINDS[type(effect)], at=0.0, what=what)
        differs = ""
        if words_of(wanted) == words_of(intent):
            other = [name for name in what if not same(what.get(name), was.get(name))]
            differs = f": {', '.join(other)} differ ({_short(was, other)} then, {_short(what, other)} now)"
        raise Divergence(
            f"run {self._run.id} goes another way than its journal in step {intent.step}: it wants "
            f"{words_of(wanted)}, where the journal has {words_of(intent)}{differs}"
        )

    def _go_live(self, effect: Any) -> Ops:
        """From here on effects are performed; before that, everything that was kept has been given back."""
        if self._tape is None:
            return
        yield Turn(math.inf)
        tape: Tape | None = self._tape
        if tape is None:
            return  # another branch did
        words = (
            "to go on"
            if effect is None
            else words_of(
                Intent(key="", kind=outcomes.KINDS[type(effect)], at=0.0, what=outcomes.what_of(self._run, effect))
            )
        )
        tape.check_all_given(words)
        if self._only_replay:
            raise Interrupted("the journal ends here")
        self._tape = None
        self._set_clock(tape.seconds)
        self._run.clock_offset = self._run.now - time.monotonic()
        self._answer_the_one(tape)

    def _answer_the_one(self, tape: Tape) -> None:
        if "" in self._answers:
            (question,) = tape.questions
            self._answers[question.key[:-1]] = self._answers.pop("")

    def _set_clock(self, at: float) -> None:
        self._run.now = at

    # ---- what is ---------------------------------------------------------------

    def _intend(self, run: Run, key: str, effect: Any) -> None:
        """Keep that an effect is about to be performed."""
        run.tick()
        self._attempts[key] += 1
        intent = Intent(
            key=key,
            kind=outcomes.KINDS[type(effect)],
            at=self._clock,
            step=run.step_number,
            agent="/".join(run.path),
            what=outcomes.what_of(run, effect),
        )
        # What may be done again needn't outlive the process before it is done.
        self._pen.write(intent, now=isinstance(effect, fx.AskHuman) or _is_write(run, effect))

    def _restored(self, run: Run, key: str, effect: fx.RunCode | fx.ResumeCode, was_begun: bool) -> Ops:
        """Have the interpreter back that the code needs; the code's end, where it can't be had."""
        yield from self.cells.ready(run)
        cells = self.cells.wanted(run, effect, was_begun)
        if not cells:
            return None
        if not is_repeatable(run):
            if not (yield from self._unknown.run_again(run, f"{key}!{self._attempts[key]}", effect, cells)):
                self.cells.forget(run)
                return LOST if was_begun or isinstance(effect, fx.ResumeCode) else None
            self._intend(run, key, effect)
        yield from self.cells.rebuild(run)
        return None

    def _performed(self, run: Run, key: str, effect: Any, perform: Callable[[], Ops]) -> Ops:
        before = dict(run.variables) if isinstance(effect, fx.CallTool) else {}
        try:
            if key[:-1] in self._answers and isinstance(effect, fx.AskHuman):
                value = self._answers.pop(key[:-1])
            else:
                value = yield from perform()
        except (Interrupted, LimitReached, JournalError):
            raise
        except Exception as error:
            run.tick()
            data = outcomes.error_data(error)
            self._pen.write(Outcome(key=key, at=self._clock, error=data, **_changes(run, before)))
            raise
        if isinstance(effect, fx.ResumeCode):
            value = self.cells.with_surplus(run, value)
        return self._ended(run, key, effect, value, before)

    def _ended(
        self, run: Run, key: str, effect: Any, value: Any, before: Mapping[str, Any] | None = None, by: str = ""
    ) -> Any:
        run.tick()
        changes = _changes(run, before) if isinstance(effect, fx.CallTool) and before is not None else {}
        kept = outcomes.kept_value(run, effect, value)
        self._pen.write(
            Outcome(key=key, at=self._clock, value=kept, by=by, **changes), now=not isinstance(effect, fx.Consult)
        )
        return value

    @property
    def _clock(self) -> float:
        return self._run.now

    def give_up(self) -> None:
        """Let others go on with the run."""
        self._pen.release()

    def conclude(self) -> None:
        """See that a run that repeats its record to the end leaves nothing of it out."""
        run = self._run
        if self._tape is None or run.state in ("failed", "interrupted"):
            return
        try:
            self._tape.check_all_given("to end")
        except Divergence as error:
            run.state, run.output, run.error = "failed", None, error

    # ---- how it ends -----------------------------------------------------------

    def observe(self, event: Event) -> None:
        """See how the run ends, or that it waits.

        Args:
            event: What happened.
        """
        if not isinstance(event, RunFinished) or event.path or self._pen.is_spoilt:
            return
        if isinstance(self._run.error, JournalError):
            self._pen.spoil()
            return
        if self._tape is None:
            self._pen.write(
                End(
                    state=event.state,
                    at=self._clock,
                    when=now(),
                    error=event.error,
                    output="" if event.output is None else repr(event.output)[:200],
                    tokens=event.usage.total_tokens,
                )
            )
        self._pen.release()


def is_repeatable(run: Run) -> bool:
    """Whether a run's code changes nothing but its own variables and scratch.

    Args:
        run: Whose code.
    """
    return bool(getattr(run.bound.executor, "is_repeatable", False))


def _is_write(run: Run, effect: Any) -> bool:
    if isinstance(effect, fx.CallTool):
        return bool(effect.tool.effect == "write")
    return isinstance(effect, fx.RunCode) and not is_repeatable(run)


def _changes(run: Run, before: Mapping[str, Any]) -> dict[str, Any]:
    """The variables that a tool set or took away."""
    after = run.variables
    if after.keys() == before.keys() and all(after[name] is value for name, value in before.items()):
        return {}
    fresh = {name: value for name, value in after.items() if name not in before or before[name] is not value}
    return {"variables": variables_tree(fresh), "gone": [name for name in before if name not in after]}


def _read(what: Mapping[str, Any]) -> bytes:
    """What a person read; the addresses of objects are no part of it."""
    return re.sub(rb"0x[0-9a-f]+", b"", dumps(what.get("question")))


def _short(what: Mapping[str, Any], names: list[str]) -> str:
    return ", ".join(f"{name}={what.get(name)!r:.200}" for name in names)
