"""The books of a run: whatever replies come, and in whatever order, never too little is held."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from core_plus import Run, Usage
from core_plus_budget.account import Account, Booking


class Counted(Run):
    """As much of a run as books are kept of."""

    finished = False

    def __init__(self):
        self.id, self.parent, self.children, self.root, self._usage = "r", None, [], self, Usage()


@given(
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=8),
    order=st.randoms(),
    told=st.lists(st.booleans(), min_size=8, max_size=8),
    looks=st.lists(st.booleans(), min_size=8, max_size=8),
)
def test_never_less_is_held_than_calls_in_progress_may_use(sizes, order, told, looks):
    run = Counted()
    account = Account(run, None)
    open_ = {f"1.{n}.1": size for n, size in enumerate(sizes)}
    untold = 0
    for key, size in open_.items():
        account.book(Booking(run, key, size, Decimal(0), size, ()))
    replies = [*open_]
    order.shuffle(replies)
    for key, says, look in zip(replies, told, looks, strict=False):
        size = open_.pop(key)
        run.count(Usage(input_tokens=size) if says else None)
        untold += 0 if says else size
        if look:
            account.settle()
            assert account.held(run)[0] >= sum(open_.values()) + untold
    account.settle()
    assert account.held(run)[0] >= untold
    assert account.spent(run).tokens == sum(sizes) - untold
    assert bool(account.held(run)[0]) == bool(untold)
