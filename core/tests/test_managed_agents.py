"""Managed agents: an agent is another's tool, and its run a part of the outer one, limits and totals included."""

from __future__ import annotations

import asyncio
import threading

import pytest
from kernel_doubles import AsyncScripted, Scripted, ThreadExecutor, Watcher, call

from core_plus import CodeAgent, ConfigurationError, RunContext, RunLimits, Text, ToolCallingAgent, Usage, tool
from core_plus.events import ActionStep, RunFinished, RunStarted, TaskStep


def helper(*replies, name="helper", **settings):
    settings = {"description": "Helps.", **settings}
    return ToolCallingAgent(model=Scripted(*replies), name=name, **settings)


def boss(host, *replies, agents, **settings):
    return ToolCallingAgent(model=Scripted(*replies), managed_agents=agents, host=host, **settings)


def ask(name="helper", call_id="", **arguments):
    return call(name, call_id, **{"task": "Find it.", **arguments})


# ---- asking ----------------------------------------------------------------


def test_a_managed_agent_is_called_as_a_tool_and_its_answer_comes_back(host):
    inner = helper("It is here.")
    outer = boss(host, ask(), "Found.", agents=[inner])
    result = outer.run("Go.")
    assert result.output == "Found."
    assert result.steps[1].calls[0].value == "It is here."
    told = inner.model.requests[0].messages[-1].text
    assert 'You are "helper"' in told
    assert "Find it." in told


def test_the_outer_model_is_told_of_its_team(host):
    outer = boss(host, "x", agents=[helper("y")])
    outer.run("Go.")
    assert "helper" in [spec.name for spec in outer.model.requests[0].tools]
    assert "helper" in outer.prompt()
    assert "Helps." in outer.prompt()
    assert "team members" in outer.prompt()


def test_variables_are_handed_on_by_value_of_the_callers_names(host):
    inner = helper("thanks")
    boss(host, ask(variables={"rows": [1, 2]}), "x", agents=[inner]).run("Go.")
    assert "rows (list): [1, 2]" in inner.model.requests[0].messages[-1].text


def test_a_managed_agent_is_called_from_code_with_live_values(host):
    inner = helper("thanks")
    code = "answer = helper('Find it.', variables={'n': 40 + 2})\nfinal_answer(answer + '!')"
    outer = CodeAgent(
        model=Scripted(f"<code>\n{code}\n</code>"), managed_agents=[inner], executor=ThreadExecutor(), host=host
    )
    result = outer.run("Go.")
    assert result.output == "thanks!"
    assert "n (int): 42" in inner.model.requests[0].messages[-1].text
    assert result.usage.calls == 2


@pytest.mark.parametrize("face", ["run", "arun"])
def test_two_managed_agents_work_at_the_same_time_and_answer_in_order(host, face):
    meeting = threading.Barrier(2)

    def meet(request):
        meeting.wait(5)
        return "met"

    one, two = helper(meet, name="one"), helper(meet, name="two")
    outer = boss(host, [ask("one", "a"), ask("two", "b")], "x", agents=[one, two])
    result = outer.run("Go.") if face == "run" else asyncio.run(outer.arun("Go."))
    assert [record.call.name for record in result.steps[1].calls] == ["one", "two"]
    assert [record.value for record in result.steps[1].calls] == ["met", "met"]


def test_two_managed_agents_called_at_once_from_code_work_at_the_same_time(host):
    meeting = threading.Barrier(2)

    def meet(request):
        meeting.wait(5)
        return "met"

    code = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(2) as pool:\n"
        "    a, b = pool.submit(one, 'Find.'), pool.submit(two, 'Find.')\n"
        "    final_answer([a.result(), b.result()])"
    )
    outer = CodeAgent(
        model=Scripted(f"<code>\n{code}\n</code>"),
        managed_agents=[helper(meet, name="one"), helper(meet, name="two")],
        executor=ThreadExecutor(),
        host=host,
    )
    result = outer.run("Go.")
    assert result.output == ["met", "met"]
    assert result.usage.calls == 3
    assert sorted(record.call.name for record in result.steps[1].calls) == ["one", "two"]


def test_one_managed_agent_asked_twice_at_once_has_two_runs(host):
    inner = ToolCallingAgent(
        model=AsyncScripted(lambda request: request.messages[-1].text.strip()[-2:]), name="helper", description="d"
    )
    outer = boss(host, [ask(call_id="a", task="Q1"), ask(call_id="b", task="Q2")], "x", agents=[inner])
    result = outer.run("Go.")
    assert [record.value for record in result.steps[1].calls] == ["Q1", "Q2"]


