"""Limits hold before an effect begins, and a run that reaches one keeps everything."""

from __future__ import annotations

import asyncio

import pytest
from budget_doubles import LOOK, Metered, agent, call, ended, used

from core_plus import (
    ConfigurationError,
    Host,
    ModelResponse,
    OverloadedError,
    PluginError,
    RunLimits,
    ServerError,
    Usage,
    message,
)
from core_plus.effects import Deny, Outcome, Retry
from core_plus.hookspecs import hookimpl
from core_plus_budget import Budget, WithBudget
from core_plus_budget.counting import bound, estimate


def test_calls_of_a_model_are_limited(host):
    model = Metered(LOOK, usage=used())
    result = ended(agent(host, model, Budget(model_calls=3)).run("go"), "the run may make 3 model calls")
    assert len(model.requests) == 3
    assert len(result.steps) == 4
    assert result.usage.calls == 3


def test_calls_of_tools_are_limited(host):
    ended(agent(host, Metered(LOOK, usage=used()), Budget(tool_calls=2)).run("go"), "may make 2 tool calls")


def test_time_is_limited(host):
    ended(agent(host, Metered(LOOK, usage=used()), Budget(seconds=0)).run("go"), "may take 0 seconds")


def test_tokens_are_limited_before_the_call_that_could_pass_the_limit(host):
    model = Metered(LOOK, usage=lambda request: Usage(input_tokens=bound(request), output_tokens=request.max_tokens))
    result = ended(agent(host, model, Budget(tokens=5_000, reply=300)).run("go"), "the run may use 5,000 tokens: ")
    assert 0 < result.usage.total_tokens <= 5_000
    assert {request.max_tokens for request in model.requests[:-1]} == {300}


def test_a_call_may_write_what_remains(host):
    model = Metered("done", usage=used())
    agent(host, model, Budget(tokens=4_000)).run("go")
    (request,) = model.requests
    assert request.max_tokens == 4_000 - estimate(request)


@pytest.mark.parametrize(("asked", "told"), [(500, 500), (50_000, None)])
def test_a_call_that_says_how_much_it_writes_gets_that_or_what_remains(host, asked, told):
    class Wants:
        @hookimpl
        def review_effect(self, effect):
            from core_plus import Allow
            from core_plus.effects import CallModel

            return Allow(max_tokens=asked) if isinstance(effect, CallModel) else None

    model = Metered("done", usage=used())
    with Host(discover=False, plugins=[Wants()]) as other:
        agent(other, model, Budget(tokens=10_000)).run("go")
    assert model.requests[0].max_tokens == (told or 10_000 - estimate(model.requests[0]))


def test_a_model_that_writes_less_is_asked_for_less(host):
    prices = {"metered:one": {"input": 1, "output": 1, "max_output": 128}}
    model = Metered("done", usage=used())
    agent(host, model, Budget(tokens=100_000, prices=prices)).run("go")
    assert model.requests[0].max_tokens == 128


def test_without_a_limit_on_tokens_or_money_requests_stay_as_they_are(host):
    model = Metered("done", usage=used())
    agent(host, model, Budget(model_calls=5)).run("go")
    assert model.requests[0].max_tokens is None


def test_a_reply_that_does_not_say_what_it_used_stays_held(host):
    model = Metered(LOOK, usage=None)
    budget = Budget(tokens=20_000, reply=3_000)
    ended(agent(host, model, budget).run("go"), "are used")
    assert 1 < len(model.requests) <= 20_000 // 3_000


class Again:
    """Has failed calls made again at once."""

    @hookimpl
    def retry_effect(self, attempt):
        return Retry(0.0) if attempt < 3 else None


@pytest.mark.parametrize(("error", "fits"), [(OverloadedError("no room"), True), (ServerError("oh"), False)])
def test_an_attempt_that_may_have_cost_something_stays_held(error, fits):
    with Host(discover=False, plugins=[Again()]) as host:
        model = Metered(error, error, "done", usage=used())
        result = agent(host, model, Budget(tokens=8_000, reply=4_000)).run("go")
    if fits:
        assert result.output == "done"
        assert len(model.requests) == 3
    else:
        ended(result, "what a failed attempt may have cost is held")
        assert len(model.requests) == 1


