"""The final answer: what it must be, who looks at it first, and how it is sent back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import pytest
from kernel_doubles import Scripted, ThreadExecutor, call

from core_plus import CodeAgent, RunContext, RunFailed, ToolCallingAgent, tool
from core_plus.effects import AskHuman, CallModel, Question
from core_plus.events import ActionStep, FinalAnswerStep
from core_plus.models import ModelRequest


@dataclass
class Town:
    name: str
    people: int


class Point(msgspec.Struct):
    x: float
    y: float = 0.0


def answering(host, *answers, **settings):
    """A tool-calling agent that gives these answers, one in each step."""
    replies = [call("final_answer", answer=answer) for answer in answers]
    return ToolCallingAgent(model=Scripted(*replies), host=host, max_steps=4, **settings)


def coding(host, *answers, **settings):
    """The same with code."""
    replies = [f"<code>\nfinal_answer({answer!r})\n</code>" for answer in answers]
    return CodeAgent(model=Scripted(*replies), executor=ThreadExecutor(), host=host, max_steps=4, **settings)


BOTH = pytest.mark.parametrize("make", [answering, coding])


def read(agent, request=1):
    said = agent.model.requests[request].messages[-1]
    return said.text or said.parts[0].text


# ---- any answer ------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("answer", [None, 0, "", False, [], {}, "text", [1, {"a": None}]])
def test_any_value_is_an_answer_those_that_count_as_false_too(host, make, answer):
    result = make(host, answer).run("Go.")
    assert (result.state, result.output, result.answered) == ("success", answer, True)
    assert type(result.output) is type(answer)
    assert isinstance(result.steps[-1], FinalAnswerStep)
    assert result.steps[-1].output == answer
    assert result.steps[-2].is_final


# ---- output_type -----------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("wanted", "given", "got"),
    [
        (int, 42, 42),
        (float, 42, 42.0),
        (list[int], [1, 2], [1, 2]),
        (Town, {"name": "Oslo", "people": 7}, Town("Oslo", 7)),
        (list[Town], [{"name": "Oslo", "people": 7}], [Town("Oslo", 7)]),
        (Point, {"x": 1}, Point(1.0, 0.0)),
        (Literal["yes", "no"], "yes", "yes"),
        (dict[str, int] | None, None, None),
        (Any, "what", "what"),
    ],
)
def test_an_answer_that_fits_comes_back_as_the_type(host, make, wanted, given, got):
    result = make(host, given, output_type=wanted).run("Go.")
    assert result.output == got
    assert type(result.output) is type(got)
    assert result.steps[-2].value == got


@BOTH
def test_an_answer_that_does_not_fit_is_sent_back_with_what_is_wrong(host, make):
    agent = make(host, {"name": "Oslo", "people": "many"}, {"name": "Oslo", "people": 7}, output_type=Town)
    result = agent.run("Go.")
    assert result.output == Town("Oslo", 7)
    first = result.steps[1]
    assert not first.is_final
    assert first.error.kind in ("AgentAnswerError", "AgentToolCallError")
    assert "people" in read(agent)


def test_the_model_is_told_of_the_type_by_the_final_answers_schema(host):
    agent = answering(host, 1, output_type=list[Town])
    agent.run("Go.")
    spec = next(spec for spec in agent.model.requests[0].tools if spec.name == "final_answer")
    assert "people" in msgspec.json.encode(spec.parameters).decode()


def test_the_type_is_told_to_a_model_that_writes_code(host):
    prompt = coding(host, 1, output_type=Town).prompt()
    assert "people" in prompt or "Town" in prompt


def test_prose_must_fit_the_type_too(host):
    agent = ToolCallingAgent(model=Scripted("forty-two", "42"), output_type=int, host=host)
    result = agent.run("Go.")
    assert result.output == 42
    assert result.steps[1].error.kind == "AgentAnswerError"


def test_a_last_answer_that_does_not_fit_leaves_no_output(host):
    agent = ToolCallingAgent(model=Scripted(call("nothing"), "no number"), output_type=int, host=host, max_steps=1)
    result = agent.run("Go.")
    assert result.state == "failed"
    assert isinstance(result.steps[-1], ActionStep)
    with pytest.raises(RunFailed, match="no steps left"):
        _ = result.output


def test_a_last_answer_that_fits_is_given_as_the_type(host):
    agent = ToolCallingAgent(model=Scripted(call("nothing"), "42"), output_type=int, host=host, max_steps=1)
    result = agent.run("Go.")
    assert (result.state, result.output) == ("max_steps", 42)


# ---- checks ----------------------------------------------------------------


def positive(answer):
    return answer > 0


def never(answer):
    return False


def explained(answer, context: RunContext):
    assert answer > 0, f"{context.task} wants more than {answer}"


def raising(answer):
    if answer <= 0:
        raise ValueError("it must be above 0")


async def slowly(answer):
    await asyncio.sleep(0.001)
    return answer > 0


def by_a_model(answer):
    request = ModelRequest(())
    response = yield CallModel(request=request, purpose="check", model=Scripted("yes" if answer > 0 else "no"))
    return response.message.text == "yes"


class Checker:
    def __call__(self, answer, context):
        return answer > 0


@BOTH
@pytest.mark.parametrize("face", ["run", "arun"])
@pytest.mark.parametrize(
    ("check", "words"),
    [
        (positive, "the check positive refused the answer -1"),
        (explained, "wants more than -1"),
        (raising, "it must be above 0"),
        (slowly, "slowly"),
        (by_a_model, "by_a_model"),
        (Checker(), "Checker"),
        (lambda answer: answer > 0, "<lambda>"),
    ],
)
def test_an_answer_that_a_check_refuses_is_sent_back(host, make, check, words, face):
    agent = make(host, -1, 1, final_answer_checks=[check])
    result = agent.run("Go.") if face == "run" else asyncio.run(agent.arun("Go."))
    assert (result.state, result.output) == ("success", 1)
    assert result.steps[1].error.kind == "AgentAnswerError"
    assert words in read(agent)


@BOTH
@pytest.mark.parametrize(
    "error", [AttributeError("x"), ZeroDivisionError("x"), KeyError("x"), RuntimeError("x"), OSError("x")]
)
def test_a_check_that_raises_whatever_it_is_sends_the_answer_back(host, make, error):
    def choosy(answer):
        if answer < 0:
            raise error

    result = make(host, -1, 1, final_answer_checks=[choosy]).run("Go.")
    assert (result.state, result.output) == ("success", 1)


@BOTH
def test_all_checks_must_agree_and_run_in_order_on_the_converted_value(host, make):
    seen = []

    def first(answer):
        seen.append(("first", answer))

    def second(answer):
        seen.append(("second", answer))
        return answer.people > 1

    agent = make(
        host,
        {"name": "A", "people": 1},
        {"name": "B", "people": 2},
        output_type=Town,
        final_answer_checks=[first, second],
    )
    assert agent.run("Go.").output == Town("B", 2)
    assert [name for name, _ in seen] == ["first", "second"] * 2
    assert seen[0][1] == Town("A", 1)


def test_a_check_that_never_agrees_leaves_no_output_after_the_last_step(host):
    refused = call("final_answer", answer=-1)
    agent = ToolCallingAgent(
        model=Scripted(refused, refused, "in prose"), final_answer_checks=[never], host=host, max_steps=2
    )
    result = agent.run("Go.")
    assert result.state == "failed"
    assert [step.error.kind for step in result.steps[1:]] == ["AgentAnswerError"] * 3
    with pytest.raises(RunFailed, match="no steps left after 2, and the check never refused"):
        _ = result.output


def test_a_check_may_ask_a_person(host):
    def human(answer):
        return (yield AskHuman(question=Question(text=f"Is {answer} right?"))) == "yes"

    agent = answering(host, 1, 2, final_answer_checks=[human])
    waiting = agent.run("Go.")
    assert waiting.questions[0].text == "Is 1 right?"
    second = agent.resume(waiting, "no")
    assert second.questions[0].text == "Is 2 right?"
    assert agent.resume(second, "yes").output == 2


def test_a_check_knows_the_run(host):
    contexts = []

    def look(answer, context):
        contexts.append((context.task, context.deps, context.step_number, context.run_id))
        return True

    answering(host, 1, final_answer_checks=[look]).run("The task.", deps="mine", run_id="me")
    assert contexts == [("The task.", "mine", 1, "me")]


def test_what_a_final_tool_of_ones_own_gives_is_checked_too(host):
    @tool(final=True)
    def submit(number: int) -> int:
        """Hand in.

        Args:
            number: The result.
        """
        return number

    model = Scripted(call("submit", number=-1), call("submit", number=3))
    agent = ToolCallingAgent(model=model, tools=[submit], final_answer_checks=[positive], host=host)
    assert agent.run("Go.").output == 3
