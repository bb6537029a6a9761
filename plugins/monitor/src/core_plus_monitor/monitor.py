"""`Monitor`: an observer that counts."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Any, Final

import attrs
import msgspec

from core_plus.errors import ConfigurationError
from core_plus.events import (
    ActionStep,
    Event,
    ModelReplied,
    ModelStarted,
    QuestionAsked,
    RunFinished,
    RunStarted,
    ToolFinished,
    ToolStarted,
    Warned,
)
from core_plus.messages import Usage
from core_plus_monitor.numbers import Numbers
from core_plus_monitor.table import table_of

UNKNOWN: Final = "(unknown)"
REPEATED: Final = ModelReplied | ToolFinished | ActionStep
"""What can't come of a run before the plugin hears of its first effect, unless a journal repeats it."""
MOST: Final = 10_000
"""How many runs may be in progress; more are runs that never end, and the oldest are forgotten."""
DURATIONS: Final = 10_000
"""How many steps' durations are kept, the newest."""


@attrs.define
class _Going:
    """A run in progress, inner or outermost."""

    root: str
    model: str
    facts: Any
    awaited: int = 0
    calls: set[str] = attrs.field(factory=set)


class Monitor:
    """Counts what it sees, of all runs together and of each outermost run with its inner runs.

    What a journal repeats isn't counted again, where the plugin is loaded; a `Monitor` may be given to single runs
    too (`observers=[monitor]`). It may be asked while runs are in progress, from any thread.

    Args:
        keep: Of how many runs, the newest, the numbers are kept apart.
        report: Given a table at the end of each outermost run.

    Attributes:
        total: The numbers of all runs since it was made, or `reset`.
        step_durations: Seconds of each action step, the newest 10,000.
    """

    def __init__(self, *, keep: int = 100, report: Callable[[str], object] | None = None) -> None:
        self._keep, self._report = keep, report
        self._lock = threading.Lock()
        self._going: dict[str, _Going] = {}
        self._live: dict[str, bool] = {}
        self._repeating: set[str] = set()
        self.reset()

    def reset(self) -> None:
        """Begin to count anew; runs in progress go on."""
        with self._lock:
            self.total = Numbers()
            self.step_durations: deque[float] = deque(maxlen=DURATIONS)
            self._runs: OrderedDict[str, Numbers] = OrderedDict()

    def run(self, run_id: str) -> Numbers:
        """The numbers of one run.

        Args:
            run_id: An outermost run's id.

        Raises:
            KeyError: It is none of those that are kept.
        """
        return self._runs[run_id]

    @property
    def run_ids(self) -> tuple[str, ...]:
        """The runs whose numbers are kept, oldest first."""
        return tuple(self._runs)

    @property
    def in_progress(self) -> int:
        """Outermost runs that have begun and not ended."""
        return len(self._live)

    def get_total_token_counts(self) -> Usage:
        """Tokens in all, by the name that this has in smolagents."""
        return self.total.usage

    def table(self, run_id: str | None = None) -> str:
        """The numbers for people to read.

        Args:
            run_id: Of one run; None is all.
        """
        with self._lock:
            return table_of(self.total if run_id is None else self._runs[run_id])

    def prometheus(self) -> str:
        """All numbers in Prometheus' text format, version 0.0.4."""
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry).decode()

    def collect(self) -> Iterator[Any]:
        """All numbers as Prometheus' client has them: a `Monitor` can be registered with a registry of yours."""
        from core_plus_monitor.families import families_of

        with self._lock:
            return iter(families_of(self.total, self.in_progress))

    # ---- the observer ------------------------------------------------------------

    def goes_live(self, run_id: str) -> None:
        """What a run does from here on happens for the first time.

        Args:
            run_id: The outermost run.
        """
        with self._lock:
            self._live[run_id] = True

    def observe(self, event: Event) -> None:
        """Count an event.

        Args:
            event: What happened; kinds that aren't counted are passed over.
        """
        ended = None
        with self._lock:
            if isinstance(event, RunStarted):
                self._begin(event)
            elif (going := self._going.get(event.run_id)) is not None:
                if self._is_live(going.root, event):
                    for numbers in (self.total, self._numbers(going.root)):
                        _count(numbers, going, event)
                    self._follow(going, event)
                if isinstance(event, RunFinished):
                    ended = self._end(going, event)
        if ended is not None and self._report is not None:
            self._report(self.table(ended))

    def _begin(self, event: RunStarted) -> None:
        above = self._going.get(event.parent)
        root = event.run_id if above is None else above.root
        self._going[event.run_id] = _Going(root, event.model, facts_about(event.model))
        if len(self._going) > MOST:  # left in the middle, or waiting for a person who never comes
            self._live.pop(self._going.pop(next(iter(self._going))).root, None)
        if above is None:
            # Where the plugin's hook is heard, it tells when a journal has been repeated to its end.
            self._live[root] = not any(plugin.startswith("core-plus-monitor ") for plugin in event.plugins)

    def _is_live(self, root: str, event: Event) -> bool:
        """Whether an event tells of something new; the end of a run that did nothing is."""
        if isinstance(event, REPEATED) and not self._live.get(root, True):
            self._repeating.add(root)
        if isinstance(event, RunFinished) and event.run_id == root and root not in self._repeating:
            self._live[root] = True
        return self._live.get(root, False)

    def _numbers(self, root: str) -> Numbers:
        found = self._runs.get(root)
        if found is None:
            found = self._runs[root] = Numbers()
            while len(self._runs) > self._keep:
                self._runs.popitem(last=False)
        return found

    def _follow(self, going: _Going, event: Event) -> None:
        """Remember what later events are understood by."""
        if isinstance(event, ModelStarted):
            going.awaited += 1
        elif isinstance(event, ModelReplied):
            going.awaited -= 1
        elif isinstance(event, ToolStarted):
            going.calls.add(event.call.id)
        elif isinstance(event, ToolFinished):
            going.calls.discard(event.call.id)
        elif isinstance(event, ActionStep):
            self.step_durations.append(event.seconds)

    def _end(self, going: _Going, event: RunFinished) -> str | None:
        """Forget a run that is over; the outermost's id, where its numbers are to be reported."""
        if event.state == "suspended":
            return None
        del self._going[event.run_id]
        if event.run_id != going.root:
            return None
        was_live = self._live.pop(going.root, False)
        self._repeating.discard(going.root)
        for run_id in [run_id for run_id, one in self._going.items() if one.root == going.root]:
            del self._going[run_id]
        return going.root if was_live and going.root in self._runs else None


