"""What every memory keeps, as tests to inherit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

import pytest

from core_plus import Host, Message, ModelRequest, ModelResponse, Text, ToolCall, ToolCallingAgent, ToolResult, message
from core_plus.agents import MultiStepAgent
from core_plus.effects import Edit
from core_plus.events import ActionStep
from core_plus.result import RunResult
from core_plus.tools import tool

TASK: Final = "Count the boats in the harbour of Zierikzee."
PLAN: Final = "1. Look again and again. 2. Answer."
NOTES: Final = "Notes: nothing yet."


def parted(messages: Sequence[Message]) -> list[str]:
    """What is wrong with the calls and results of a conversation, in words; [] where nothing is.

    Each call is answered, once, before anybody else speaks, and each result stands after its call.

    Args:
        messages: Oldest first.
    """
    wrong: list[str] = []
    waiting: list[str] = []
    for number, said in enumerate(messages):
        results = [part for part in said.parts if isinstance(part, ToolResult)]
        if not results:
            wrong += [f"the call {id!r} has no result before message {number}" for id in waiting]
            waiting = [call.id for call in said.tool_calls]
        for result in results:
            if result.id in waiting:
                waiting.remove(result.id)
            else:
                wrong.append(f"the result {result.id!r} in message {number} has no call before it")
    return wrong + [f"the call {id!r} has no result" for id in waiting]


def words(messages: Sequence[Message]) -> str:
    """All that a model reads in messages, as one text.

    Args:
        messages: Oldest first.
    """
    return "\n".join(_words(part) for said in messages for part in said.parts)


def _words(part: Any) -> str:
    if isinstance(part, ToolCall):
        return f"{part.name}({part.arguments})"
    return part.text if isinstance(part, Text | ToolResult) else ""


class Walker:
    """A model that looks at one place after another, makes plans and notes when asked, and keeps what it was asked.

    Args:
        steps: How often it looks before it answers.
        mark: Stands in its calls and in what it answers.
    """

    def __init__(self, steps: int, mark: str = "boat") -> None:
        self.left, self.mark, self.done = steps, mark, 0
        self.requests: list[ModelRequest] = []

    def forward(self, request: ModelRequest) -> ModelResponse:
        """Look, or answer; words where no tool is offered.

        Args:
            request: All that is asked.
        """
        self.requests.append(request)
        if not request.tools:
            return ModelResponse(message("assistant", PLAN if "plan" in request.messages[-1].text else NOTES))
        if self.done >= self.left:
            return ModelResponse(message("assistant", f"{self.mark}: {self.done}"))
        self.done += 1
        return ModelResponse(
            message("assistant", ToolCall(f"c{self.done}", "look", {"at": f"{self.mark} {self.done}"}))
        )

    @property
    def views(self) -> list[tuple[Message, ...]]:
        """What it was shown before each step, the system prompt left out."""
        return [request.messages[1:] for request in self.requests if request.tools]


@tool(effect="read", thread="caller")
def look(at: str) -> str:
    """Look.

    Args:
        at: Where.
    """
    return f"<seen {at}> " + "A boat with a red sail lies beside one with a blue hull. " * 6


class MemoryKit:
    """Inherit it in a test class and give `make`.

    A test that can't hold for a memory is named in `deviations` with the reason, and is skipped with it.

    Attributes:
        bound: The most characters that its view of a long run has; None where it has no bound.
    """

    bound: ClassVar[int | None] = None
    deviations: ClassVar[Mapping[str, str]] = {}

    def make(self) -> Any:
        """A memory, with limits that a run of 40 steps, of 400 characters each, passes."""
        raise NotImplementedError(f"{type(self).__name__} must give `make`")

    @pytest.fixture(autouse=True)
    def _declared(self, request: pytest.FixtureRequest) -> None:
        name = getattr(request.node, "originalname", request.node.name)
        if name in self.deviations:
            pytest.skip(f"deviates: {self.deviations[name]}")

    # ---- what the model always sees ---------------------------------------------------

    def test_a_call_is_never_parted_from_its_result(self) -> None:
        model, _ = walk(self.make(), 40)
        assert [parted(view) for view in model.views] == [[]] * 41

    def test_the_task_stays(self) -> None:
        model, _ = walk(self.make(), 40)
        assert [TASK in words(view) for view in model.views] == [True] * 41

    def test_the_plan_stays(self) -> None:
        model, _ = walk(self.make(), 40, planning_interval=40)
        assert [PLAN in words(view) for view in model.views] == [True] * 41

    def test_the_newest_step_is_seen(self) -> None:
        model, _ = walk(self.make(), 40)
        seen = [f"<seen boat {number}>" in words(view) for number, view in enumerate(model.views) if number]
        assert seen == [True] * 40

    def test_what_is_seen_keeps_its_order(self) -> None:
        model, _ = walk(self.make(), 40)
        for view in model.views:
            calls = [int(call.id[1:]) for said in view for call in said.tool_calls]
            assert calls == sorted(set(calls))

    def test_nothing_of_a_short_run_is_missing(self) -> None:
        model, _ = walk(self.make(), 2)
        for number, view in enumerate(model.views):
            found = [call.id for said in view for call in said.tool_calls]
            assert found == [f"c{step}" for step in range(1, number + 1)]

    def test_a_prompt_stays_bounded_in_a_run_of_500_steps(self) -> None:
        if self.bound is None:
            pytest.skip("it has no bound")
        model, result = walk(self.make(), 500)
        assert result.output == "boat: 500"
        assert max(len(words(view)) for view in model.views) <= self.bound
        assert not [wrong for view in model.views for wrong in parted(view)]

    def test_a_conversation_has_its_newest_task_in_sight(self) -> None:
        memory = self.make()
        with Host(discover=False) as host:
            model = Walker(30)
            session = ToolCallingAgent(model=model, tools=[look], memory=memory, host=host, max_steps=99).session()
            session.run("An older task.")
            model.left += 30
            session.run(TASK)
        assert all(TASK in words(view) for view in model.views[31:])
        assert not [wrong for view in model.views for wrong in parted(view)]

    def test_any_history_is_seen_soundly(self) -> None:
        from hypothesis import HealthCheck, Phase, given, settings

        from core_plus_testkit.histories import histories

        # An example is a whole run and small as it is: making it smaller takes longer than reading it.
        phases, checks = (Phase.explicit, Phase.generate), list(HealthCheck)

        @settings(max_examples=20, deadline=None, phases=phases, suppress_health_check=checks)
        @given(histories())
        def holds(history: tuple[Message, ...]) -> None:
            model, _ = walk(self.make(), 3, message_history=history)
            assert [parted(view) for view in model.views] == [[]] * 4
            assert all(TASK in words(view) for view in model.views)

        holds()

    # ---- whose it is ------------------------------------------------------------------

    def test_the_run_keeps_all_its_steps(self) -> None:
        _, result = walk(self.make(), 40)
        assert [step.number for step in result.steps if isinstance(step, ActionStep)] == list(range(1, 42))
        assert "<seen boat 1>" in words(result.messages)

    def test_runs_at_once_know_nothing_of_each_other(self) -> None:
        memory = self.make()
        alone = {mark: walk(self.make(), 30, mark)[0].views for mark in ("dhow", "punt")}
        models = {mark: Walker(30, mark) for mark in alone}

        async def both() -> None:
            with Host(discover=False) as host:
                agents = [_agent(model, memory, host) for model in models.values()]
                await asyncio.gather(*(agent.arun(TASK) for agent in agents))

        asyncio.run(both())
        assert {mark: model.views for mark, model in models.items()} == alone

    def test_a_run_that_is_repeated_has_the_same_views(self) -> None:
        memory = self.make()
        first, second, fresh = (walk(each, 40)[0] for each in (memory, memory, self.make()))
        assert first.views == second.views == fresh.views

    def test_views_are_the_same_in_an_async_run(self) -> None:
        model = Walker(30)

        async def run() -> None:
            with Host(discover=False) as host:
                await _agent(model, self.make(), host).arun(TASK)

        asyncio.run(run())
        assert model.views == walk(self.make(), 30)[0].views

    def test_a_step_that_was_edited_away_is_gone(self) -> None:
        def forget(step: ActionStep, run: Any) -> Edit | None:
            if step.number != 35:
                return None
            return Edit(tuple(each for each in run.steps if not isinstance(each, ActionStep) or each.number > 33))

        model, _ = walk(self.make(), 40, callbacks=[forget])
        after = model.views[35]
        assert "<seen boat 33>" not in words(after)
        assert "<seen boat 35>" in words(after)
        assert TASK in words(after)
        assert not [wrong for view in model.views for wrong in parted(view)]


def walk(memory: Any, steps: int, mark: str = "boat", **more: Any) -> tuple[Walker, RunResult[Any]]:
    """Drive an agent with a memory through a run of many steps.

    Args:
        memory: What it sees its steps through.
        steps: How many it takes before it answers.
        mark: Stands in what it sees.
        **more: `message_history` for the run, and settings of the agent.

    Returns:
        The model, with what it was asked, and the result.
    """
    model = Walker(steps, mark)
    options = {name: more.pop(name) for name in ("message_history",) if name in more}
    with Host(discover=False) as host:
        result = _agent(model, memory, host, **more).run(TASK, **options)
    assert result.output == f"{mark}: {steps}", result
    return model, result


def _agent(model: Any, memory: Any, host: Host, **more: Any) -> MultiStepAgent[Any, Any]:
    tools: list[Callable[..., Any]] = [look]
    return ToolCallingAgent(model=model, tools=tools, memory=memory, host=host, max_steps=600, **more)
