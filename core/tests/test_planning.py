"""Plans: before the first step and then every so many, from a model, a planner of one's own, or a person."""

from __future__ import annotations

import asyncio

import pytest
from kernel_doubles import Scripted, ThreadExecutor, Watcher, call

from core_plus import (
    Ask,
    CodeAgent,
    ConfigurationError,
    Continue,
    Edit,
    Host,
    Stop,
    Text,
    ToolCallingAgent,
    hookimpl,
    message,
    tool,
)
from core_plus.effects import AskHuman, CallModel, Question
from core_plus.events import ActionStep, PlanningStep, StepStarted, TaskStep
from core_plus.models import ModelRequest


@tool
def look(place: str) -> str:
    """Looks somewhere.

    Args:
        place: Where.
    """
    return f"nothing in {place}"


def planned(host, *replies, interval=1, **settings):
    return ToolCallingAgent(model=Scripted(*replies), tools=[look], planning_interval=interval, host=host, **settings)


def shape(result):
    return "".join(type(step).__name__[0] for step in result.steps)


def acting(request):
    """A plan where no tool is offered, then looking on and on."""
    return call("look", place="x") if request.tools else "1. Look. 2. Answer."


# ---- when ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("interval", "steps"),
    [(1, "TPAPAPAPA"), (2, "TPAAPAA"), (3, "TPAAAPA"), (4, "TPAAAA"), (9, "TPAAAA"), (None, "TAAAA")],
)
def test_there_is_a_plan_before_step_1_and_then_every_so_many_steps(host, interval, steps):
    result = planned(host, acting, interval=interval, max_steps=4).run("Go.")
    assert shape(result)[: len(steps)] == steps
    assert shape(result)[len(steps) :] == "AF"


@pytest.mark.parametrize(("own", "given", "steps"), [(None, 1, "TPAPA"), (1, 2, "TPAA"), (2, 1, "TPAPA")])
def test_the_interval_of_the_run_goes_before_that_of_the_agent(host, own, given, steps):
    result = planned(host, acting, interval=own, max_steps=2).run("Go.", planning_interval=given)
    assert shape(result) == steps + "AF"


def test_code_agents_plan_too(host):
    model = Scripted("1. Answer.", "<code>\nfinal_answer(1)\n</code>")
    result = CodeAgent(model=model, executor=ThreadExecutor(), host=host, planning_interval=3).run("Go.")
    assert shape(result) == "TPAF"
    assert result.steps[1].plan == "1. Answer."


@pytest.mark.parametrize("wrong", [0, -1])
def test_an_interval_below_1_is_refused(host, wrong):
    with pytest.raises(ConfigurationError, match="planning_interval"):
        planned(host, "x", interval=wrong)
    with pytest.raises(ConfigurationError, match="planning_interval"):
        planned(host, "x").run("Go.", planning_interval=wrong)


def test_a_session_plans_again_for_each_task(host):
    session = planned(host, "plan a", "a", "plan b", "b", interval=5).session()
    assert shape(session.run("A.")) == "TPAF"
    assert shape(session.run("B.")) == "TPAF"


# ---- what ------------------------------------------------------------------


def test_the_first_request_names_the_task_and_the_tools_and_the_steps_there_are(host):
    agent = planned(host, "a plan", "done", max_steps=7)
    agent.run("Find the key.")
    asked = agent.model.requests[0].messages[-1].text
    assert "Find the key." in asked
    assert "look(place: str)" in asked
    assert "7 steps at most" in asked


def test_a_later_request_tells_the_steps_that_remain(host):
    agent = planned(host, acting, interval=2, max_steps=5)
    agent.run("Go.")
    asked = [request.messages[-1].text for request in agent.model.requests if not request.tools][1]
    assert "3 steps left" in asked.replace("\n", " ")


def test_the_plan_is_what_the_model_reads_while_it_acts(host):
    agent = planned(host, "1. Look under the mat.", "done")
    agent.run("Go.")
    said = agent.model.requests[1].messages
    assert (said[-2].role, said[-2].text) == ("assistant", "1. Look under the mat.")
    assert said[-1].role == "user"


