"""Whatever goes on at once, what was used stays within the limit: at no moment, and in no order."""

from __future__ import annotations

import asyncio
import random
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core_plus import (
    Host,
    LimitReached,
    Message,
    ModelRequest,
    ModelResponse,
    Tool,
    ToolCall,
    ToolCallingAgent,
    Usage,
    message,
)
from core_plus.effects import CallModel, Together
from core_plus_budget import Budget
from core_plus_budget.counting import bound

PRICES = {"wild:*": {"input": 2, "cached": 1, "cache_write": 3, "output": 10}}
EACH = st.tuples(st.integers(0, 400), st.none() | st.integers(1, 2_000))
TREES = st.lists(
    EACH | st.lists(EACH | st.lists(EACH, min_size=1, max_size=3), min_size=1, max_size=3), min_size=2, max_size=6
)


class Wild:
    """A model that uses any part of what it may; it counts what was used in all, and holds no lock while it answers."""

    def __init__(self, seed=0):
        self.random, self.lock, self.used, self.cost, self.requests = random.Random(seed), threading.Lock(), 0, 0.0, []

    def __str__(self):
        return "wild:one"

    def count_tokens(self, request):
        return bound(request)

    def forward(self, request):
        with self.lock:
            assert request.max_tokens is not None
            self.requests.append(request)
            read = self._some(bound(request))
            cached = self._some(read)
            written = self._some(request.max_tokens)
            self.used += read + written
            self.cost += ((read - cached) * 3 + cached * 1 + written * 10) / 1e6
            usage = Usage(
                input_tokens=read, cached_tokens=cached, cache_write_tokens=read - cached, output_tokens=written
            )
        return ModelResponse(message("assistant", "done"), usage)

    def _some(self, most):
        return self.random.choice([most, most, self.random.randint(0, most), 0])


class Fans(Tool):
    """Asks the model along a tree: the branches of a node at once. What a limit stops is counted."""

    name, description, output_type, inputs, effect = "fan", "Asks.", "integer", {}, "read"

    def __init__(self, tree):
        self.tree, self.stopped, self.refused = tree, 0, threading.Event()

    def forward(self):
        yield from self._asked(self.tree)
        return self.stopped

    def _asked(self, tree):
        if isinstance(tree, list):
            outcomes = yield Together(branches=[self._asked(each) for each in tree])
            for outcome in outcomes:
                outcome.get()
            return
        length, most = tree
        try:
            yield CallModel(request=ModelRequest((message("user", "x" * length),), max_tokens=most), purpose="fan")
        except LimitReached:
            self.stopped += 1
            self.refused.set()


def call(name, **arguments):
    return Message("assistant", (ToolCall("", name, arguments),))


class First:
    """A model whose steps say certain things first, for nothing; all else the wild one answers."""

    def __init__(self, wild, *replies):
        self.wild, self.replies = wild, list(replies)

    def __str__(self):
        return "wild:first"

    def count_tokens(self, request):
        return bound(request)

    def forward(self, request):
        if self.replies and request.messages[0].role == "system":
            return ModelResponse(self.replies.pop(0), Usage())
        return self.wild.forward(request)


@pytest.mark.parametrize("way", ["sync", "async"])
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(tree=TREES, tokens=st.integers(2_000, 12_000), cents=st.none() | st.integers(1, 10), reply=st.integers(1, 2_000))
def test_branches_at_once_never_use_more_than_there_is(way, tree, tokens, cents, reply):
    money = None if cents is None else cents / 100
    wild, fans = Wild(tokens), Fans(tree)
    budget = Budget(tokens=tokens, money=money, prices=PRICES, reply=reply)
    with Host(discover=False) as host:
        model = First(wild, call("fan"), message("assistant", "end"))
        agent = ToolCallingAgent(model=model, tools=[fans], host=host, policies=[budget])
        result = agent.run("go") if way == "sync" else asyncio.run(agent.arun("go"))
    assert wild.used <= tokens
    assert money is None or wild.cost <= money + 1e-9
    assert result.usage.total_tokens == wild.used
    left = budget.left(result.run)
    assert left.tokens == tokens - wild.used
    assert money is None or float(left.money) == pytest.approx(max(money - wild.cost, 0), abs=1e-9)


@pytest.mark.parametrize("way", ["sync", "async"])
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    tokens=st.integers(3_000, 40_000),
    own=st.integers(1_000, 10_000),
    helpers=st.integers(1, 4),
    times=st.integers(1, 3),
)
def test_agents_at_once_share_what_there_is_and_keep_to_their_own(way, tokens, own, helpers, times):
    wilds = [Wild(n) for n in range(helpers)]
    names = [f"helper_{n}" for n in range(helpers)]
    fans = [Fans([(50, None)] * 3) for _ in names]
    with Host(discover=False) as host:
        team = [
            ToolCallingAgent(model=First(wild, call("fan")), tools=[fan], name=name, description="Helps.", host=host)
            for wild, name, fan in zip(wilds, names, fans, strict=True)
        ]
        parts = tuple(ToolCall("", name, {"task": f"part {n}"}) for n in range(times) for name in names)
        boss = First(Wild(99), Message("assistant", parts), message("assistant", "end"))
        budget = Budget(tokens=tokens, reply=700, agents={name: {"tokens": own} for name in names})
        agent = ToolCallingAgent(model=boss, managed_agents=team, host=host, policies=[budget])
        result = agent.run("go") if way == "sync" else asyncio.run(agent.arun("go"))
    assert sum(wild.used for wild in wilds) + boss.wild.used == result.usage.total_tokens <= tokens
    for inner in result.run.children:
        assert inner.usage.total_tokens <= own


def test_what_one_branch_holds_another_does_not_get():
    """Calls at once, each wanting more than half: the second gets the rest, the third isn't started."""
    fans = Fans([(10, 3_000), (10, 3_000), (10, 3_000)])

    class Slow(Wild):
        def forward(self, request):
            assert fans.refused.wait(30)
            return super().forward(request)

    wild = Slow()
    with Host(discover=False) as host:
        model = First(wild, call("fan"), message("assistant", "end"))
        agent = ToolCallingAgent(model=model, tools=[fans], host=host, policies=[Budget(tokens=5_000)])
        assert agent.run("go").output == "end"
    second, first = sorted(bound(request) + request.max_tokens for request in wild.requests)
    assert first > 3_000
    assert first + second <= 5_000
    assert fans.stopped == 1
