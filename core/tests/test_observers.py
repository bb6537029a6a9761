"""Observers see every event, change nothing, and can't harm what they observe."""

from __future__ import annotations

import logging

import pytest
from fake_distributions import plugin
from kernel_doubles import Scripted, call

from core_plus import Host, ToolCallingAgent, tool
from core_plus.events import ActionStep, ModelDelta, RunFinished, RunStarted, TaskStep
from core_plus.models import FinishDelta, TextDelta


class Watching:
    """Keeps what it sees; fails as often as told."""

    def __init__(self, failures=0, wants_deltas=False):
        self.events, self.failures, self.wants_deltas, self.calls = [], failures, wants_deltas, 0

    def observe(self, event):
        self.calls += 1
        if self.calls <= self.failures:
            raise ValueError("a bug in the observer")
        self.events.append(event)


class Streaming(Scripted):
    """Streams its words one by one."""

    def stream(self, request):
        for word in self.forward(request).message.text.split():
            yield TextDelta(f"{word} ")
        yield FinishDelta("stop")


@pytest.fixture
def agent(host):
    @tool
    def look(place: str) -> str:
        """Look.

        Args:
            place: Where.
        """
        return f"seen {place}"

    return ToolCallingAgent(model=Scripted([call("look", place="here")], "done"), tools=[look], host=host)


def test_an_observer_sees_what_a_stream_yields_in_the_same_order(agent):
    watching = Watching(wants_deltas=True)
    streamed = list(agent.stream("Look", observers=[watching]))
    assert watching.events == streamed
    assert isinstance(streamed[0], RunStarted)
    assert isinstance(streamed[-1], RunFinished)


def test_an_observer_that_did_not_ask_for_deltas_gets_none(agent):
    quiet, curious = Watching(), Watching(wants_deltas=True)
    agent.run("Look", observers=[quiet, curious])
    assert not any(isinstance(event, ModelDelta) for event in quiet.events)
    assert [event for event in curious.events if not isinstance(event, ModelDelta)] == quiet.events
    assert any(isinstance(event, ModelDelta) for event in curious.events)


def test_steps_are_events(agent):
    watching = Watching()
    result = agent.run("Look", observers=[watching])
    assert tuple(event for event in watching.events if event in result.steps) == result.steps
    assert {type(step) for step in result.steps} >= {TaskStep, ActionStep}


def test_every_event_says_whose_it_is(agent):
    watching = Watching(wants_deltas=True)
    result = agent.run("Look", observers=[watching])
    assert {event.run_id for event in watching.events} == {result.run_id}
    assert {event.path for event in watching.events} == {()}


def test_an_observer_that_always_raises_is_detached_after_three_and_reported_once(agent, host, caplog):
    bad, good = Watching(failures=1000), Watching()
    with caplog.at_level(logging.WARNING):
        result = agent.run("Look", observers=[bad, good])
    assert (result.output, bad.calls, len(host.problems), len(caplog.records)) == ("done", 3, 1, 1)
    assert "Watching failed: ValueError: a bug in the observer" in host.problems[0]
    assert isinstance(good.events[-1], RunFinished)


def test_an_observer_that_raises_twice_stays(agent, host):
    shaky = Watching(failures=2)
    agent.run("Look", observers=[shaky])
    assert isinstance(shaky.events[-1], RunFinished)
    assert len(host.problems) == 1


def test_a_failing_observer_changes_nothing_of_the_run(agent, host):
    alone = [type(event) for event in agent.stream("Look")]
    agent.model.replies[:] = [[call("look", place="here")], "done"]
    beside = [type(event) for event in agent.stream("Look", observers=[Watching(failures=1000)])]
    assert [kind for kind in beside if kind.__name__ != "Warned"] == alone


def test_an_observer_that_fails_in_the_middle_of_a_stream_takes_no_piece_from_another(host):
    good = Watching(wants_deltas=True)
    agent = ToolCallingAgent(model=Streaming("one two three four five six"), host=host)
    bad = Watching(wants_deltas=True)
    bad.observe = lambda event: 1 / 0 if isinstance(event, ModelDelta) else None
    agent.run("Count", observers=[bad, good])
    said = [event.delta.text for event in good.events if isinstance(event, ModelDelta) and hasattr(event.delta, "text")]
    assert said == ["one ", "two ", "three ", "four ", "five ", "six "]


def test_what_an_observer_returns_is_passed_over(agent):
    watching = Watching()
    watching.observe = lambda event: "stop at once"
    assert agent.run("Look", observers=[watching]).output == "done"


def test_an_interrupt_in_an_observer_is_not_swallowed(agent):
    watching = Watching()

    def observe(event):
        raise KeyboardInterrupt

    watching.observe = observe
    with pytest.raises(KeyboardInterrupt):
        agent.run("Look", observers=[watching])


def test_observers_of_hooks_plugins_see_every_run_of_their_host():
    made = []

    def factory():
        made.append(Watching())
        return made[-1]

    watch = plugin("watch", register_observers=lambda register: register("watch", factory, summary="x"))
    with Host(discover=False, plugins=[watch]) as host:
        agent = ToolCallingAgent(model=Scripted("one", "two"), host=host)
        first, second = agent.run("1"), agent.run("2")
    (watching,) = made
    ends = [event.run_id for event in watching.events if isinstance(event, RunFinished)]
    assert ends == [first.run_id, second.run_id]


def test_an_observer_of_one_run_does_not_see_another(agent):
    watching = Watching()
    agent.run("Look", observers=[watching])
    seen = len(watching.events)
    agent.run("Look again")
    assert len(watching.events) == seen


def test_observers_see_the_work_of_managed_agents(host):
    helper = ToolCallingAgent(name="helper", description="Helps.", model=Scripted("helped"), host=host)
    boss = ToolCallingAgent(model=Scripted([call("helper", task="Help")], "done"), managed_agents=[helper], host=host)
    watching = Watching()
    boss.run("Work", observers=[watching])
    paths = [event.path for event in watching.events if isinstance(event, RunStarted | RunFinished)]
    assert paths == [(), ("helper",), ("helper",), ()]
