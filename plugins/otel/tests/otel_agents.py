"""Agents whose traces hold everything: plans, parallel calls, managed agents, code, errors."""

from __future__ import annotations

from core_plus import CodeAgent, Message, ToolCall, ToolCallingAgent, tool
from core_plus_scripted import ScriptedModel

FIRST = "<code>\nprint(look(city='Rome'))\n</code>"
SECOND = "<code>\nfinal_answer(look(city='Oslo') + look(city='Bergen'))\n</code>"


def calls(**wanted):
    """A reply that calls tools: their names, and their arguments."""
    return Message("assistant", tuple(ToolCall("", name, arguments) for name, arguments in wanted.items()))


def look_within(seen):
    """A tool with a span of its own."""
    tracer = seen.tracers.get_tracer("mine")

    @tool(effect="read")
    def look(city: str) -> str:
        """Look.

        Args:
            city: Where.
        """
        with tracer.start_as_current_span("inside"):
            return city

    return look


def tools_within(seen):
    """Tools with spans of their own: sync, async, and one that fails."""
    tracer = seen.tracers.get_tracer("mine")

    @tool(effect="read")
    async def alook(city: str) -> str:
        """Look, async.

        Args:
            city: Where.
        """
        with tracer.start_as_current_span("inside async"):
            return city

    @tool(effect="read")
    def broken() -> str:
        """Fail."""
        with tracer.start_as_current_span("inside broken", record_exception=False, set_status_on_exception=False):
            raise ValueError("it broke")

    return [look_within(seen), alook, broken]


def boss(seen, **options):
    """An agent that plans, looks, has two helpers work, errs twice, and answers."""
    helper = CodeAgent(
        model=ScriptedModel({"": [FIRST, SECOND]}, name="small", mode="turn"),
        tools=[look_within(seen)],
        executor="inprocess",
        name="helper",
        description="Helps.",
    )
    much = (
        ToolCall("", "look", {"city": "A"}),
        ToolCall("", "alook", {"city": "B"}),
        ToolCall("", "helper", {"task": "one"}),
        ToolCall("", "helper", {"task": "two"}),
    )
    turns = ["a plan", Message("assistant", much), calls(nothing={}, broken={}), calls(final_answer={"answer": "done"})]
    return ToolCallingAgent(
        model=ScriptedModel(turns, name="big"),
        tools=tools_within(seen),
        managed_agents=[helper],
        planning_interval=9,
        name="boss",
        description="Leads.",
        **options,
    )