def test_each_attempt_is_a_call():
    with Host(discover=False, plugins=[Again()]) as host:
        model = Metered(OverloadedError("no room"), usage=used())
        ended(agent(host, model, Budget(model_calls=2)).run("go"), "may make 2 model calls")
    assert len(model.requests) == 2


def test_what_failed_for_nothing_is_given_back_when_the_call_has_ended(host):
    poor = Metered(OverloadedError("no room"), usage=used())
    helper = agent(host, poor, name="helper", description="Helps.")
    boss = Metered(call("helper", task="do"), call("helper", task="do"), "done", usage=used())
    result = agent(host, boss, Budget(tokens=9_000, reply=5_000), managed_agents=[helper]).run("go")
    assert result.output == "done"
    assert len(poor.requests) == 2


@pytest.mark.parametrize("word", [Deny("no"), Outcome(ModelResponse(message("assistant", "cached"), used()))])
def test_a_call_that_is_denied_or_answered_by_a_cache_holds_nothing(word):
    from core_plus.effects import CallModel

    class Says:
        left = 3

        @hookimpl
        def review_effect(self, effect):
            return self._said(effect, Deny)

        @hookimpl
        def answer_effect(self, effect):
            return self._said(effect, Outcome)

        def _said(self, effect, kind):
            if not isinstance(effect, CallModel) or not isinstance(word, kind) or not self.left:
                return None
            self.left -= 1
            return word

    budget = Budget(tokens=9_000, reply=8_000)
    with Host(discover=False, plugins=[Says()]) as host:
        model = Metered("done", usage=used())
        result = agent(host, model, budget, plain_answers=True).run("go")
    assert result.state == "success"
    used_ = 110 if isinstance(word, Deny) else 0
    assert budget.left(result.run).tokens == 9_000 - used_


def test_an_agent_inside_has_limits_of_its_own_and_the_rest_goes_on(host):
    helper = agent(host, Metered(LOOK, usage=used()), name="helper", description="Helps.")
    boss = Metered(call("helper", task="do"), "did it myself", usage=used())
    budget = Budget(agents={"helper": {"model_calls": 2}}, model_calls=10)
    result = agent(host, boss, budget, managed_agents=[helper]).run("go")
    assert result.output == "did it myself"
    assert "the agent 'helper' may make 2 model calls" in result.steps[1].error.message
    assert len(helper.model.requests) == 2


def test_an_agents_own_budget_is_for_each_of_its_runs(host):
    helper = agent(
        host,
        Metered(LOOK, LOOK, "done", LOOK, LOOK, "done", usage=used()),
        Budget(model_calls=3),
        name="helper",
        description="Helps.",
    )
    boss = Metered(call("helper", task="do"), call("helper", task="do"), "done", usage=used())
    assert agent(host, boss, managed_agents=[helper]).run("go").output == "done"
    assert len(helper.model.requests) == 6


def test_what_works_inside_counts_for_those_around_it(host):
    helper = agent(host, Metered(LOOK, usage=used()), name="helper", description="Helps.")
    boss = Metered(call("helper", task="do"), usage=used())
    result = agent(host, boss, Budget(model_calls=5), managed_agents=[helper]).run("go")
    ended(result, "the run may make 5 model calls")
    assert (len(boss.requests), len(helper.model.requests)) == (1, 4)


def test_depth_is_limited_by_a_denial_that_the_agent_reads(host):
    low = agent(host, Metered("low", usage=used()), name="low", description="Is low.")
    middle = agent(
        host,
        Metered(call("low", task="do"), "alone", usage=used()),
        name="middle",
        description="Is.",
        managed_agents=[low],
    )
    boss = agent(
        host, Metered(call("middle", task="do"), "done", usage=used()), Budget(depth=2), managed_agents=[middle]
    )
    result = boss.run("go")
    assert result.output == "done"
    assert low.model.requests == []
    assert "agents may stand 2 deep here; do the task yourself" in middle.model.requests[1].messages[-1].parts[0].text


