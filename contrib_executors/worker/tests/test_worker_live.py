"""Objects of the host that code uses by the methods that were allowed."""

import sys

import pytest

from core_plus import CodeAgent, Host, ToolDefinitionError
from core_plus.messages import message
from core_plus.models import ModelResponse
from core_plus_worker import LocalProcess, WorkerSession, live


class Ledger:
    """A ledger with a secret."""

    def __init__(self):
        self.rows, self.key = [], "secret"

    def add(self, amount: int, note: str = "") -> int:
        """Add a row and give their number."""
        self.rows.append((amount, note))
        return len(self.rows)

    async def total(self):
        return sum(amount for amount, _ in self.rows)

    def burn(self):
        self.rows.clear()


class Turns:
    """A model that says what it is told to."""

    def __init__(self, *codes):
        self.codes = iter(codes)
        self.requests = []

    def forward(self, request):
        self.requests.append(request)
        return ModelResponse(message("assistant", f"<code>\n{next(self.codes)}\n</code>"))


class Plain:
    name, is_sandbox, imports = "plain", False, None

    def open(self, setup):
        def start():
            return LocalProcess([sys.executable], env={}, cwd="/tmp")

        return WorkerSession(start(), setup, restart=start)

    def close(self):
        pass


def ran(ledger, *codes):
    model = Turns(*codes)
    with Host(discover=False) as host:
        tools = live(ledger, "add", "total", name="ledger")
        agent = CodeAgent(model=model, tools=tools, executor=Plain(), host=host)
        return agent.run("count"), model


def test_code_uses_an_object_that_stays_in_the_host():
    ledger = Ledger()
    result, model = ran(ledger, "ledger.add(3)\nledger.add(amount=4, note='b')\nfinal_answer(await ledger.total())")
    assert result.output == 7
    assert ledger.rows == [(3, ""), (4, "b")]
    assert [record.call.name for step in result.steps for record in getattr(step, "calls", ())] == [
        "ledger.add",
        "ledger.add",
        "ledger.total",
    ]
    assert "ledger.add(amount: int, note: str = '') -> int" in model.requests[0].messages[0].text


@pytest.mark.parametrize("wish", ["ledger.burn()", "ledger.key", "ledger.rows", "ledger.add.__self__.key"])
def test_nothing_else_of_it_can_be_reached(wish):
    ledger = Ledger()
    result, _ = ran(ledger, f"ledger.add(1)\nprint({wish})", "final_answer('done')")
    (failed,) = [step for step in result.steps if getattr(step, "error", None)]
    assert "AttributeError" in failed.error.message
    assert ledger.rows == [(1, "")]


def test_wrong_arguments_are_an_error_that_shows_the_right_ones():
    result, _ = ran(Ledger(), "ledger.add()", "final_answer(1)")
    (failed,) = [step for step in result.steps if getattr(step, "error", None)]
    assert "missing a required argument: 'amount'" in failed.error.message
    assert "It is ledger.add(amount: int, note: str = '') -> int" in failed.error.message


@pytest.mark.parametrize(
    ("methods", "words"),
    [
        ((), "name the methods"),
        (("sell",), "Ledger has no method 'sell'; it has add, burn"),
        (("__init__",), "no method"),
    ],
)
def test_what_it_cant_offer_is_said_at_once(methods, words):
    with pytest.raises(ToolDefinitionError, match=words):
        live(Ledger(), *methods, name="ledger")
