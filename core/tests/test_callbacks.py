"""Callbacks see steps as they are recorded and may steer: go on, ask, stop, or go on with other steps."""

from __future__ import annotations

import asyncio

import pytest
from kernel_doubles import Scripted, Watcher, call

from core_plus import Ask, Continue, Edit, Event, RunFailed, Step, Stop, ToolCallingAgent, message
from core_plus.effects import CallModel
from core_plus.events import ActionStep, FinalAnswerStep, PlanningStep, RunFinished, TaskStep
from core_plus.models import ModelRequest


def agent_of(host, *replies, **settings):
    return ToolCallingAgent(model=Scripted(*(replies or (call("nothing", "a"), "done"))), host=host, **settings)


def names(steps):
    return [type(step).__name__ for step in steps]


# ---- who is called ---------------------------------------------------------


def test_a_list_of_callbacks_sees_each_action_step_in_order(host):
    seen = []
    agent = agent_of(host, callbacks=[lambda step: seen.append(("one", step)), lambda step: seen.append(("two", step))])
    result = agent.run("Go.")
    assert [who for who, _ in seen] == ["one", "two", "one", "two"]
    assert [step for who, step in seen if who == "one"] == [
        step for step in result.steps if isinstance(step, ActionStep)
    ]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (TaskStep, ["TaskStep"]),
        (PlanningStep, ["PlanningStep"]),
        (ActionStep, ["ActionStep", "ActionStep"]),
        (FinalAnswerStep, ["FinalAnswerStep"]),
        (Step, ["TaskStep", "PlanningStep", "ActionStep", "ActionStep", "FinalAnswerStep"]),
    ],
)
def test_a_dict_names_the_class_of_steps_that_a_callback_sees(host, kind, expected):
    seen = []
    agent_of(host, "plan", call("nothing"), "done", planning_interval=5, callbacks={kind: seen.append}).run("Go.")
    assert names(seen) == expected


def test_a_dict_may_give_several_callbacks_for_one_class(host):
    seen = []
    callbacks = {
        ActionStep: [lambda step: seen.append(1), lambda step: seen.append(2)],
        TaskStep: lambda step: seen.append(0),
    }
    agent_of(host, "done", callbacks=callbacks).run("Go.")
    assert seen == [0, 1, 2]


def test_a_callback_that_takes_two_gets_the_run_as_well(host):
    seen = []

    class Object:
        def __call__(self, step, run):
            seen.append((step.number, run.step_number, run.task))

    def with_more(step, run=None):
        seen.append((step.number, run.step_number, run.task))

    agent_of(host, "done", callbacks=[Object(), with_more, lambda *given: seen.append(len(given))]).run("Go.")
    assert seen == [(1, 1, "Go."), (1, 1, "Go."), 2]


@pytest.mark.parametrize("face", ["run", "arun"])
def test_callbacks_may_be_async_or_generators_of_effects(host, face):
    seen = []

    async def slowly(step):
        await asyncio.sleep(0.001)
        seen.append("async")

    def asking_a_model(step):
        request = ModelRequest((message("user", "What do you say?"),))
        response = yield CallModel(request=request, purpose="comment", model=Scripted("fine"))
        seen.append(response.message.text)

    agent = agent_of(host, "done", callbacks=[slowly, asking_a_model])
    result = agent.run("Go.") if face == "run" else asyncio.run(agent.arun("Go."))
    assert result.output == "done"
    assert seen == ["async", "fine"]


# ---- what they may say -----------------------------------------------------


@pytest.mark.parametrize("word", [None, Continue()])
def test_nothing_or_continue_goes_on(host, word):
    assert agent_of(host, callbacks=[lambda step: word]).run("Go.").output == "done"


def test_stop_with_an_output_ends_the_run_with_it(host):
    watcher = Watcher()
    agent = agent_of(host, callbacks=[lambda step: Stop(output="enough")])
    result = agent.run("Go.", observers=[watcher])
    assert (result.state, result.output, result.answered) == ("stopped", "enough", True)
    assert len(agent.model.requests) == 1
    assert (type(watcher.events[-1]), watcher.events[-1].state) == (RunFinished, "stopped")


def test_stop_without_an_output_leaves_none_and_says_why(host):
    result = agent_of(host, callbacks=[lambda step: Stop(reason="too dear")]).run("Go.")
    assert (result.state, result.answered, names(result.steps)) == ("stopped", False, ["TaskStep", "ActionStep"])
    with pytest.raises(RunFailed, match="too dear"):
        _ = result.output


def test_stop_at_the_task_asks_no_model(host):
    agent = agent_of(host, callbacks={TaskStep: lambda step: Stop(output="not that")})
    assert agent.run("Go.").output == "not that"
    assert agent.model.requests == []