def test_managed_agents_nest(host):
    inmost = helper("deep", name="inmost")
    middle = helper(ask("inmost"), "got deep", name="middle", managed_agents=[inmost])
    result = boss(host, ask("middle"), "x", agents=[middle]).run("Go.")
    assert result.steps[1].calls[0].value == "got deep"
    assert result.usage == Usage(input_tokens=50, output_tokens=10, calls=5)


def test_a_summary_of_the_work_goes_with_the_answer_where_asked_for(host):
    @tool
    def look() -> str:
        """Looks."""
        return "a blue door"

    inner = helper([Text("I look first."), call("look")], "It is blue.", tools=[look], provide_run_summary=True)
    result = boss(host, ask(), "x", agents=[inner]).run("Go.")
    value = result.steps[1].calls[0].value
    assert value.startswith("It is blue.")
    assert "I look first." in value


def test_the_callers_dependencies_reach_the_tools_of_the_helpers(host):
    @tool
    def who(context: RunContext[str]) -> str:
        """Who."""
        return f"{context.deps} {context.agent_name}"

    inner = helper(call("who"), "x", tools=[who])
    run = boss(host, ask(), "x", agents=[inner]).stream("Go.", deps="me")
    values = [record.value for event in run if isinstance(event, ActionStep) for record in event.calls]
    assert values[0] == "me helper"


@pytest.mark.parametrize("missing", [{"name": None}, {"description": None}, {"description": ""}])
def test_a_managed_agent_needs_a_name_and_a_description(host, missing):
    inner = helper("x", **{"name": "helper", **missing})
    with pytest.raises(ConfigurationError, match="needs a name and a description"):
        boss(host, "x", agents=[inner]).run("Go.")


@pytest.mark.parametrize("name", ["two words", "class", "1st", ""])
def test_a_name_that_code_cannot_call_is_refused(name):
    with pytest.raises(ConfigurationError, match="identifier"):
        helper("x", name=name)


def test_two_of_a_team_with_one_name_are_refused(host):
    with pytest.raises(ConfigurationError, match="'helper'"):
        boss(host, "x", agents=[helper("a"), helper("b")]).run("Go.")


# ---- watching --------------------------------------------------------------


def test_steps_of_a_helper_are_nested_in_the_stream_by_their_path(host):
    inmost = helper("deep", name="inmost")
    middle = helper(ask("inmost"), "got deep", name="middle", managed_agents=[inmost])
    stream = boss(host, ask("middle"), "x", agents=[middle]).stream("Go.", run_id="outer")
    events = list(stream)
    began = [(event.path, event.parent) for event in events if isinstance(event, RunStarted)]
    ids = {event.path: event.run_id for event in events}
    assert began == [((), ""), (("middle",), "outer"), (("middle", "inmost"), ids["middle",])]
    order = [event.path for event in events if isinstance(event, RunFinished)]
    assert order == [("middle", "inmost"), ("middle",), ()]
    assert len(set(ids.values())) == 3
    place = {(type(event), event.path): n for n, event in enumerate(events)}
    assert place[ActionStep, ("middle", "inmost")] < place[ActionStep, ("middle",)] < place[ActionStep, ()]


def test_the_outer_result_holds_the_outer_steps_only_and_all_tokens(host):
    inner = helper(ask("nobody"), "y")
    watcher = Watcher()
    result = boss(host, ask(), "x", agents=[inner]).run("Go.", observers=[watcher])
    assert [type(step).__name__ for step in result.steps] == ["TaskStep", "ActionStep", "ActionStep", "FinalAnswerStep"]
    assert result.usage == Usage(input_tokens=40, output_tokens=8, calls=4)
    assert watcher.of(RunFinished)[-1].usage == result.usage
    assert result.steps[1].usage.calls == 1


# ---- failing ---------------------------------------------------------------


@pytest.mark.parametrize("face", ["run", "arun"])
def test_a_helper_that_fails_is_an_observation_of_the_outer_agent(host, face):
    outer = boss(host, ask(), "I go on without.", agents=[helper(RuntimeError("model is down"))])
    result = outer.run("Go.") if face == "run" else asyncio.run(outer.arun("Go."))
    assert (result.state, result.output) == ("success", "I go on without.")
    assert "model is down" in outer.model.requests[1].messages[-1].parts[0].text


