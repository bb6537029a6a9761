"""The books are right in the process that goes on with a run, where nobody was asked before the calls kept."""

from __future__ import annotations

import pytest

from core_plus import Ask, Host, Message, ModelResponse, ToolCall, ToolCallingAgent, Usage, hookimpl, tool
from core_plus.effects import CallTool
from core_plus_budget import Budget, WithBudget
from core_plus_journal import Journal
from core_plus_journal.memory import MemoryStore

PRICES = {"told:*": {"input": 1, "output": 10}}


@tool
def pay(amount: int) -> str:
    """Pay.

    Args:
        amount: How much.
    """
    return f"paid {amount}"


class Told:
    """Pays at every step."""

    def __init__(self):
        self.requests = []

    def __str__(self):
        return "told:one"

    def forward(self, request):
        self.requests.append(request)
        said = Message("assistant", (ToolCall("", "pay", {"amount": len(request.messages)}),))
        return ModelResponse(said, Usage(input_tokens=100, output_tokens=10))


class AsksThird:
    """Asks before the third payment."""

    @hookimpl
    def review_effect(self, run, effect):
        return Ask("Pay?") if isinstance(effect, CallTool) and run.step_number == 3 else None


@pytest.fixture
def process():
    hosts = []

    def begun(budget, **settings):
        hosts.append(host := Host(only=["core-plus-journal"], plugins=[AsksThird()]))
        return ToolCallingAgent(model=Told(), tools=[pay], host=host, policies=[budget], **settings)

    yield begun
    for host in hosts:
        host.close()


@pytest.mark.parametrize("memory", [False, True])
def test_what_was_used_in_an_earlier_process_counts(process, memory):
    journal, settings = Journal(MemoryStore()), {"memory": WithBudget()} if memory else {}
    budgets = [Budget(tokens=20_000, money=0.1, model_calls=5, prices=PRICES, reply=1_000) for _ in range(2)]
    first = process(budgets[0], **settings)
    suspended = first.run("go", journal=journal, run_id="r")
    assert suspended.state == "suspended"
    before = budgets[0].left(suspended.run)
    second = process(budgets[1], **settings)
    result = second.resume("r", "yes", journal=journal)
    assert result.state == "limit"
    assert "may make 5 model calls" in str(result.error)
    assert (len(first.model.requests), len(second.model.requests)) == (3, 2)
    after = budgets[1].left(result.run)
    assert (before.tokens, after.tokens) == (20_000 - 330, 20_000 - 550)
    assert float(before.money - after.money) == pytest.approx(2 * (100 * 1 + 10 * 10) / 1e6)