def _count(numbers: Numbers, going: _Going, event: Event) -> None:
    if isinstance(event, ModelStarted):
        numbers.model(going.model).count += 1
    elif isinstance(event, ModelReplied):
        _count_reply(numbers, going, event)
    elif isinstance(event, ToolFinished):
        tool = numbers.tool(event.call.name if event.call.id in going.calls else UNKNOWN)
        tool.count += 1
        tool.errors += event.error is not None
        tool.took(event.seconds)
    elif isinstance(event, ActionStep):
        numbers.steps.count += 1
        numbers.steps.errors += event.error is not None
        numbers.steps.took(event.seconds)
    elif isinstance(event, QuestionAsked):
        numbers.questions += 1
    elif isinstance(event, Warned):
        numbers.warnings += 1
    elif isinstance(event, RunFinished) and event.state != "suspended":
        if going.awaited > 0:  # the calls that were never answered
            numbers.model(going.model).errors += going.awaited
        if event.run_id == going.root:
            numbers.runs[event.state] += 1
            numbers.run_seconds.count += 1
            numbers.run_seconds.errors += event.state in ("failed", "limit")
            numbers.run_seconds.took(event.seconds)


def _count_reply(numbers: Numbers, going: _Going, event: ModelReplied) -> None:
    model, usage = numbers.model(going.model), event.response.usage
    model.took(event.seconds)
    if usage is None:
        model.unpriced += 1
        model.usage += Usage(calls=1, unknown_calls=1)
        return
    model.usage += msgspec.structs.replace(usage, calls=1)
    cost = None if going.facts is None else going.facts.cost(usage)
    if cost is None:
        model.unpriced += 1
    else:
        model.cost += cost


def facts_about(model: str) -> Any:
    """What is known of a model's prices; None where nothing is, or where the person's own list can't be read.

    Args:
        model: "provider:id".
    """
    from core_plus_http.facts import facts_of

    try:
        return facts_of(model)
    except ConfigurationError:  # whoever must know prices says so; counting goes on without
        return None
