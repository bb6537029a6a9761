"""Memory: steps kept as JSON, conversations continued, views that choose what the model sees, edited steps."""

from __future__ import annotations

import dataclasses
import math

import msgspec
import pytest
from fake_distributions import plugin
from kernel_doubles import AsyncScripted, Scripted, ThreadExecutor, call

from core_plus import (
    ActionStep,
    Ask,
    CodeAgent,
    Edit,
    EventStream,
    File,
    Host,
    Image,
    ModelRequest,
    TaskStep,
    Text,
    Thinking,
    ToolCallingAgent,
    Usage,
    dump_steps,
    load_steps,
    message,
    tool,
)
from core_plus.effects import CallModel
from core_plus.run import RunLimits


@tool
def look(place: str) -> str:
    """Look.

    Args:
        place: Where.
    """
    return f"seen {place}"


def texts(request):
    """What a request says, the system prompt left out."""
    return [said.text or [part.text for part in said.parts if hasattr(part, "text")] for said in request.messages[1:]]


# ---- as JSON ---------------------------------------------------------------------------


def test_the_steps_of_a_run_come_back_from_json_as_they_were(host):
    thinking = Thinking("hm", signature="s", provider="acme", data={"opaque": [1]})
    model = Scripted("the plan", [thinking, Text("I look."), call("look", place="here")], [call("nothing")], "done")
    agent = ToolCallingAgent(model=model, tools=[look], host=host, planning_interval=5)
    image = Image(data=b"\x89PNG\0\xff")
    steps = agent.run("Look", images=[image], observers=[]).steps
    assert tuple(load_steps(dump_steps(steps))) == steps
    assert [type(step).__name__ for step in steps][:2] == ["TaskStep", "PlanningStep"]


def test_the_steps_of_code_come_back_from_json_as_they_were(host):
    model = Scripted("<code>\nprint(look('a'))\n1 / 0\n</code>", "<code>final_answer([1, {'a': None}])</code>")
    steps = CodeAgent(model=model, tools=[look], executor=ThreadExecutor(), host=host).run("Look").steps
    assert tuple(load_steps(dump_steps(steps))) == steps


@dataclasses.dataclass
class Point:
    """A value that JSON has a form for."""

    x: int


class Odd:
    """A value that JSON has no form for."""

    def __repr__(self):
        return "<Odd>"


CYCLE: list[object] = []
CYCLE.append(CYCLE)
ODD_VALUES = [
    (Odd(), "<Odd>"),
    ([Odd(), 1], ["<Odd>", 1]),
    (Point(1), {"x": 1}),
    ({1: "a"}, {"1": "a"}),
    ({(1, 2): "a"}, None),
    (2**100, None),
    (1j, "1j"),
    (math.inf, None),
    (b"\xff", None),
    ("\ud800", None),
    (CYCLE, None),
    (ValueError("x"), "ValueError('x')"),
    (int, "<class 'int'>"),
]


@pytest.mark.parametrize(("value", "expected"), ODD_VALUES, ids=[repr(value) for value, _ in ODD_VALUES])
def test_any_value_can_be_written_and_read(value, expected):
    step = ActionStep(number=1, value=value, observation="kept")
    (read,) = load_steps(dump_steps([step]))
    assert read.observation == "kept"
    if expected is not None:
        assert read.value == expected


@pytest.mark.parametrize("text", ["\ud800", "\udcff and more", "a\0b"])
def test_odd_words_can_be_written_and_read(text):
    step = TaskStep(task=text, messages=(message("user", text),))
    (read,) = load_steps(dump_steps([step]))
    assert isinstance(read, TaskStep)
    assert read.messages[0].text


@pytest.mark.parametrize("data", ["{}", "[1]", '[{"type": "NoStep"}]', '[{"type": "TaskStep"}]', b"\xff", "", "["])
def test_what_is_no_list_of_steps_is_refused(data):
    with pytest.raises((msgspec.ValidationError, ValueError)):
        load_steps(data)


