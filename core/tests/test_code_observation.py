"""What comes of code: what it printed, its last value and the final answer, each told apart; the structured form."""

from __future__ import annotations

import json

import pytest
from kernel_doubles import Scripted, ThreadExecutor

from core_plus import CodeAgent
from core_plus.code_action import THOUGHT_AND_CODE
from core_plus.errors import ConfigurationError


def ran(host, *replies, **settings):
    """The result of a code agent that is told these replies, the last one an answer."""
    agent = CodeAgent(
        model=Scripted(*replies, "<code>final_answer('end')</code>"), executor=ThreadExecutor(), host=host, **settings
    )
    return agent.run("Work")


def test_printed_output_and_last_value_come_back_apart(host):
    step = ran(host, "I look.\n<code>\nprint('printed')\n1 + 1\n</code>").steps[1]
    assert (step.stdout, step.value, step.is_final, step.error) == ("printed\n", 2, False, None)
    assert (step.thought, step.code) == ("I look.", "print('printed')\n1 + 1")
    assert step.observation == "Printed:\nprinted\nValue of the last line:\n2"


def test_the_final_answer_comes_back_as_the_value_that_it_is(host):
    answer = {"names": ["a", "b"], "mean": 2.5}
    result = ran(host, f"<code>\nprint('printed')\nfinal_answer({answer!r})\n</code>")
    step = result.steps[1]
    assert (result.output, step.value, step.is_final, step.stdout) == (answer, answer, True, "printed\n")
    assert "Value of the last line" not in step.observation


@pytest.mark.parametrize("answer", [None, "", 0, False, []])
def test_a_final_answer_may_be_nothing_much(host, answer):
    result = ran(host, f"<code>final_answer({answer!r})</code>")
    assert (result.state, result.output, len(result.steps)) == ("success", answer, 3)


def test_code_that_shows_nothing_is_told_so(host):
    step = ran(host, "<code>x = 1</code>").steps[1]
    assert step.observation == ""
    assert step.messages[-1].text == "The code ran and printed nothing."


def test_a_last_value_of_none_is_not_shown(host):
    assert ran(host, "<code>print('a')</code>").steps[1].observation == "Printed:\na"


def test_code_that_fails_keeps_what_it_printed_before(host):
    step = ran(host, "<code>\nprint('before')\n1 / 0\n</code>").steps[1]
    assert (step.stdout, step.error.kind) == ("before\n", "AgentExecutionError")
    assert "ZeroDivisionError: division by zero" in step.error.message
    assert "Printed:\nbefore" in step.messages[-1].text
    assert "ZeroDivisionError" in step.messages[-1].text


def test_long_output_is_cut_in_the_middle_for_the_model_alone(host):
    step = ran(host, "<code>print('a' * 500 + 'b' * 500)</code>", max_observation=100).steps[1]
    assert len(step.stdout) == 1001
    assert "900 characters left out" in step.observation
    assert step.observation.endswith("b" * 50)


def test_variables_stay_from_step_to_step(host):
    assert ran(host, "<code>x = 20</code>", "<code>final_answer(x + 1)</code>").output == 21


def test_a_reply_cut_at_the_closing_tag_is_shown_whole_afterwards(host):
    result = ran(host, "I add.\n<code>\n1 + 1\n")
    assert result.steps[1].messages[0].text == "I add.\n<code>\n1 + 1\n</code>"
    assert result.run.bound.model.requests[0].stop == ("</code>",)


def test_prose_is_an_observation_that_teaches(host):
    result = ran(host, "Just prose.")
    assert (result.output, result.steps[1].error.kind) == ("end", "AgentParsingError")
    assert "<code>" in result.run.bound.model.requests[1].messages[-1].text


def test_markdown_fences_may_stand_for_tags(host):
    fence = "`" * 3
    agent = CodeAgent(
        model=Scripted(f"So.\n{fence}python\nfinal_answer(7)\n{fence}"),
        executor=ThreadExecutor(),
        host=host,
        code_block_tags="markdown",
    )
    assert agent.run("x").output == 7
    assert f"{fence}python" in agent.prompt()
    assert agent.model.requests[0].stop == ()


@pytest.mark.parametrize("tags", ["html", "", ("<a>",), ("", "</a>"), ("<a>", ""), 5], ids=repr)
def test_tags_that_cannot_be_are_refused(host, tags):
    with pytest.raises((ConfigurationError, ValueError, TypeError), match="tags"):
        CodeAgent(model=Scripted("x"), executor=ThreadExecutor(), host=host, code_block_tags=tags)


# ---- the structured form ------------------------------------------------------------


def structured(thought, code):
    """A reply in the structured form."""
    return json.dumps({"thought": thought, "code": code})


def test_the_structured_form_gives_thought_and_code(host):
    replies = structured("I add.", "print(1)\n1 + 1"), structured("", "final_answer('done')")
    agent = CodeAgent(model=Scripted(*replies), executor=ThreadExecutor(), host=host, use_structured_outputs=True)
    result = agent.run("x")
    step = result.steps[1]
    assert (step.thought, step.code, step.value, result.output) == ("I add.", "print(1)\n1 + 1", 2, "done")
    request = agent.model.requests[0]
    assert (request.output_schema, request.stop) == (THOUGHT_AND_CODE, ())


@pytest.mark.parametrize(
    "reply",
    [
        f"Here:\n{structured('t', 'final_answer(1)')}\nThere.",
        "`" * 3 + f"json\n{structured('t', 'final_answer(1)')}\n" + "`" * 3,
        '{"code": "final_answer(1)"}',
    ],
)
def test_a_structured_reply_may_have_something_around_it(host, reply):
    agent = CodeAgent(model=Scripted(reply), executor=ThreadExecutor(), host=host, use_structured_outputs=True)
    assert agent.run("x").output == 1


@pytest.mark.parametrize(
    "reply", ["Just prose.", "{}", '{"thought": "t"}', '{"thought": "t", "code": 5}', '["a"]', '{"code": "a', "}{", ""]
)
def test_a_reply_that_is_not_the_structured_form_is_taught_it(host, reply):
    replies = reply, structured("", "final_answer('done')")
    agent = CodeAgent(model=Scripted(*replies), executor=ThreadExecutor(), host=host, use_structured_outputs=True)
    result = agent.run("x")
    assert (result.output, result.steps[1].error.kind) == ("done", "AgentParsingError")
    assert '"thought"' in result.steps[1].error.message