def test_the_first_that_stops_counts_and_the_others_still_see_the_step(host):
    seen = []
    callbacks = [lambda step: Stop(output=1), seen.append, lambda step: Stop(output=2)]
    result = agent_of(host, callbacks=callbacks).run("Go.")
    assert (result.state, result.output, len(seen)) == ("stopped", 1, 1)


def test_a_step_that_holds_the_answer_may_still_be_stopped(host):
    result = agent_of(host, "the answer", callbacks=[lambda step: Stop(reason="no")]).run("Go.")
    assert result.state == "stopped"
    assert not result.answered


def test_edited_steps_are_what_the_model_reads_next(host):
    def forget_the_failure(step, run):
        return Edit(tuple(run.steps[:1])) if step.number == 1 else None

    agent = agent_of(host, call("nothing", "a"), "done", callbacks=[forget_the_failure])
    result = agent.run("Go.")
    assert [said.text for said in agent.model.requests[1].messages[1:]] == ["Go."]
    assert names(result.steps) == ["TaskStep", "ActionStep", "FinalAnswerStep"]


def test_an_edit_leaves_the_history_that_the_run_began_with(host):
    history = (message("user", "Earlier."), message("assistant", "Yes."))

    def shorten(step, run):
        return Edit(tuple(run.steps[:1])) if step.number == 1 else None

    agent = agent_of(host, call("nothing", "a"), "done", callbacks=[shorten])
    agent.run("Go.", message_history=history)
    assert [said.text for said in agent.model.requests[1].messages[1:]] == ["Earlier.", "Yes.", "Go."]


def test_an_edit_after_a_person_said_something_keeps_their_words_and_repeats_nothing(host):
    def steer(step, run):
        return Ask("Well?") if step.number == 1 else Edit(tuple(run.steps)) if step.number == 2 else None

    agent = agent_of(host, call("nothing", "a"), call("nothing", "b"), "done", callbacks=[steer])
    agent.resume(agent.run("The task."), "Mind the gap.")
    read = [said.text for said in agent.model.requests[2].messages[1:]]
    assert read.count("The task.") == 1
    assert read.count("Mind the gap.") == 1


def test_a_step_that_is_replaced_is_read_as_replaced(host):
    def rewrite(step, run):
        if step.number == 1:
            said = (message("assistant", "I tried."), message("user", "It was all right."))
            return Edit((run.steps[0], ActionStep(number=1, messages=said)))
        return None

    agent = agent_of(host, callbacks=[rewrite])
    result = agent.run("Go.")
    assert [said.text for said in agent.model.requests[1].messages[1:]] == ["Go.", "I tried.", "It was all right."]
    assert result.steps[1].calls == ()


# ---- when they fail --------------------------------------------------------


@pytest.mark.parametrize("kind", [TaskStep, ActionStep, FinalAnswerStep])
def test_a_callback_that_raises_ends_the_run_with_everything_kept(host, kind):
    def broken(step):
        raise OSError("disk full")

    result = agent_of(host, callbacks={kind: broken}).run("Go.")
    expected = ["TaskStep", "ActionStep", "ActionStep", "FinalAnswerStep"]
    assert names(result.steps) == expected[: {TaskStep: 1, ActionStep: 2, FinalAnswerStep: 4}[kind]]
    assert result.usage.calls == {TaskStep: 0, ActionStep: 1, FinalAnswerStep: 2}[kind]
    assert "disk full" in str(result.error)
    if kind is not FinalAnswerStep:
        assert result.state == "failed"
        with pytest.raises(RunFailed, match="disk full"):
            _ = result.output


@pytest.mark.parametrize("word", ["yes", 1, False, Event()])
def test_a_callback_that_says_something_else_is_named_with_what_it_may_say(host, word):
    def odd(step):
        return word

    result = agent_of(host, callbacks=[odd]).run("Go.")
    assert result.state == "failed"
    assert "the callback odd returned" in str(result.error)
    assert "Continue, Ask, Stop, Edit or None" in str(result.error)


def test_callbacks_of_a_helper_are_its_own(host):
    seen = {"inner": [], "outer": []}
    inner = ToolCallingAgent(
        model=Scripted("x"), name="helper", description="d", callbacks=[lambda step: seen["inner"].append(step.path)]
    )
    outer = agent_of(
        host,
        call("helper", task="t"),
        "done",
        managed_agents=[inner],
        callbacks=[lambda step: seen["outer"].append(step.number)],
    )
    outer.run("Go.")
    assert len(seen["inner"]) == 1
    assert seen["outer"] == [1, 2]


def test_a_helper_stopped_by_its_callback_gives_its_output_to_the_outer_agent(host):
    inner = ToolCallingAgent(
        model=Scripted("x"), name="helper", description="d", callbacks=[lambda step: Stop(output="cut short")]
    )
    outer = agent_of(host, call("helper", task="t"), "done", managed_agents=[inner])
    assert outer.run("Go.").steps[1].calls[0].value == "cut short"
