"""An answer of a type of your own: what doesn't fit goes back to the model, with the reason."""

from dataclasses import dataclass
from typing import Literal

from core_plus import CodeAgent


@dataclass
class Invoice:
    """What is wanted of the text."""

    customer: str
    total: float
    currency: Literal["EUR", "USD"]
    items: list[str]


TEXT = "Ada Lovelace bought two pots of tea (4.20 each) and a loaf of bread (3.10), in euros."

agent: CodeAgent[None, Invoice] = CodeAgent(output_type=Invoice)
result = agent.run(f"Make an invoice of this: {TEXT}")
invoice = result.output
print(f"{invoice.customer} owes {invoice.total:.2f} {invoice.currency} for {', '.join(invoice.items)}")
print(f"answers refused: {sum(getattr(step, 'error', None) is not None for step in result.steps)}")