def test_a_run_goes_on_from_steps_that_were_saved(host):
    first = ToolCallingAgent(model=Scripted("My name is Ada."), host=host).run("Who are you?")
    agent = ToolCallingAgent(model=Scripted("Still Ada."), host=host)
    result = agent.run("And now?", steps=load_steps(dump_steps(first.steps)))
    assert texts(agent.model.requests[0]) == ["Who are you?", "My name is Ada.", "And now?"]
    assert [step.task for step in result.steps if isinstance(step, TaskStep)] == ["And now?"]


# ---- continued -------------------------------------------------------------------------------


def test_a_run_goes_on_from_the_messages_of_another(host):
    agent = ToolCallingAgent(model=Scripted([call("look", place="here")], "done", "again"), tools=[look], host=host)
    first = agent.run("Look")
    second = agent.run("Once more", message_history=first.messages)
    request = agent.model.requests[2]
    assert request.messages[1:-1] == first.messages
    assert request.messages[-1].text == "Once more"
    assert second.messages[: len(first.messages)] == first.messages


def test_a_history_that_is_given_is_not_changed(host):
    history = [message("user", "Hello"), message("assistant", "Hello.")]
    given = list(history)
    ToolCallingAgent(model=Scripted("done"), host=host).run("x", message_history=history)
    assert history == given


def test_messages_keep_their_identity_from_request_to_request(host):
    agent = ToolCallingAgent(model=Scripted([call("look", place="here")], "done"), tools=[look], host=host)
    agent.run("Look")
    first, second = agent.model.requests
    assert all(one is other for one, other in zip(first.messages, second.messages, strict=False))


# ---- views -----------------------------------------------------------------------------------


class LastTwo:
    """Shows the last two messages."""

    def view(self, run):
        return run.history[-2:]


class Summary:
    """Asks a model for a summary of all but the last message."""

    def view(self, run):
        if len(run.history) < 3:
            return run.history
        told = "\n".join(said.text for said in run.history[:-1])
        request = ModelRequest((message("user", f"Summarize: {told}"),))
        response = yield CallModel(request=request, purpose="summary")
        run.notes["summaries"] = run.notes.get("summaries", 0) + 1
        return [message("user", response.message.text), run.history[-1]]


def test_a_memory_chooses_what_the_model_sees_and_the_run_keeps_all(host):
    model = Scripted([call("look", place="a")], [call("look", place="b")], "done")
    agent = ToolCallingAgent(model=model, tools=[look], host=host, memory=LastTwo())
    result = agent.run("Look")
    assert [len(request.messages) for request in model.requests] == [2, 3, 3]
    assert len(result.messages) == 6
    assert len(result.steps) == 5


@pytest.mark.parametrize("kind", [Scripted, AsyncScripted])
def test_a_memory_may_ask_a_model_for_a_summary(host, kind):
    model = kind([call("look", place="a")], "the summary", "done")
    result = ToolCallingAgent(model=model, tools=[look], host=host, memory=Summary()).run("Look")
    assert result.output == "done"
    assert model.requests[1].messages[0].text.startswith("Summarize: Look")
    assert texts(model.requests[2])[0] == "the summary"
    assert result.run.notes["summaries"] == 1


def test_what_a_memory_s_model_call_used_counts(host):
    model = Scripted([call("look", place="a")], "the summary", "done", usage=Usage(input_tokens=10, output_tokens=2))
    result = ToolCallingAgent(model=model, tools=[look], host=host, memory=Summary()).run("Look")
    assert (result.usage.calls, result.usage.total_tokens) == (3, 36)


def test_a_memory_s_model_call_falls_under_the_limits(host):
    model = Scripted([call("look", place="a")], "the summary", "done")
    agent = ToolCallingAgent(model=model, tools=[look], host=host, memory=Summary(), limits=RunLimits(model_calls=2))
    assert agent.run("Look").state == "limit"
    assert len(model.requests) == 2


