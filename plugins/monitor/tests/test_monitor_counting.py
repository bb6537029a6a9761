"""What a monitor counts of real runs."""

from __future__ import annotations

import asyncio
import threading
from decimal import Decimal

import pytest

from core_plus import (
    Cancellation,
    CodeAgent,
    Host,
    Message,
    ModelResponse,
    OverloadedError,
    ToolCall,
    ToolCallingAgent,
    Usage,
    tool,
)
from core_plus_monitor import Monitor, monitor_of
from core_plus_scripted import ScriptedModel


def calls(**wanted):
    return Message("assistant", tuple(ToolCall("", name, arguments) for name, arguments in wanted.items()))


DONE = calls(final_answer={"answer": "done"})


@tool(effect="read")
def look(city: str) -> str:
    """Look.

    Args:
        city: Where.
    """
    if city == "nowhere":
        raise ValueError("there is no such city")
    return city


class Priced:
    """A model with a price in the shipped list."""

    def __init__(self, name="openai:gpt-5-mini"):
        self.name = name

    def __str__(self):
        return self.name

    def forward(self, request):
        return ModelResponse(DONE, Usage(input_tokens=1_000_000, output_tokens=100_000))


@pytest.fixture
def host():
    with Host() as host:
        yield host


def agent(*turns, name="a", **options):
    return ToolCallingAgent(model=ScriptedModel([*turns], name="m"), tools=[look], name=name, **options)


def test_a_run_is_counted_whole(host):
    turns = calls(look={"city": "Oslo"}), calls(look={"city": "nowhere"}, made_up={}), DONE
    result = agent(*turns).run("do", host=host)
    for numbers in (monitor_of(host).total, monitor_of(host).run(result.run_id)):
        assert numbers.runs == {"success": 1}
        assert (numbers.steps.count, numbers.steps.errors) == (3, 1)
        found = {name: (one.count, one.errors) for name, one in numbers.tools.items()}
        assert found == {"look": (2, 1), "(unknown)": (1, 1), "final_answer": (1, 0)}
        assert numbers.tools["look"].error_rate == 0.5
        (model,) = numbers.models.values()
        assert (model.count, model.errors, sum(model.buckets)) == (3, 0, 3)
        assert numbers.usage.total_tokens == result.usage.total_tokens > 0
    assert len(monitor_of(host).step_durations) == 3
    assert monitor_of(host).get_total_token_counts().input_tokens == result.usage.input_tokens


def test_managed_agents_count_for_the_run_that_they_work_for(host):
    code = ["<code>\nfinal_answer(look(city='x') + look(city='y'))\n</code>"]
    helper = CodeAgent(
        model=ScriptedModel(code, name="small"), tools=[look], executor="inprocess", name="h", description="Helps."
    )
    outer = ToolCallingAgent(model=ScriptedModel([calls(h={"task": "do"}), DONE], name="big"), managed_agents=[helper])
    result = outer.run("do", host=host)
    monitor = monitor_of(host)
    assert monitor.run_ids == (result.run_id,)
    assert {name: one.count for name, one in monitor.total.models.items()} == {"scripted:big": 2, "scripted:small": 1}
    assert monitor.total.tools["look"].count == 2
    assert monitor.total.usage.total_tokens == result.usage.total_tokens
    assert monitor.total.runs == {"success": 1}


def test_attempts_that_failed_are_calls_and_errors():
    with Host(config={"hooks.retry": {"first": 0.001}}) as host:
        agent(OverloadedError("full"), OverloadedError("full"), DONE).run("do", host=host)
        model = monitor_of(host).total.models["scripted:m"]
        assert (model.count, model.errors) == (3, 2)
        assert monitor_of(host).total.warnings == 2


def test_a_failed_run_is_an_error(host):
    agent(ValueError("no")).run("do", host=host)
    total = monitor_of(host).total
    assert (total.runs, total.run_seconds.error_rate) == ({"failed": 1}, 1.0)
    assert total.models["scripted:m"].error_rate == 1.0


def test_an_interrupted_run_is_counted_as_such_and_is_no_longer_in_progress(host):
    stop, seen = Cancellation(), []

    @tool(effect="read")
    def stopping() -> str:
        """Stop the run."""
        seen.append(monitor_of(host).in_progress)
        stop.cancel()
        return ""

    model = ScriptedModel([calls(stopping={}), DONE], name="m")
    ToolCallingAgent(model=model, tools=[stopping]).run("do", host=host, cancellation=stop)
    assert (monitor_of(host).total.runs, seen, monitor_of(host).in_progress) == ({"interrupted": 1}, [1], 0)


