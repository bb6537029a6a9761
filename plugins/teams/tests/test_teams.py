"""Chains and the planner "auto", with models that say what they are told."""

from __future__ import annotations

import asyncio
import json

import pytest

import core_plus_teams
from core_plus import ConfigurationError, Host, ModelResponse, PlanningStep, RunFailed, ToolCallingAgent, Usage, message
from core_plus_teams import SubtaskPlanner, chain


class Says:
    """A model that answers from a list, and keeps what it was asked."""

    def __init__(self, *replies):
        self.replies, self.requests = list(replies), []

    def forward(self, request):
        self.requests.append(request)
        reply = self.replies.pop(0)
        return ModelResponse(message("assistant", reply(request) if callable(reply) else reply), Usage(5, 1))

    def asked(self, number=-1):
        return "\n".join(said.text for said in self.requests[number].messages)


@pytest.fixture
def host():
    with Host(discover=False, plugins=[core_plus_teams]) as made:
        yield made


@pytest.fixture
def make(host):
    def agent(model, name=None, **settings):
        return ToolCallingAgent(model=model, name=name, description=name and f"Is {name}.", host=host, **settings)

    return agent


def plan(*pairs):
    return json.dumps({"subtasks": [{"agent": agent, "task": task} for agent, task in pairs]})


def test_each_agent_of_a_chain_gets_the_answer_before_it(make, host):
    first, second = Says("forty"), Says("forty-two")
    result = chain(make(first), make(second), host=host).run("add two")
    assert result.output == "forty-two"
    assert "add two" in second.asked()
    assert "forty" in second.asked()


def test_a_chain_that_shares_passes_the_conversation_on(make, host):
    first, second = Says("secret thought"), Says("done")
    chain(make(first), make(second), host=host, share=True).run("think")
    roles = [said.role for said in second.requests[0].messages]
    assert roles == ["system", "user", "assistant", "user"]


def test_a_chain_counts_the_tokens_of_all(make, host):
    result = chain(make(Says("a")), make(Says("b")), host=host).run("go")
    assert (result.usage.calls, result.usage.total_tokens) == (2, 12)


def test_a_chain_runs_async_and_streams_what_its_agents_do(make, host):
    async def paths():
        return {
            event.path async for event in chain(make(Says("a"), "one"), make(Says("b"), "two"), host=host).astream("go")
        }

    assert asyncio.run(paths()) == {(), ("one",), ("two",)}


def test_a_chain_can_be_a_managed_agent(make, host):
    team = chain(make(Says("a")), make(Says("b")), host=host, name="team", description="Works.")
    from core_plus import ToolCall

    lead = make(Says([ToolCall("1", "team", {"task": "go"})], lambda request: request.messages[-1].parts[0].text))
    lead = ToolCallingAgent(model=lead.model, managed_agents=[team], host=host)
    assert lead.run("delegate").output == "b"


def test_a_failing_link_ends_the_chain_and_says_why(make, host):
    def fail(_):
        raise RuntimeError("no power")

    after = Says("never")
    result = chain(make(Says(fail)), make(after), host=host).run("go")
    with pytest.raises(RunFailed, match="no power"):
        _ = result.output
    assert after.requests == []


def test_an_empty_chain_is_refused():
    with pytest.raises(ConfigurationError, match="at least one agent"):
        chain()


def test_subtasks_go_to_the_agent_that_fits_and_the_plan_is_revised(make):
    cook, tailor = Says("soup"), Says("coat")
    lead = Says(
        plan(("cook", "make soup"), ("tailor", "sew")), plan(("tailor", "sew a warm coat")), plan(), "soup and a coat"
    )
    agent = make(lead, managed_agents=[make(cook, "cook"), make(tailor, "tailor")], planning="auto")
    result = agent.run("winter")
    assert result.output == "soup and a coat"
    assert "make soup" in cook.asked()
    assert "sew a warm coat" in tailor.asked()
    assert "soup" in lead.asked(1)
    plans = [step for step in result.steps if isinstance(step, PlanningStep)]
    assert [len(step.subtasks) for step in plans] == [2, 1, 0]


def test_a_subtask_that_fails_is_told_to_the_planner(make):
    def fail(_):
        raise RuntimeError("no flour")

    lead = Says(plan(("cook", "bake")), plan(), "there is no bread")
    agent = make(lead, managed_agents=[make(Says(fail), "cook")], planning="auto")
    assert agent.run("bread").output == "there is no bread"
    assert "no flour" in lead.asked(1)


@pytest.mark.parametrize("nonsense", ["I would cook.", plan(("nobody", "x")), '{"subtasks": [{"task": 1}]}', "{}"])
def test_a_plan_that_cannot_be_read_is_asked_for_again(make, nonsense):
    lead = Says(nonsense, plan(("cook", "bake")), plan(), "bread")
    agent = make(lead, managed_agents=[make(Says("ok"), "cook")], planning="auto")
    assert agent.run("go").output == "bread"


def test_a_planner_that_never_writes_a_plan_ends_the_run_with_the_reason(make):
    agent = make(Says("no", "no", "no"), managed_agents=[make(Says(), "cook")], planning="auto")
    result = agent.run("go")
    assert result.state == "failed"
    assert "no plan" in str(result.error)


def test_subtasks_come_to_an_end(make):
    lead = Says(*[plan(("cook", "again"))] * 3, "enough")
    cook = Says("1", "2", "3")
    agent = make(lead, managed_agents=[make(cook, "cook")], planning_interval=SubtaskPlanner(most=3))
    assert agent.run("go").output == "enough"
    assert cook.replies == []


def test_a_planner_may_ask_a_person_before_it_plans(make):
    from core_plus import ToolCall

    lead = Says(
        [ToolCall("1", "ask_person", {"question": "Red or blue?", "choices": ["red", "blue"]})],
        "Paint it blue.",
        "done",
    )
    agent = make(lead, tools=["ask_person"], planning_interval=5)
    waiting = agent.run("paint")
    assert (waiting.state, waiting.questions[0].choices) == ("suspended", ("red", "blue"))
    result = agent.resume(waiting, "blue")
    assert result.output == "done"
    assert lead.requests[1].messages[-1].parts[0].text == "blue"
    assert [step.plan for step in result.steps if isinstance(step, PlanningStep)] == ["Paint it blue."]
