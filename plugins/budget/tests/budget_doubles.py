"""What the tests of budgets share: a model that says what it used, and agents that look around."""

from __future__ import annotations

from core_plus import Message, ModelResponse, ToolCall, ToolCallingAgent, Usage, message, tool

PRICES = {"metered:*": {"input": 1, "output": 10, "cached": 0.1}}


class Metered:
    """A model that answers from a list and says that it used what it read at most, and what it was told to write."""

    def __init__(self, *replies, usage=None, name="metered:one"):
        self.replies, self.usage, self.name, self.requests = list(replies), usage, name, []

    def __str__(self):
        return self.name

    def forward(self, request):
        self.requests.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        usage = self.usage(request) if callable(self.usage) else self.usage
        return ModelResponse(reply if isinstance(reply, Message) else message("assistant", reply), usage)


@tool(effect="read", thread="caller")
def look(path: str) -> str:
    """Look.

    Args:
        path: Where.
    """
    return path


def call(name, **arguments):
    return Message("assistant", (ToolCall("", name, arguments),))


LOOK = call("look", path="a")


def agent(host, model, *budgets, **settings):
    return ToolCallingAgent(model=model, tools=[look], host=host, policies=budgets, **settings)


def used(tokens=100, **more):
    return Usage(input_tokens=tokens, output_tokens=10, **more)


def ended(result, text):
    assert result.state == "limit"
    assert text in str(result.error)
    return result
