"""An agent with a tool, in ten lines. CORE_PLUS_MODEL says which model it thinks with."""

from core_plus import CodeAgent, tool


@tool
def temperature(city: str) -> float:
    """Temperature in degrees Celsius, now.

    Args:
        city: Name of the city.
    """
    return {"Oslo": 4.5, "Rome": 17.0}[city]


result = CodeAgent(tools=[temperature]).run("Which is warmer today, Oslo or Rome?")
print(result.output)
