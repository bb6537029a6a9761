"""A plugin in one file: it offers a tool by name, watches every run, and is handed to a host.

To have it found by itself, put it in a distribution with an entry point in the group "core_plus":
`"hooks.dice" = "custom_plugin"`.
"""

import random
import sys

from core_plus import CodeAgent, Event, Host, Tool, hookimpl, tool
from core_plus.events import ToolFinished
from core_plus.hookspecs import Register


def dice(sides: int = 6) -> Tool:
    """Make the tool; called when its name is first used.

    Args:
        sides: How many each has; a setting, which `Host(config={"tool.dice": {"sides": 20}})` gives.
    """
    chance = random.Random(7)

    @tool(name="roll")
    def roll(times: int) -> list[int]:
        """Roll dice.

        Args:
            times: How many.
        """
        return [chance.randint(1, sides) for _ in range(times)]

    return roll


class Rolls:
    """Sees every event; changes nothing."""

    def observe(self, event: Event) -> None:
        """Tell of each roll."""
        if isinstance(event, ToolFinished) and event.call.name == "roll":
            print(f"rolled {event.value}")


@hookimpl
def register_tools(register: Register) -> None:
    """Declare the tool "dice"."""
    register("dice", dice, summary="dice of any number of sides")


@hookimpl
def register_observers(register: Register) -> None:
    """Declare the observer."""
    register("rolls", Rolls, summary="tells of each roll")


if __name__ == "__main__":
    with Host(plugins=[sys.modules[__name__]]) as host:
        print(CodeAgent(host=host, tools=["dice"]).run("Roll three dice and give me their sum.").output)
