"""Servers that ask the person, in both eras: a UI answers, or the run waits until somebody does."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core_plus import ToolCallingAgent
from core_plus_mcp.asking import choices_of, fitted


class Person:
    """A UI that answers from a list."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def observe(self, event):
        pass

    def ask(self, question):
        self.asked.append(question)
        return self.answers.pop(0)


@pytest.fixture
def ordered(home, shop, says):
    """Have an agent order a shirt, with a person to ask; what came of it."""

    def run(person, arun=False):
        agent = ToolCallingAgent(model=says((order_of(home, shop), {})), tools=[shop], host=home)
        result = asyncio.run(agent.arun("go", ui=person)) if arun else agent.run("go", ui=person)
        return result.steps[1].calls[0]

    return run


def order_of(host, source):
    """The name of the tool with which to order: the second server's has a prefix."""
    return next(tool.name for tool in host.tools(source) if tool.remote_name == "order")


@pytest.mark.parametrize("arun", [False, True])
def test_a_form_is_asked_field_by_field(ordered, shop, arun):
    person = Person("large", "3")
    assert ordered(person, arun).value == "3 large"
    first, second = person.asked
    assert "Which size?" in first.text
    assert f"'{next(iter(shop['mcpServers']))}'" in first.text
    assert first.choices == ("small", "large", "decline")
    assert second.default == 1


def test_an_answer_that_does_not_fit_is_asked_for_again(ordered):
    person = Person("small", "many", "12", "2")
    assert ordered(person).value == "2 small"
    assert "[answer a number]" in person.asked[2].text
    assert "[answer a number from 1 to 9]" in person.asked[3].text


def test_a_person_may_decline(ordered):
    assert ordered(Person("decline")).error is not None


def test_a_ui_that_shows_forms_answers_all_at_once(ordered):
    assert ordered(Person({"size": "small", "number": 4})).value == "4 small"


def test_with_nobody_there_the_run_waits_and_goes_on_with_the_answer(home, shop, says):
    agent = ToolCallingAgent(model=says((order_of(home, shop), {})), tools=[shop], host=home)
    result = agent.run("go")
    assert result.state == "suspended"
    result = agent.resume(result, "small")
    result = agent.resume(result, "9")
    assert result.steps[1].calls[0].value == "9 small"


def test_the_question_of_one_run_never_reaches_the_person_of_another():
    from core_plus_mcp.call import Calls

    calls = Calls()
    for run in ("one", "two"):
        calls._open[run] = type("Call", (), {"run": run})()
    refused = asyncio.run(calls.elicit(None, None))
    assert "calls of several runs" in refused.message


@pytest.mark.parametrize(
    ("field", "answer", "value"),
    [
        ({"type": "boolean"}, "yes", True),
        ({"type": "boolean"}, False, False),
        ({"type": "integer"}, "3.0", 3),
        ({"type": "number"}, "2.5", 2.5),
        ({"type": "string", "enum": ["a", "b"]}, "b", "b"),
        ({"oneOf": [{"const": "x", "title": "X"}]}, "x", "x"),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, "a, b", ["a", "b"]),
    ],
)
def test_answers_are_made_to_fit(field, answer, value):
    assert fitted(answer, field) == value


@pytest.mark.parametrize(
    ("field", "answer"),
    [
        ({"type": "boolean"}, "maybe"),
        ({"type": "integer"}, "2.5"),
        ({"type": "integer", "minimum": 3}, "1"),
        ({"type": "string", "enum": ["a"]}, "c"),
    ],
)
def test_what_can_not_be_made_to_fit_is_said(field, answer):
    with pytest.raises(ValueError, match="answer"):
        fitted(answer, field)


@given(some.sampled_from(["string", "integer", "number", "boolean", "array"]), some.text())
def test_any_answer_fits_or_is_refused_in_words(kind, answer):
    field = {"type": kind}
    try:
        found = fitted(answer, field)
    except ValueError as error:
        found = error
    if isinstance(found, ValueError):
        assert "answer" in str(found)
    else:
        assert isinstance(
            found, {"string": str, "integer": int, "number": int | float, "boolean": bool, "array": list}[kind]
        )
    assert all(isinstance(choice, str) for choice in choices_of(field))