def test_runs_side_by_side_are_counted_apart_and_together(host):
    async def many():
        agents = [agent(*[calls(look={"city": "x"})] * n, DONE) for n in range(1, 6)]
        return await asyncio.gather(*[one.arun("do", host=host) for one in agents])

    results = asyncio.run(many())
    monitor = monitor_of(host)
    assert [monitor.run(result.run_id).tools["look"].count for result in results] == [1, 2, 3, 4, 5]
    assert monitor.total.tools["look"].count == 15
    assert monitor.in_progress == 0


def test_threads_lose_nothing(host):
    def work():
        for _ in range(5):
            agent(calls(look={"city": "x"}), DONE).run("do", host=host)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert monitor_of(host).total.runs == {"success": 20}
    assert monitor_of(host).total.tools["look"].count == 20


def test_costs_are_those_of_the_list_and_unknown_where_it_has_none(host):
    from core_plus_http.facts import facts_of

    ToolCallingAgent(model=Priced()).run("do", host=host)
    expected = facts_of("openai:gpt-5-mini").cost(Usage(input_tokens=1_000_000, output_tokens=100_000))
    assert expected > 0
    assert monitor_of(host).total.cost == expected
    ToolCallingAgent(model=Priced("nobody:knows")).run("do", host=host)
    assert monitor_of(host).total.cost is None
    assert monitor_of(host).total.models["nobody:knows"].unpriced == 1
    assert monitor_of(host).total.models["openai:gpt-5-mini"].cost == expected


def test_one_that_is_given_to_a_run_sees_that_run_only(host):
    mine = Monitor()
    agent(DONE).run("do", host=host)
    agent(DONE).run("do", host=host, observers=[mine])
    assert (mine.total.runs, monitor_of(host).total.runs) == ({"success": 1}, {"success": 2})


def test_one_that_is_given_to_a_run_counts_where_the_plugin_is_not_loaded():
    mine = Monitor()
    with Host(only=["core-plus-scripted"]) as host:
        agent(calls(look={"city": "x"}), DONE).run("do", host=host, observers=[mine])
    assert mine.total.tools["look"].count == 1


def test_what_a_journal_repeats_is_not_counted_again(tmp_path):
    asked = []

    def turns(request):
        asked.append(request)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return calls(look={"city": "x"}) if len(asked) == 1 else DONE

    def one(host):
        return ToolCallingAgent(model=ScriptedModel(turns, name="m"), tools=[look], name="a", host=host)

    journal = str(tmp_path / "runs.sqlite")
    with Host() as host, pytest.raises(KeyboardInterrupt):
        one(host).run("do", journal=journal, run_id="kept")
    with Host() as host:
        assert one(host).resume("kept", journal=journal).output == "done"
        total = monitor_of(host).total
        assert set(total.tools) == {"final_answer"}
        assert total.models["scripted:m"].count == 1
        assert (total.steps.count, total.runs) == (1, {"success": 1})
    with Host() as host:
        one(host).resume("kept", journal=journal)
        assert monitor_of(host).total.as_dict() == Monitor().total.as_dict()


def test_only_so_many_runs_are_kept_apart():
    with Host(config={"hooks.monitor": {"keep": 2}}) as host:
        ids = [agent(DONE).run("do", host=host).run_id for _ in range(3)]
        assert monitor_of(host).run_ids == tuple(ids[1:])
        assert monitor_of(host).total.runs == {"success": 3}
        with pytest.raises(KeyError):
            monitor_of(host).run(ids[0])


def test_reset_begins_anew(host):
    agent(DONE).run("do", host=host)
    monitor_of(host).reset()
    assert monitor_of(host).total.as_dict() == Monitor().total.as_dict()
    assert not monitor_of(host).step_durations


def test_a_run_that_waits_goes_on_being_counted(host):
    from core_plus import Ask, hookimpl
    from core_plus.effects import CallTool

    class Careful:
        @hookimpl
        def review_effect(self, run, effect):
            return Ask("May it?") if isinstance(effect, CallTool) and effect.call.name == "look" else None

    one = agent(calls(look={"city": "x"}), DONE, policies=[Careful()])
    waiting = one.run("do", host=host)
    assert (monitor_of(host).total.runs, monitor_of(host).total.questions) == ({}, 1)
    one.resume(waiting, "yes")
    assert monitor_of(host).total.runs == {"success": 1}
    assert monitor_of(host).total.tools["look"].count == 1


def test_numbers_become_plain_data(host):
    import json

    ToolCallingAgent(model=Priced()).run("do", host=host)
    found = json.loads(json.dumps(monitor_of(host).total.as_dict()))
    assert Decimal(found["cost"]) == monitor_of(host).total.cost
    assert found["models"]["openai:gpt-5-mini"]["usage"]["input_tokens"] == 1_000_000