def test_a_memory_that_fails_ends_the_run_with_everything_kept(host):
    class Broken:
        def view(self, run):
            if run.step_number == 2:
                raise ValueError("a bug in the memory")
            return run.history

    model = Scripted([call("look", place="a")], "done")
    result = ToolCallingAgent(model=model, tools=[look], host=host, memory=Broken()).run("Look")
    assert result.state == "failed"
    assert "a bug in the memory" in str(result.error)
    assert result.steps[1].calls[0].value == "seen a"


def test_a_memory_may_be_named():
    module = plugin("short", register_memories=lambda register: register("last_two", LastTwo, summary="x"))
    with Host(discover=False, plugins=[module]) as host:
        model = Scripted([call("look", place="a")], "done")
        ToolCallingAgent(model=model, tools=[look], host=host, memory="last_two").run("Look")
    assert [len(request.messages) for request in model.requests] == [2, 3]


def test_one_agent_has_on_each_host_the_memory_that_its_name_stands_for_there():
    class LastOne:
        def view(self, run):
            return run.history[-1:]

    model = Scripted([call("look", place="a")], "done")
    agent = ToolCallingAgent(model=model, tools=[look], memory="mine")
    for kind in (LastTwo, LastOne):
        model.replies[:] = [[call("look", place="a")], "done"]
        declare = plugin("mine", register_memories=lambda register, kind=kind: register("mine", kind, summary="x"))
        with Host(discover=False, plugins=[declare]) as host:
            EventStream(agent.new_run("Look", host=host)).finish()
    assert [len(request.messages) for request in model.requests] == [2, 3, 2, 2]


# ---- edited ----------------------------------------------------------------------------------


def editing(change, at=1):
    """A callback that edits the steps after a step."""

    def callback(step, run):
        return Edit(tuple(change(run.steps))) if step.number == at else None

    return callback


def test_a_callback_may_edit_the_steps_and_the_model_sees_it(host):
    def shorten(steps):
        last = msgspec.structs.replace(steps[-1], messages=(message("user", "It was seen."),))
        return [*steps[:-1], last]

    model = Scripted([call("look", place="a")], "done")
    agent = ToolCallingAgent(model=model, tools=[look], host=host, callbacks=[editing(shorten)])
    result = agent.run("Look", message_history=[message("user", "Earlier."), message("assistant", "Yes.")])
    assert texts(model.requests[1]) == ["Earlier.", "Yes.", "Look", "It was seen."]
    assert result.steps[1].messages[0].text == "It was seen."


def test_a_callback_may_drop_a_step(host):
    model = Scripted([call("look", place="a")], "done")
    agent = ToolCallingAgent(model=model, tools=[look], host=host, callbacks=[editing(lambda steps: steps[:-1])])
    result = agent.run("Look")
    assert texts(model.requests[1]) == ["Look"]
    assert [step.number for step in result.steps if isinstance(step, ActionStep)] == [2]


def test_words_that_are_no_step_s_outlive_an_edit(host):
    def asking(step, run):
        return Ask("Go on?") if step.number == 1 else None

    class Person:
        def observe(self, event): ...

        def ask(self, question):
            return "be brief"

        def close(self): ...

    model = Scripted([call("look", place="a")], [call("look", place="b")], "done")
    agent = ToolCallingAgent(
        model=model, tools=[look], host=host, callbacks=[asking, editing(lambda steps: steps, at=2)]
    )
    agent.run("Look", ui=Person())
    said = texts(model.requests[2])
    assert said.count("Look") == 1
    assert said.count("be brief") == 1
    assert len(said) == 6


def test_an_attachment_is_kept_with_the_task(host):
    file = File(data=b"%PDF", media_type="application/pdf", name="a.pdf")
    result = ToolCallingAgent(model=Scripted("done"), host=host).run("Read", files=[file])
    assert result.steps[0].attachments == (file,)
    assert load_steps(dump_steps(result.steps))[0].attachments == (file,)
