"""A run that does something of everything, and the lives that it may have."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import attrs
from journal_doubles import Desk, Told, World, call, code
from journal_executors import ThreadExecutor

from core_plus import (
    ActionStep,
    Allow,
    CodeAgent,
    Continue,
    Deny,
    Host,
    Question,
    RateLimitError,
    Retry,
    ToolCallingAgent,
    hookimpl,
    tool,
)
from core_plus.effects import AskHuman, CallTool
from core_plus_journal.journal import Journal
from core_plus_journal.memory import MemoryStore

FIRST = """
first = pay(1)
print(first, look("x"), random.random())
try:
    pay(amount=13)
except RuntimeError as error:
    print(error)
"""
SECOND = """
note("seen", [1, float("nan"), b"\\xff"])
told = clerk(task="Book and pay.", variables={"where": "Oslo"})
asked = user_input(question="Which colour?")
print(told, asked)
raise ValueError("no such thing")
"""
THIRD = """
third = book(3) + pay(4)
final_answer([first, told, asked, third])
"""
CLERK = (
    [call("book", "c1", seat=1), call("pay", "c2", amount=6), call("send", "c3", letter="a", wait=0.002)],
    [call("send", "c4", letter="z"), call("pay", "c5", amount="much")],
    "All done.",
)


@tool
def user_input(question: str):
    """Asks the person.

    Args:
        question: What.
    """
    answer = yield AskHuman(question=Question(text=question))
    return f"they said {answer}"


class House:
    """Policies of the host: 13 isn't paid, and a model that has no room is asked again."""

    @hookimpl
    def review_effect(self, effect: Any) -> Any:
        if isinstance(effect, CallTool) and effect.call.name == "pay":
            return Deny("13 brings bad luck") if effect.call.arguments["amount"] == 13 else Allow("it is little")
        return None

    @hookimpl
    def retry_effect(self, error: Any, attempt: int) -> Any:
        return Retry(after=0.001, reason="no room") if attempt < 3 else None


def house() -> Host:
    """A host with its policies."""
    return Host(only=["core-plus-journal"], plugins=[House()])


def agent(world: World, host: Host, **settings: Any) -> CodeAgent:
    """The agent that does it, as another process would make it anew."""
    failing = iter([RateLimitError("no room", provider="told"), code(FIRST)])
    clerk = ToolCallingAgent(
        name="clerk", description="Does office work.", model=Told(*CLERK, name="told:clerk"), tools=world.tools()
    )

    def look_over(step: ActionStep) -> Continue | None:
        world.at(f"callback {step.number}")
        return Continue() if step.number == 1 else None

    def is_long(answer: Any) -> bool:
        return len(answer) == 4

    options: dict[str, Any] = {
        "model": Told("Plan: go on.", lambda request: next(failing, code(FIRST)), code(SECOND), code(THIRD)),
        "tools": [*world.tools(), user_input],
        "managed_agents": [clerk],
        "executor": ThreadExecutor(),
        "planning_interval": 5,
        "callbacks": [look_over],
        "final_answer_checks": [is_long],
        "host": host,
    }
    return CodeAgent(**{**options, **settings})


def drive(face: str, begun: Any) -> Any:
    """The result of a face, sync or async."""
    return asyncio.run(begun) if face.startswith("a") else begun


class Noting(MemoryStore):
    """A store that notes what had happened in the world before and after each of its writes."""

    def __init__(self, world: Any) -> None:
        super().__init__()
        self.world = world
        self.writes: list[tuple[int, Life]] = []

    def create(self, run_id: str, header: bytes) -> int:
        epoch = super().create(run_id, header)
        self.writes.append((1, Life.of(self.world)))
        return epoch

    def append(self, run_id: str, epoch: int, records: Sequence[bytes]) -> None:
        life = Life.of(self.world)
        super().append(run_id, epoch, records)
        self.writes.append((len(records), life))


@attrs.frozen
class Life:
    """The world at a moment."""

    deeds: list[str]
    keys: dict[str, list[str]]

    @classmethod
    def of(cls, world: World) -> Life:
        with world._lock:
            return cls([*world.deeds], {name: [*keys] for name, keys in world.keys.items()})

    def world(self) -> World:
        made = World()
        made.deeds, made.keys = [*self.deeds], {name: [*keys] for name, keys in self.keys.items()}
        return made


def whole(host: Host, face: str = "run", **settings: Any) -> tuple[Any, Noting]:
    """The run without a cut, and where it was kept."""
    world = World()
    store = Noting(world)
    made = agent(world, host, **settings)
    begin = made.run if face == "run" else made.arun
    result = drive(face, begin("Go", journal=Journal(store), run_id="rich", ui=Desk("red"), variables={"given": 1}))
    return result, store


def cuts(store: Noting) -> list[tuple[int, Life]]:
    """After how many lines a process may have ended, with what had happened then: at least that, at most this."""
    found: list[tuple[int, Life]] = []
    lines = 0
    for place, (count, life) in enumerate(store.writes):
        found += [(lines + n, life) for n in range(1, count + 1)]
        lines += count
        later = store.writes[place + 1][1] if place + 1 < len(store.writes) else Life.of(store.world)
        if later.deeds != life.deeds:
            found.append((lines, later))
    return found


def seen_in(world: World) -> Any:
    """A rule for unknown outcomes: looks whether it happened."""
    values = {"pay": "paid {amount}", "send": "sent {letter}", "note": ""}

    def rule(effect: CallTool) -> Any:
        name, arguments = effect.call.name, effect.call.arguments
        deed = f"{name} {arguments.get('amount', arguments.get('letter', arguments.get('name')))}"
        if deed not in world.deeds:
            return "it didn't happen"
        return {"it happened": values[name].format(**arguments) or None}

    return rule
