"""What a journal says of a run so far, ready to be given back effect by effect."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterable

import attrs

from core_plus.errors import Divergence, JournalError
from core_plus_journal.records import AnyRecord, End, Header, Intent, Outcome, Resumed, Said


@attrs.frozen
class Kept:
    """An effect that came to its end.

    Args:
        place: Its outcome's place among all outcomes, from 1.
        intent: What was wanted.
        outcome: What came of it.
    """

    place: int
    intent: Intent
    outcome: Outcome


class Tape:
    """A run's records by the keys of their effects.

    Args:
        header: The run's.
        records: The rest, in order.
        again: Whether a model call that failed for good, and so ended the run, is to be made again.

    Attributes:
        kept: Effects that came to their end.
        settled: What was said of effects whose outcome nobody knew; the repeated run doesn't ask for that again.
        pending: Effects that were begun.
        said: What plugins said, by key.
        attempts: How often each effect was begun.
        end: The last word on the run, if there is one.
    """

    def __init__(self, header: Header, records: Iterable[AnyRecord], again: bool = False) -> None:
        self.header = header
        self.kept: dict[str, Kept] = {}
        self.settled: dict[str, Kept] = {}
        self.pending: dict[str, Intent] = {}
        self.said: dict[str, Said] = {}
        self.attempts: Counter[str] = Counter()
        self.end: End | None = None
        self._begun: list[str] = []
        self._given: set[str] = set()
        self._last = 0.0
        for place, record in enumerate(records, 1):
            self._take(place, record)
        if again:
            self._forget_failures()
        self._begun = sorted([*self.kept, *self.settled, *self.pending])

    def _take(self, place: int, record: AnyRecord) -> None:
        if isinstance(record, Intent):
            self.pending[record.key] = record
            self.attempts[record.key] += 1
            self._last = record.at
        elif isinstance(record, Outcome):
            intent = self.pending.pop(record.key, None) or getattr(self.kept.get(record.key), "intent", None)
            if intent is None:
                raise JournalError(
                    f"the journal of run {self.header.id} is damaged: record {place} is the outcome of {record.key}, "
                    "which never began"
                )
            (self.settled if "!" in record.key else self.kept)[record.key] = Kept(place, intent, record)
            self._last = record.at
        elif isinstance(record, Said):
            self.said[record.key] = record
        elif isinstance(record, End):
            self.end, self._last = record, record.at
        elif isinstance(record, Resumed):
            self.end = None

    def _forget_failures(self) -> None:
        """What failed for good ended the run; gone on with, it is tried again."""
        for key, one in [*self.kept.items()]:
            failed = one.intent.kind == "model" and one.outcome.error is not None
            if failed and f"{key}:retry" not in self.said:
                del self.kept[key]

    @property
    def seconds(self) -> float:
        """The run's own clock at the last record."""
        return self._last

    @property
    def questions(self) -> list[Intent]:
        """The questions that nobody has answered yet."""
        return [intent for intent in self.pending.values() if intent.kind == "question"]

    def is_known(self, key: str) -> bool:
        """Whether an effect, or one within it, was begun.

        Args:
            key: The effect's path.
        """
        place = bisect.bisect_left(self._begun, key)
        return place < len(self._begun) and (
            self._begun[place] == key or self._begun[place].startswith((f"{key}.", f"{key}?", f"{key}!"))
        )

    def give(self, key: str) -> None:
        """Note that an outcome was given back.

        Args:
            key: Its effect.
        """
        self._given.add(key)

    def check_all_given(self, wanted: str) -> None:
        """Refuse to go on where outcomes are left over: the run went another way than it did.

        Args:
            wanted: What it wants now, in words.

        Raises:
            Divergence: Some are left over.
        """
        left = [one for key, one in self.kept.items() if key not in self._given]
        if left:
            first = min(left, key=lambda one: one.place)
            raise Divergence(
                f"run {self.header.id} goes another way than its journal: it wants {wanted}, where the journal has "
                f"{words_of(first.intent)} (step {first.intent.step}). Is it the same agent, with the same tools, "
                "prompts and callbacks?"
            )


def words_of(intent: Intent) -> str:
    """An effect in words.

    Args:
        intent: Of the effect.
    """
    what = intent.what
    if intent.kind == "tool":
        return f"the tool {what['tool']} (call {what['call']})"
    if intent.kind == "model":
        return f"a model call for {what['purpose']!r}"
    if intent.kind == "question":
        return f"the question {what['question'].get('text', '')!r:.80}"
    if intent.kind == "callback":
        return f"the callback {what['name']}"
    return "code" if intent.kind == "code" else "to go on with code"
