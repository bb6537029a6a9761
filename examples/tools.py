"""Four ways to write a tool, all used by one agent that calls them as JSON."""

import asyncio
from dataclasses import dataclass

from core_plus import RunContext, Tool, ToolCallingAgent, tool


@dataclass
class Customer:
    """Who the agent works for; tools reach it through the run's context, the model never sees it."""

    name: str
    basket: list[str]


@tool(effect="read")
def price(item: str, pieces: int = 1) -> float:
    """Price in euros.

    Args:
        item: What to buy.
        pieces: How many.
    """
    return {"tea": 4.2, "bread": 3.1}[item] * pieces


@tool
def put_in_basket(context: RunContext[Customer], item: str) -> str:
    """Put something in the customer's basket.

    Args:
        context: The run, which the model never sees.
        item: What to buy.
    """
    context.deps.basket.append(item)
    return f"{context.deps.name} has {', '.join(context.deps.basket)}"


@tool(effect="read", timeout=5.0)
async def in_stock(item: str) -> bool:
    """Whether there is any left.

    Args:
        item: What to buy.
    """
    await asyncio.sleep(0.01)  # a question to a warehouse
    return item != "bread"


class Discount(Tool):
    """A tool as a class: for what has settings of its own, or must be made ready once."""

    name = "discount"
    description = "What a price comes to with the customer's discount."
    inputs = {"euros": {"type": "number", "description": "The price."}}
    output_type = "number"
    effect = "read"

    def __init__(self, percent: float) -> None:
        self.percent = percent

    def forward(self, euros: float) -> float:
        """Take the discount off."""
        return round(euros * (1 - self.percent / 100), 2)


def main() -> None:
    """Let the agent shop."""
    customer = Customer("Ada", [])
    agent: ToolCallingAgent[Customer, str] = ToolCallingAgent(tools=[price, put_in_basket, in_stock, Discount(10)])
    result = agent.run("Buy what is in stock of tea and bread, two of each, and say what it costs.", deps=customer)
    print(result.output)
    print("basket:", ", ".join(customer.basket))


main()
