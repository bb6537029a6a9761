"""What a run has used, and what is held for calls in progress. One thread steps a run: there is nothing to lock."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs
import msgspec

from core_plus.effects import CallModel
from core_plus.messages import Usage
from core_plus.run import Run
from core_plus_budget.counting import bound
from core_plus_budget.pricing import Prices, cost

if TYPE_CHECKING:
    from core_plus_http.facts import Facts

_NOTHING = Usage()


@attrs.define(eq=False)
class Booking:
    """What is held for a model call, from before it begins until its reply says what it used.

    Args:
        run: Whose call.
        id: The call's effect.
        tokens: Read and written, at most.
        money: The same in US dollars, 0 where money is no matter.
        size: The most tokens that may be read, by the request's length.
        facts: Of the models that may answer.
        lost: Whether nobody will say any more what it used: then it is as good as spent.
        idle: Whether the last attempt cost nothing: once the call has ended, nothing is held for it.
    """

    run: Run
    id: str
    tokens: int
    money: Decimal
    size: int
    facts: tuple[Facts, ...]
    lost: bool = False
    idle: bool = False


@attrs.define
class Spent:
    """What a run has used, its inner runs included.

    Args:
        tokens: Read and written.
        money: US dollars.
        unpriced: Calls whose cost isn't known, and for which nothing was held.
    """

    tokens: int = 0
    money: Decimal = Decimal(0)
    unpriced: int = 0


class Account:
    """The books of an outermost run.

    What was used is read from the run itself, so the books are right as well in another process, where the run is
    gone through again from its journal and nobody asked before its calls.

    Args:
        root: The run.
        prices: What models cost; None where money is no matter.

    Attributes:
        density: The most tokens that were read for one of `Booking.size` so far; makes estimates better.
    """

    density = 0.0

    def __init__(self, root: Run, prices: Prices | None) -> None:
        self.root, self._prices = root, prices
        self.bookings: list[Booking] = []
        self._spent: dict[str, Spent] = {}
        self._seen: dict[str, Usage] = {}
        self._sizes: dict[str, tuple[str, int]] = {}

    def spent(self, run: Run) -> Spent:
        """What a run has used, its inner runs included.

        Args:
            run: The outermost, or one inside.
        """
        return self._spent.setdefault(run.id, Spent())

    def size(self, run: Run, effect: CallModel) -> int:
        """The most tokens that a call reads; measured once, though it is looked at before and after it was allowed.

        Args:
            run: Whose call.
            effect: The call.
        """
        before, size = self._sizes.pop(run.id, ("", 0))
        if before != effect.id:
            self._sizes[run.id] = effect.id, (size := bound(effect.request))
        return size

    def held(self, run: Run) -> tuple[int, Decimal]:
        """Tokens and money that are held for calls of a run and of those inside.

        Args:
            run: The outermost, or one inside.
        """
        inside = [one for one in self.bookings if any(each is run for each in around(one.run))]
        return sum(one.tokens for one in inside), sum((one.money for one in inside), Decimal(0))

    def book(self, booking: Booking) -> None:
        """Hold what a call may use.

        Args:
            booking: It fits.
        """
        self.bookings.append(booking)

    def booking(self, run: Run, effect_id: str) -> Booking | None:
        """What is held for a call in progress.

        Args:
            run: Whose call.
            effect_id: Its effect.
        """
        return next((one for one in self.bookings if one.run is run and one.id == effect_id and not one.lost), None)

    def settle(self, run: Run | None = None, effect_id: str = "") -> None:
        """Put in the books what was used since, and let go of what was held for it.

        Args:
            run: Whose effect comes next, where one does.
            effect_id: That effect; those before it in its branch have ended.
        """
        for one in _within(self.root):
            now, before = one.own_usage, self._seen.get(one.id, _NOTHING)
            if now is not before:
                self._seen[one.id] = now
                self._settle(one, one.spent_since(before))
        self.bookings = [
            one for one in self.bookings if not (one.idle and not one.lost and _ended(one, run, effect_id))
        ]

    def _settle(self, run: Run, used: Usage) -> None:
        """Which call a reply belongs to isn't told: what held least is let go, so never too little stays held."""
        open_ = sorted((one for one in self.bookings if one.run is run and not one.lost), key=lambda one: one.tokens)
        known = used.calls - used.unknown_calls
        done, rest = open_[:known], open_[known:]
        if len(done) == known and (size := sum(one.size for one in done)):
            self.density = max(self.density, used.input_tokens / size)
        untold = rest[max(0, len(rest) - used.unknown_calls) :] if used.unknown_calls else []
        for one in untold:
            one.lost = True
        facts = [one.facts for one in done] or [self._prices.of(str(run.bound.model)) if self._prices else ()]
        price = Decimal(0) if untold and not known else self._price(used, facts, done)
        for each in around(run):
            spent = self.spent(each)
            spent.tokens += used.total_tokens
            if price is None:
                spent.unpriced += 1
            else:
                spent.money += price
        self.bookings = [one for one in self.bookings if one not in done]

    def _price(self, used: Usage, facts: list[tuple[Facts, ...]], done: list[Booking]) -> Decimal | None:
        if self._prices is None or not used.calls:
            return Decimal(0)
        prices = [cost(one, _known(used)) for one in facts]
        found = [one for one in prices if one is not None]
        if found and len(found) == len(prices):
            return max(found)
        # What it cost isn't known after all, such as what was read from a cache: what was held is what it cost.
        return sum((one.money for one in done), Decimal(0)) if done else None


def around(run: Run | None) -> Iterator[Run]:
    """A run and those that it is part of, the outermost last.

    Args:
        run: Any.
    """
    while run is not None:
        yield run
        run = run.parent


def _within(run: Run) -> Iterator[Run]:
    stack = [run]
    while stack:
        yield (one := stack.pop())
        stack += one.children


def _known(used: Usage) -> Usage:
    """The same without the calls whose provider didn't say: what was held for those stays held."""
    return msgspec.structs.replace(used, calls=used.calls - used.unknown_calls, unknown_calls=0)


def _ended(booking: Booking, run: Run | None, effect_id: str) -> bool:
    """Whether a call is over: its run is, or a later effect of the same branch is about to begin."""
    if booking.run.finished:
        return True
    if booking.run is not run or booking.id == effect_id:
        return False
    return booking.id.rpartition(".")[0] == effect_id.rpartition(".")[0]
