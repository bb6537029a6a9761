"""The UI beside a real agent."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from core_plus import Ask, Message, ModelResponse, Text, ToolCall, ToolCallingAgent, tool
from core_plus_rich import RichUI, replay


class Model:
    """Calls a tool, then answers."""

    def __str__(self):
        return "fake:model"

    def forward(self, request):
        turn = sum(said.role == "assistant" for said in request.messages)
        said = (
            (Text("I ask."), ToolCall("1", "temperature", {"city": "Oslo"})),
            (ToolCall("2", "final_answer", {"answer": "4.5"}),),
        )
        return ModelResponse(Message("assistant", said[turn]))


@tool
def temperature(city: str) -> float:
    """Current temperature.

    Args:
        city: Name of the city.
    """
    return 4.5


@pytest.fixture
def agent():
    with ToolCallingAgent(name="assistant", model=Model(), tools=[temperature]) as made:
        yield made


PARTS = [
    "assistant · fake:model",
    "❯ How warm is it in Oslo?",
    "step 1/",
    "I ask.",
    "✓ temperature(city='Oslo') → 4.5",
    "step 2/",
    "── answer ─",
    "\n4.5\n",
    "done · 2 steps",
]


def test_a_run_is_shown_from_its_task_to_its_answer(agent, show):
    shown = show()
    result = agent.run("How warm is it in Oslo?", ui=shown.ui)
    places = [shown.text.find(part) for part in PARTS]
    assert -1 not in places, shown.text
    assert places == sorted(places)
    again = show()
    replay(result.steps, again.ui)
    for part in PARTS[1:]:
        assert part.rstrip("/") in again.text, part


def test_the_person_is_asked_while_it_runs(terminal):
    asks = lambda step, run: Ask("Go on?", choices=("yes", "no")) if step.number == 1 else None  # noqa: E731
    ui = RichUI(file=terminal.out, stdin=terminal.stdin)
    agent = ToolCallingAgent(model=Model(), tools=[temperature], callbacks=[asks])
    with agent, ThreadPoolExecutor(1) as pool:
        result = pool.submit(agent.run, "How warm is it in Oslo?", ui=ui)
        terminal.wait_for("Go on?")
        terminal.wait_for("yes / no [yes] ❯")
        terminal.type("y\n")
        assert result.result(20).output == "4.5"
    ui.close()