def test_what_was_asked_to_get_a_plan_is_no_part_of_the_conversation(host):
    agent = planned(host, "a plan", "done")
    agent.run("Go.")
    assert "make a plan for this task" not in "".join(said.text for said in agent.model.requests[1].messages)


def test_plans_are_events_with_their_tokens_and_no_step_is_used_up_by_them(host):
    watcher = Watcher()
    result = planned(host, acting, interval=1, max_steps=2).run("Go.", observers=[watcher])
    assert [(event.kind, event.number) for event in watcher.of(StepStarted)] == [
        ("plan", 1), ("action", 1), ("plan", 2), ("action", 2), ("answer", 3)
    ]  # fmt: skip
    assert [step.usage.calls for step in watcher.of(PlanningStep)] == [1, 1]
    assert result.usage.calls == 5


def test_a_model_that_fails_while_it_plans_ends_the_run_with_the_task_kept(host):
    result = planned(host, RuntimeError("down")).run("Go.")
    assert (result.state, shape(result)) == ("failed", "T")


def test_a_tool_for_planning_may_be_used_while_the_plan_is_made_and_others_not(host):
    @tool(planning=True)
    def ask_back(question: str):
        """Asks the person.

        Args:
            question: What.
        """
        return (yield AskHuman(question=Question(text=question)))

    agent = ToolCallingAgent(
        model=Scripted(call("ask_back", "a", question="Which key?"), "1. Look for the brass key.", "done"),
        tools=[look, ask_back], planning_interval=3, host=host,
    )  # fmt: skip
    waiting = agent.run("Find the key.")
    assert [question.text for question in waiting.questions] == ["Which key?"]
    result = agent.resume(waiting, "The brass one.")
    assert result.output == "done"
    assert [spec.name for spec in agent.model.requests[0].tools] == ["ask_back"]
    assert agent.model.requests[1].messages[-1].parts[0].text == "The brass one."


# ---- a person's plan -------------------------------------------------------


def ask_about(step):
    return Ask()


def test_a_callback_may_have_a_person_agree_to_the_plan(host):
    agent = planned(host, "1. Look.", "done", interval=5, callbacks={PlanningStep: ask_about})
    waiting = agent.run("Go.")
    assert waiting.state == "suspended"
    (question,) = waiting.questions
    assert (question.kind, question.details["plan"]) == ("plan", "1. Look.")
    result = agent.resume(waiting, "yes")
    assert result.output == "done"
    assert result.steps[1].plan == "1. Look."


@pytest.mark.parametrize("face", ["run", "arun"])
def test_a_persons_text_replaces_the_plan(host, face):
    agent = planned(host, "1. Look.", "done", interval=5, callbacks={PlanningStep: ask_about})
    if face == "run":
        result = agent.resume(agent.run("Go."), "1. Ask the neighbour.")
    else:

        async def both():
            return await agent.aresume(await agent.arun("Go."), "1. Ask the neighbour.")

        result = asyncio.run(both())
    assert result.steps[1].plan == "1. Ask the neighbour."
    read = [said.text for said in agent.model.requests[1].messages]
    assert "1. Ask the neighbour." in read
    assert "1. Look." not in read


@pytest.mark.parametrize("word", ["no", "No ", "stop", False])
def test_a_person_who_refuses_the_plan_stops_the_run_with_everything_kept(host, word):
    agent = planned(host, "1. Look.", "done", interval=5, callbacks={PlanningStep: ask_about})
    result = agent.resume(agent.run("Go."), word)
    assert (result.state, shape(result)) == ("stopped", "TP")
    assert len(agent.model.requests) == 1


