"""A manager and two agents that work for it: it calls them in its code like functions."""

from core_plus import CodeAgent, ToolCallingAgent, tool

ROOMS = {"Lima": 2, "Quito": 5}


@tool(effect="read")
def free_rooms(city: str) -> int:
    """Hotel rooms that are free.

    Args:
        city: Name of the city.
    """
    return ROOMS[city]


@tool(effect="read")
def flights(city: str) -> list[str]:
    """Departures of today.

    Args:
        city: Where to.
    """
    return {"Lima": ["09:10"], "Quito": ["07:45", "18:20"]}[city]


hotels = ToolCallingAgent(name="hotels", description="Knows the hotels of a city.", tools=[free_rooms])
airline = ToolCallingAgent(name="airline", description="Knows the flights to a city.", tools=[flights])
manager = CodeAgent(managed_agents=[hotels, airline])

result = manager.run("We are four people. Can we go to Lima or to Quito today, and when?")
print(result.output)
print(f"{len(result.steps)} steps of the manager, {result.usage.calls} model calls in all")
