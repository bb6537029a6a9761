"""The model beside a real agent."""

import asyncio

import pytest

from core_plus import Message, RunFailed, Text, ToolCall, ToolCallingAgent, tool
from core_plus_scripted import ScriptedModel


@tool
def temperature(city: str) -> float:
    """Current temperature.

    Args:
        city: Name of the city.
    """
    return {"Oslo": 4.5, "Rome": 18.0}[city]


TURNS = [
    Message("assistant", (Text("I ask."), ToolCall("1", "temperature", {"city": "Oslo"}))),
    lambda request: Message(
        "assistant", (ToolCall("2", "final_answer", {"answer": request.messages[-1].parts[0].text}),)
    ),
]


def agent(**settings):
    return ToolCallingAgent(model=ScriptedModel(TURNS, **settings), tools=[temperature])


def test_an_agent_works_off_a_script():
    with agent() as made:
        result = made.run("How warm is it?")
    assert result.output == "4.5"
    assert result.usage.unknown_calls == 2


def test_a_script_by_turn_serves_many_runs_at_once():
    async def together(made):
        return await asyncio.gather(*(made.arun("How warm is it?") for _ in range(20)))

    with agent(mode="turn") as made:
        assert [result.output for result in asyncio.run(together(made))] == ["4.5"] * 20


def test_a_script_that_is_used_up_fails_the_run_and_says_so():
    made = ToolCallingAgent(model=ScriptedModel(TURNS[:1]), tools=[temperature])
    with made, pytest.raises(RunFailed, match="has 1 turn and was asked for turn 2"):
        _ = made.run("How warm is it?").output


def test_the_word_of_a_task_chooses_the_script_of_a_managed_agent():
    model = ScriptedModel(
        {
            "How warm": [Message("assistant", (ToolCall("1", "final_answer", {"answer": "4.5"}),))],
            "": [
                Message("assistant", (ToolCall("1", "helper", {"task": "How warm is it?"}),)),
                Message("assistant", (ToolCall("2", "final_answer", {"answer": "cold"}),)),
            ],
        },
        mode="turn",
    )
    helper = ToolCallingAgent(name="helper", description="Looks things up.", model=model)
    with ToolCallingAgent(model=model, managed_agents=[helper]) as made:
        assert made.run("Do I need a coat?").output == "cold"