def test_a_helper_that_fails_does_not_lose_the_answer_of_another(host):
    agents = [helper(RuntimeError("down"), name="bad"), helper("fine", name="good")]
    outer = boss(host, [ask("bad", "a"), ask("good", "b")], "x", agents=agents)
    result = outer.run("Go.")
    assert result.state == "success"
    assert outer.model.requests[1].messages[-1].parts[1].text == "fine"


def test_a_helper_without_steps_left_gives_the_best_it_has(host):
    inner = helper(call("nothing"), "half an answer", max_steps=1)
    result = boss(host, ask(), "x", agents=[inner]).run("Go.")
    assert result.steps[1].calls[0].value == "half an answer"


# ---- limits ----------------------------------------------------------------


def test_a_limit_of_the_outer_run_holds_for_its_helpers(host):
    inner = helper(call("nothing"))
    outer = boss(host, ask(), "x", agents=[inner], limits=RunLimits(model_calls=3))
    result = outer.run("Go.")
    assert result.state == "limit"
    assert "3 model calls" in str(result.error)
    assert result.usage.calls == 3


def test_a_limit_of_a_helper_ends_the_helper_and_not_the_outer_run(host):
    inner = helper(call("nothing"), limits=RunLimits(model_calls=2))
    outer = boss(host, ask(), "Enough.", agents=[inner])
    result = outer.run("Go.")
    assert (result.state, result.output) == ("success", "Enough.")
    assert result.usage.calls == 4
    assert "2 model calls" in outer.model.requests[1].messages[-1].parts[0].text


def test_a_helper_cannot_use_more_than_the_outer_run_may_whatever_its_own_limit(host):
    inner = helper(call("nothing"), limits=RunLimits(tokens=10_000))
    result = boss(host, ask(), "x", agents=[inner], limits=RunLimits(tokens=30)).run("Go.")
    assert result.state == "limit"
    assert result.usage.total_tokens == 36


def test_a_limit_of_the_outer_run_reached_in_a_call_from_code_ends_the_run(host):
    code = "try:\n    x = helper('Find.')\nexcept Exception:\n    x = 'caught'\nfinal_answer(x)"
    inner = helper(call("nothing"))
    outer = CodeAgent(
        model=Scripted(f"<code>\n{code}\n</code>"),
        managed_agents=[inner], executor=ThreadExecutor(), host=host, limits=RunLimits(model_calls=3),
    )  # fmt: skip
    assert outer.run("Go.").state == "limit"


# ---- a shared memory -------------------------------------------------------


def test_agents_that_share_memory_read_each_others_steps_as_they_happen(host):
    inner = helper([Text("I open the red box."), call("nothing")], "It was empty.")
    outer = boss(host, [Text("I send the helper."), ask()], "x", agents=[inner], share_memory=True)
    outer.run("Go.")
    told = outer.model.requests[1].messages[-1].text
    assert "helper: step 1: I open the red box." in told
    assert outer.model.requests[1].messages[-2].role == "tool"


def test_a_helper_reads_what_the_outer_agent_did_before(host):
    inner = helper("done")
    replies = [[Text("I look around."), call("nothing")], [Text("I ask."), ask()], "x"]
    boss(host, *replies, agents=[inner], share_memory=True).run("Go.")
    assert "I look around." in "".join(said.text for said in inner.model.requests[0].messages[1:])


def test_what_was_read_once_is_not_told_again(host):
    inner = helper("It was empty.")
    replies = [[Text("I send."), ask()], [Text("Then this."), call("nothing")], "x"]
    outer = boss(host, *replies, agents=[inner], share_memory=True)
    outer.run("Go.")
    texts = [said.text for said in outer.model.requests[2].messages]
    assert sum("It was empty." in text for text in texts) == 1


def test_without_a_shared_memory_agents_see_their_own_steps_only(host):
    inner = helper([Text("I open the red box."), call("nothing")], "It was empty.")
    outer = boss(host, ask(), "x", agents=[inner])
    outer.run("Go.")
    assert "red box" not in "".join(said.text for said in outer.model.requests[1].messages)


def test_a_helper_begins_with_its_own_task_and_not_the_outer_conversation(host):
    inner = helper("y")
    stream = boss(host, ask(), "x", agents=[inner]).stream("The outer task.")
    tasks = [event.task for event in stream if isinstance(event, TaskStep)]
    assert tasks[0] == "The outer task."
    assert len(inner.model.requests[0].messages) == 2
    assert "The outer task." not in tasks[1]