def test_words_that_a_person_said_before_a_plan_was_replaced_are_still_read(host):
    def ask_once(step):
        return Ask("And now?") if step.number == 1 else None

    agent = planned(
        host, "plan one", call("look", place="a"), "plan two", "done", interval=1,
        callbacks={ActionStep: ask_once, PlanningStep: ask_about},
    )  # fmt: skip
    result = agent.run("The task.")
    for answer in ("yes", "Mind the step.", "A plan of mine."):
        assert result.state == "suspended"
        result = agent.resume(result, answer)
    assert result.output == "done"
    read = [said.text for said in agent.model.requests[-1].messages[1:]]
    assert read.count("The task.") == 1
    assert read.count("Mind the step.") == 1
    assert read.count("A plan of mine.") == 1
    assert (
        read.index("The task.") < read.index("plan one") < read.index("Mind the step.") < read.index("A plan of mine.")
    )
    assert "plan two" not in read


def test_a_callback_may_edit_the_plan_itself(host):
    def shorter(step, run):
        said = (message("assistant", "Just answer."),)
        return Edit((*run.steps[:-1], PlanningStep(number=step.number, plan="Just answer.", messages=said)))

    agent = planned(host, "1. Long. 2. Plan.", "done", interval=5, callbacks={PlanningStep: shorter})
    result = agent.run("Go.")
    assert result.steps[1].plan == "Just answer."
    assert agent.model.requests[1].messages[-1].text == "Just answer."


@pytest.mark.parametrize(
    ("word", "state"), [(Stop(output="enough"), "stopped"), (Continue(), "success"), (None, "success")]
)
def test_a_callback_may_stop_at_a_plan_or_go_on(host, word, state):
    result = planned(host, "plan", "done", interval=5, callbacks={PlanningStep: lambda step: word}).run("Go.")
    assert (result.state, result.output) == (state, "enough" if state == "stopped" else "done")


# ---- own planners ----------------------------------------------------------


class EveryStep:
    """A planner that asks a model in its own words, and only before step 1."""

    def plan(self, run):
        if run.step_number == 0:
            request = ModelRequest((message("user", f"Own plan for: {run.task}"),))
            response = yield CallModel(request=request, purpose="plan")
            plan = response.message.text
            run.record(PlanningStep(number=1, plan=plan, messages=(message("assistant", plan),)))


def test_a_planner_of_ones_own_is_asked_before_every_step(host):
    agent = planned(host, "own plan", call("look", place="a"), "done", interval=EveryStep())
    result = agent.run("Go.")
    assert shape(result) == "TPAAF"
    assert agent.model.requests[0].messages[0].text == "Own plan for: Go."
    assert result.steps[1].plan == "own plan"


def test_a_planner_that_makes_no_plan_does_not_show_an_old_step_again(host):
    seen = []
    kinds = dict.fromkeys((TaskStep, ActionStep, PlanningStep), seen.append)
    agent = planned(host, "own plan", call("look", place="a"), "done", interval=EveryStep(), callbacks=kinds)
    agent.run("Go.")
    assert [type(step).__name__[0] for step in seen] == ["T", "P", "A", "A"]


def test_a_planner_that_a_plugin_offers_is_found_by_its_name():
    class Plugin:
        @hookimpl
        def register_agents(self, register, host):
            register("mine", EveryStep, summary="A planner.")

    with Host(discover=False, plugins=[Plugin()]) as host:
        result = planned(host, "own plan", "done", interval="mine").run("Go.")
        assert result.steps[1].plan == "own plan"


def test_a_planner_that_nobody_offers_is_named_in_the_error(host):
    with pytest.raises(ConfigurationError, match="mien"):
        planned(host, "done", interval="mien").run("Go.")


def test_a_planner_that_raises_ends_the_run_with_everything_kept(host):
    class Broken:
        def plan(self, run):
            yield from ()
            raise ValueError("no idea")

    result = planned(host, "done", interval=Broken()).run("Go.")
    assert (result.state, shape(result)) == ("failed", "T")
    assert "no idea" in str(result.error)


def test_a_plan_with_thinking_beside_it_is_the_words_alone(host):
    from core_plus import Thinking

    agent = planned(host, [Thinking("hm"), Text(" The plan. ")], "done")
    assert agent.run("Go.").steps[1].plan == "The plan."
