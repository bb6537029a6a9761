"""What models cost, and that no run costs more than it may."""

from __future__ import annotations

import pytest
from budget_doubles import LOOK, PRICES, Metered, agent, ended, used

from core_plus import Usage
from core_plus_budget import Budget
from core_plus_budget.counting import bound


def test_money_is_limited(host):
    model = Metered(LOOK, usage=lambda request: Usage(input_tokens=bound(request), output_tokens=request.max_tokens))
    budget = Budget(money="0.05", prices=PRICES, reply=1_000)
    result = ended(agent(host, model, budget).run("go"), "the run may cost 0.05 US dollars: ")
    cost = (result.usage.input_tokens * 1 + result.usage.output_tokens * 10) / 1e6
    assert 0 < cost <= 0.05
    assert float(budget.left(result.run).money) == pytest.approx(0.05 - cost)


def test_what_a_cache_gave_costs_less(host):
    budget = Budget(money=1, prices=PRICES)
    usage = Usage(input_tokens=1_000, cached_tokens=900, output_tokens=10)
    result = agent(host, Metered("done", usage=usage), budget).run("go")
    assert float(1 - budget.left(result.run).money) == pytest.approx((100 * 1 + 900 * 0.1 + 10 * 10) / 1e6)


def test_what_has_no_known_price_after_all_costs_what_was_held(host):
    budget = Budget(money=1, prices={"metered:*": {"input": 1, "output": 10}}, reply=1_000)
    usage = Usage(input_tokens=1_000, cached_tokens=900, output_tokens=10)
    model = Metered("done", usage=usage)
    result = agent(host, model, budget).run("go")
    held = bound(model.requests[0]) * 1 + 1_000 * 10
    assert float(1 - budget.left(result.run).money) == pytest.approx(held / 1e6)


def test_a_limit_of_money_refuses_a_model_without_a_price(host):
    model = Metered("done", name="nobody:knows", usage=used())
    ended(agent(host, model, Budget(money=1)).run("go"), "no price is known of the model 'nobody:knows'")
    assert model.requests == []


def test_a_chain_costs_what_its_dearest_model_does(host):
    prices = {"a:*": {"input": 1, "output": 1}, "b:*": {"input": 3, "output": 5}}
    budget = Budget(money=1, prices=prices)
    result = agent(host, Metered("done", usage=used(), name="fallback:a:x,b:y"), budget).run("go")
    assert float(1 - budget.left(result.run).money) == pytest.approx((100 * 3 + 10 * 5) / 1e6)
    model = Metered("done", usage=used(), name="fallback:a:x,c:z")
    ended(agent(host, model, budget).run("go"), "no price is known")


def test_prices_are_those_of_the_shared_facts_unless_given(host):
    from core_plus_budget import Prices
    from core_plus_http.facts import facts_of

    name = "anthropic:claude-opus-5"
    assert Prices().of(name) == (facts_of(name),)
    (own,) = Prices({name: {"input": 2.5, "output": 9}}).of(name)
    assert (str(own.input), str(own.output)) == ("2.5", "9")
    assert Prices(lambda ref: None).of(name) == ()