def test_an_async_run_is_held_the_same(host):
    model = Metered(LOOK, usage=lambda request: Usage(input_tokens=bound(request), output_tokens=request.max_tokens))
    result = asyncio.run(agent(host, model, Budget(tokens=5_000, reply=300)).arun("go"))
    ended(result, "the run may use 5,000 tokens")
    assert result.usage.total_tokens <= 5_000


@pytest.mark.parametrize("way", ["memory object", "memory name"])
def test_what_is_left_stands_at_the_end_of_each_request_and_nowhere_else(way):
    model = Metered(LOOK, "done", usage=used())
    config = {"hooks.budget": {"tokens": 10_000, "model_calls": 5}}
    with Host(only=["core-plus-budget"], config=config) as host:
        memory = WithBudget() if way == "memory object" else "budget"
        result = agent(host, model, memory=memory).run("go")
    first, second = [request.messages[-1].text for request in model.requests]
    assert first == "(What is left of the budget: 10,000 tokens, 5 model calls.)"
    assert second == "(What is left of the budget: 9,890 tokens, 4 model calls.)"
    assert not any("What is left" in said.text for said in result.messages)


def test_without_a_budget_the_memory_says_nothing(host):
    model = Metered("done", usage=used())
    agent(host, model, memory=WithBudget()).run("go")
    assert model.requests[0].messages[-1].role == "user"
    assert "left" not in model.requests[0].messages[-1].text


@pytest.mark.parametrize("way", ["settings", "environment"])
def test_limits_are_set_for_a_host(way, monkeypatch):
    if way == "environment":
        monkeypatch.setenv("CORE_PLUS_BUDGET_MODEL_CALLS", "2")
    config = {"hooks.budget": {"model_calls": 2}} if way == "settings" else {}
    with Host(only=["core-plus-budget"], config=config) as host:
        ended(agent(host, Metered(LOOK, usage=used())).run("go"), "may make 2 model calls")


def test_a_budget_may_be_a_plugin():
    with Host(discover=False, plugins=[Budget(model_calls=2, tokens=100_000)]) as host:
        ended(agent(host, Metered(LOOK, usage=used())).run("go"), "may make 2 model calls")


def test_nothing_is_limited_until_a_limit_is_set():
    with Host(only=["core-plus-budget"]) as host:
        model = Metered(LOOK, "done", usage=used())
        assert agent(host, model).run("go").output == "done"
        assert model.requests[0].max_tokens is None


def test_the_strictest_of_several_budgets_holds(host):
    result = agent(
        host, Metered(LOOK, usage=used()), Budget(model_calls=4), Budget(model_calls=2), limits=RunLimits(model_calls=3)
    ).run("go")
    ended(result, "may make 2 model calls")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"token": 5}, "budget has no setting 'token'; did you mean tokens"),
        ({"tokens": -1}, "tokens is a whole number from 0"),
        ({"tokens": 1.5}, "tokens is a whole number from 0"),
        ({"money": "much"}, "money is a number of US dollars from 0"),
        ({"money": float("nan")}, "money is a number of US dollars from 0"),
        ({"seconds": -1}, "seconds is a number of seconds from 0"),
        ({"depth": 0}, "depth is a whole number from 1"),
        ({"reply": 0}, "reply is a whole number of tokens from 1"),
        ({"agents": {"helper": {"monney": 1}}}, "the agent 'helper' has no limit 'monney'; did you mean money"),
        ({"agents": {"helper": 5}}, "the limits of the agent 'helper' are a table"),
        ({"prices": {"a:b": {"inputs": 1}}}, "prices of 'a:b'"),
    ],
)
def test_settings_that_make_no_sense_stop_the_host(settings, text):
    with (
        pytest.raises(PluginError, match=text),
        Host(only=["core-plus-budget"], config={"hooks.budget": settings}) as host,
    ):
        host.names("tool")


def test_a_variable_that_is_no_number_is_named(monkeypatch):
    from core_plus_budget.limits import settings_of

    monkeypatch.setenv("CORE_PLUS_BUDGET_TOKENS", "many")
    with pytest.raises(ConfigurationError, match="CORE_PLUS_BUDGET_TOKENS='many' is no number"):
        settings_of({})
