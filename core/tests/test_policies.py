"""An agent's own policies: heard for its effects and those inside, beside the plugins."""

from __future__ import annotations

import pytest
from kernel_doubles import Scripted, Watcher, call

from core_plus import Allow, Deny, Host, Outcome, Retry, ServerError, ToolCallingAgent, hookimpl, tool
from core_plus.effects import CallModel, CallTool
from core_plus.events import RunStarted, ToolFinished

PAY = [call("pay", amount=5)]
ANSWER = [call("final_answer", answer="done")]


@tool
def pay(amount: int) -> str:
    """Pay.

    Args:
        amount: How much.
    """
    return f"paid {amount}"


class Says:
    """A policy, or a plugin, that says one word to every payment and keeps what it was asked."""

    def __init__(self, word=None):
        self.word, self.heard = word, []

    @hookimpl
    def review_effect(self, run, effect):
        if isinstance(effect, CallTool) and effect.call.name == "pay":
            self.heard.append((run.name, effect.call.name))
            if isinstance(self.word, Exception):
                raise self.word
            return self.word
        return None


def agent(host, *policies, replies=(PAY, ANSWER), **settings):
    return ToolCallingAgent(model=Scripted(*replies), tools=[pay], host=host, policies=policies, **settings)


@pytest.mark.parametrize("word", [Deny("no"), RuntimeError("broken")])
def test_a_policy_denies_for_its_agent_alone(host, word):
    seen = Watcher()
    assert agent(host, Says(word)).run("pay", observers=[seen]).output == "done"
    assert ["was denied" in (event.error or "") for event in seen.of(ToolFinished)] == [True, False]
    assert agent(host).run("pay").steps[1].calls[0].value == "paid 5"


def test_a_policy_is_heard_for_the_agents_that_work_for_its_own_and_once(host):
    policy = Says()
    helper = agent(host, policy, name="helper", description="Pays.")
    agent(host, policy, replies=([call("helper", task="pay")], ANSWER), managed_agents=[helper]).run("go")
    assert policy.heard == [("helper", "pay")]


def test_the_policy_of_an_agent_inside_does_not_hold_outside(host):
    policy = Says(Deny("not you"))
    helper = agent(host, policy, name="helper", description="Pays.")
    outer = agent(
        host, replies=([call("helper", task="pay")], [call("pay", amount=1)], ANSWER), managed_agents=[helper]
    )
    result = outer.run("go")
    assert policy.heard == [("helper", "pay")]
    assert result.steps[2].calls[0].value == "paid 1"


@pytest.mark.parametrize(("plugin", "policy"), [(Deny(), Allow()), (Allow(), Deny()), (Deny(), None)])
def test_the_strictest_of_plugins_and_policies_holds(plugin, policy):
    with Host(discover=False, plugins=[Says(plugin)]) as host:
        result = agent(host, Says(policy)).run("pay")
    assert result.steps[1].error.kind == "AgentDeniedError"


class Answering:
    """Answers model calls with a word, and says when it was asked."""

    def __init__(self, word, order):
        self.word, self.order = word, order

    def _said(self, effect):
        if isinstance(effect, CallModel):
            self.order.append(self.word)

    @hookimpl
    def answer_effect(self, run, effect):
        return self._said(effect)


class AnsweringLast(Answering):
    @hookimpl(trylast=True)
    def answer_effect(self, run, effect):
        return self._said(effect)


def test_a_policy_is_heard_before_the_plugins_unless_it_wants_to_be_last():
    order = []
    with Host(discover=False, plugins=[Answering("plugin", order)]) as host:
        agent(host, AnsweringLast("last", order), Answering("first", order), replies=(ANSWER,)).run("go")
    assert order == ["first", "plugin", "last"]


def test_a_policy_may_answer_and_may_retry(host):
    class Cache:
        def answer_effect(self, run, effect):
            return Outcome("from the cache") if isinstance(effect, CallTool) and effect.call.name == "pay" else None

        def retry_effect(self, run, effect, error, attempt):
            return Retry()

    result = agent(host, Cache(), replies=(ServerError("oh"), [call("pay", amount=5)], ANSWER)).run("go")
    assert result.steps[1].calls[0].value == "from the cache"


def test_a_policy_with_observe_sees_what_happens_from_when_its_agent_works(host):
    class Sees(Watcher):
        pass

    outer, inner = Sees(), Sees()
    helper = agent(host, inner, outer, name="helper", description="Pays.", replies=(ANSWER,))
    agent(host, outer, replies=([call("helper", task="x")], ANSWER), managed_agents=[helper]).run("go")
    assert [event.agent for event in outer.of(RunStarted)] == ["", "helper"]
    assert [event.agent for event in inner.of(RunStarted)] == ["helper"]
