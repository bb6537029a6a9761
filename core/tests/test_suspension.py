"""A run that must wait for a person holds still, says what it asks, and goes on with the answer."""

from __future__ import annotations

import asyncio
import threading

import pytest
from kernel_doubles import Reviews, Scripted, ThreadExecutor, Watcher, call, pay

from core_plus import Ask, CodeAgent, ConfigurationError, Host, Question, RunSuspended, ToolCallingAgent, tool
from core_plus.effects import AskHuman, RunCode
from core_plus.events import QuestionAnswered, QuestionAsked, RunFinished


@tool
def user_input(question: str):
    """Asks the person.

    Args:
        question: What.
    """
    answer = yield AskHuman(question=Question(text=question))
    return f"they said: {answer}"


def payer(host, *replies, model=Scripted, **settings):
    replies = replies or (call("pay", "a", amount=5), "done")
    return ToolCallingAgent(model=model(*replies), tools=[pay, user_input], host=host, **settings)


def observation(agent):
    return agent.model.requests[-1].messages[-1].parts[0].text


# ---- holding still ---------------------------------------------------------


def test_a_run_that_must_ask_is_suspended_with_its_question(careful):
    agent = payer(careful)
    result = agent.run("Pay 5.")
    assert (result.state, result.answered, result.answer) == ("suspended", False, None)
    (question,) = result.questions
    assert (question.kind, question.choices, question.default) == ("approval", ("yes", "no"), "no")
    assert question.details == {"tool": "pay", "arguments": {"amount": 5}}
    assert "pay" in question.text
    assert question.id
    assert result.usage.calls == 1
    with pytest.raises(RunSuspended, match=r"pay.*agent\.resume"):
        _ = result.output


@pytest.mark.parametrize("answer", ["yes", "Yes", " y ", True, "ok", "allow"])
def test_yes_lets_the_call_be_performed(careful, answer):
    agent = payer(careful)
    result = agent.resume(agent.run("Pay 5."), answer)
    assert (result.state, result.output) == ("success", "done")
    assert observation(agent) == "paid 5"


@pytest.mark.parametrize("answer", ["no", "NO", False, None, "", "n", "deny"])
def test_no_is_an_observation_and_the_call_is_not_performed(careful, answer):
    agent = payer(careful)
    result = agent.resume(agent.run("Pay 5."), answer)
    assert result.output == "done"
    assert result.steps[1].error.kind == "AgentDeniedError"
    assert "pay was denied" in observation(agent)
    assert "paid" not in observation(agent)


def test_other_words_are_a_no_with_a_reason_that_the_model_reads(careful):
    agent = payer(careful)
    agent.resume(agent.run("Pay 5."), "pay 3 at most")
    assert "the person said no: pay 3 at most" in observation(agent)


def test_a_dict_by_question_id_answers_too(careful):
    agent = payer(careful)
    waiting = agent.run("Pay 5.")
    agent.resume(waiting, {waiting.questions[0].id: "yes"})
    assert observation(agent) == "paid 5"


def test_a_dict_that_is_no_dict_of_ids_is_the_answer_itself(host):
    agent = payer(host, call("user_input", question="Which?"), "done")
    agent.resume(agent.run("Go."), {"colour": "red"})
    assert observation(agent) == "they said: {'colour': 'red'}"


def test_a_run_may_be_suspended_again_and_again(careful):
    agent = payer(careful, call("pay", amount=1), call("pay", amount=2), call("pay", amount=3), "done")
    result = agent.run("Pay.")
    for amount in (1, 2, 3):
        assert result.questions[0].details["arguments"] == {"amount": amount}
        result = agent.resume(result, "yes")
    assert result.output == "done"
    assert len({type(step).__name__ for step in result.steps}) == 3


def test_a_suspended_run_costs_no_thread(careful):
    before = threading.active_count()
    waiting = [payer(careful).run("Pay 5.") for _ in range(20)]
    assert all(result.state == "suspended" for result in waiting)
    assert threading.active_count() == before


def test_events_tell_of_the_question_and_of_the_answer_in_order(careful):
    watcher = Watcher()
    agent = payer(careful)
    waiting = agent.run("Pay 5.", observers=[watcher])
    assert watcher.of(QuestionAsked)[0].question == waiting.questions[0]
    assert (type(watcher.events[-1]), watcher.events[-1].state) == (RunFinished, "suspended")
    agent.resume(waiting, "yes")
    assert watcher.of(QuestionAnswered)[0].answer == "yes"
    assert [event.state for event in watcher.of(RunFinished)] == ["suspended", "success"]
    kinds = [type(event) for event in watcher.events]
    assert kinds.index(QuestionAsked) < kinds.index(RunFinished) < kinds.index(QuestionAnswered)


def test_a_stream_ends_where_it_must_ask_and_goes_on_with_the_answer(careful):
    stream = payer(careful).stream("Pay 5.")
    first = list(stream)
    assert [type(event) for event in first[-2:]] == [QuestionAsked, RunFinished]
    assert stream.result.state == "suspended"
    rest = list(stream.answer("yes"))
    assert isinstance(rest[0], QuestionAnswered)
    assert isinstance(rest[-1], RunFinished)
    assert stream.result.output == "done"


# ---- who asks --------------------------------------------------------------


@pytest.mark.parametrize("face", ["run", "arun"])
def test_a_tool_may_ask_the_person_itself(host, face):
    agent = payer(host, call("user_input", question="Which colour?"), "done")
    if face == "run":
        agent.resume(agent.run("Go."), "red")
    else:

        async def both():
            await agent.aresume(await agent.arun("Go."), "red")

        asyncio.run(both())
    assert observation(agent) == "they said: red"


def test_a_callback_may_ask_after_a_step_and_the_words_reach_the_model(host):
    agent = payer(host, call("pay", amount=5), "done", callbacks=[lambda step: None if step.is_final else Ask("Well?")])
    waiting = agent.run("Go.")
    assert [question.text for question in waiting.questions] == ["Well?"]
    result = agent.resume(waiting, "Now be done.")
    assert result.output == "done"
    assert agent.model.requests[1].messages[-1].text == "Now be done."


def test_a_no_after_a_step_stops_the_run_with_everything_kept(host):
    agent = payer(host, call("pay", amount=5), "done", callbacks=[lambda step: Ask()])
    result = agent.resume(agent.run("Go."), "no")
    assert (result.state, len(result.steps), len(agent.model.requests)) == ("stopped", 2, 1)


def test_a_question_in_the_middle_of_code_holds_the_code_where_it_is(careful):
    code = "x = 'before'\ny = pay(5)\nfinal_answer(x + ', ' + y)"
    agent = CodeAgent(model=Scripted(f"<code>\n{code}\n</code>"), tools=[pay], executor=ThreadExecutor(), host=careful)
    waiting = agent.run("Pay 5.")
    assert waiting.questions[0].details["tool"] == "pay"
    assert agent.resume(waiting, "yes").output == "before, paid 5"
    assert len(agent.model.requests) == 1


def test_code_sees_a_no_as_an_error_that_it_may_catch(careful):
    code = "try:\n    pay(5)\nexcept Exception as error:\n    final_answer(str(error))"
    agent = CodeAgent(model=Scripted(f"<code>\n{code}\n</code>"), tools=[pay], executor=ThreadExecutor(), host=careful)
    assert "denied" in agent.resume(agent.run("Pay 5."), "no").output


def test_code_itself_may_need_a_yes():
    ask_for_code = Reviews(lambda effect: Ask("Run this?") if isinstance(effect, RunCode) else None)
    with Host(discover=False, plugins=[ask_for_code]) as host:
        executor = ThreadExecutor()
        agent = CodeAgent(model=Scripted("<code>\nfinal_answer(1)\n</code>"), executor=executor, host=host)
        waiting = agent.run("Go.")
        assert waiting.questions[0].details == {"what": "code", "code": "final_answer(1)"}
        assert executor.sessions == []
        assert agent.resume(waiting, "yes").output == 1


@pytest.mark.parametrize("face", ["run", "arun"])
def test_a_question_of_a_managed_agent_suspends_the_whole_run(careful, face):
    inner = ToolCallingAgent(
        model=Scripted(call("pay", amount=5), "paid it"), tools=[pay], name="till", description="Pays."
    )
    outer = ToolCallingAgent(
        model=Scripted(call("till", task="Pay 5."), "all done"), managed_agents=[inner], host=careful
    )
    if face == "run":
        result = outer.resume(outer.run("Go."), "yes")
    else:

        async def both():
            return await outer.aresume(await outer.arun("Go."), "yes")

        result = asyncio.run(both())
    assert result.output == "all done"
    assert outer.model.requests[1].messages[-1].parts[0].text == "paid it"


# ---- several at once -------------------------------------------------------


def three_calls(host, model=Scripted, **settings):
    calls = [call("pay", "a", amount=1), call("user_input", "b", question="Why?"), call("pay", "c", amount=3)]
    return payer(host, calls, "done", model=model, **settings)


def answers_to(waiting, **answers):
    """By question id: what to say to the one that asks for an amount, or to an open one."""
    amounts = {question.details.get("arguments", {}).get("amount"): question.id for question in waiting.questions}
    return {amounts[{"one": 1, "three": 3, "why": None}[word]]: answer for word, answer in answers.items()}


@pytest.mark.parametrize("face", ["run", "arun"])
def test_questions_of_parallel_calls_are_asked_together_and_answered_by_id(careful, face):
    agent = three_calls(careful)

    async def both():
        waiting = await agent.arun("Go.")
        return waiting, await agent.aresume(waiting, answers_to(waiting, one="yes", why="because", three="no"))

    if face == "run":
        waiting = agent.run("Go.")
        result = agent.resume(waiting, answers_to(waiting, one="yes", why="because", three="no"))
    else:
        waiting, result = asyncio.run(both())
    assert len({question.id for question in waiting.questions}) == 3
    assert result.output == "done"
    texts = [part.text for part in agent.model.requests[1].messages[-1].parts]
    assert texts[:2] == ["paid 1", "they said: because"]
    assert "denied" in texts[2]


def test_parallel_questions_may_be_answered_one_by_one(careful):
    agent = three_calls(careful)
    first = agent.run("Go.")
    second = agent.resume(first, answers_to(first, three="yes"))
    assert {question.id for question in second.questions} < {question.id for question in first.questions}
    third = agent.resume(second, answers_to(second, why="so"))
    assert len(third.questions) == 1
    assert agent.resume(third, "yes").output == "done"
    assert [part.text for part in agent.model.requests[1].messages[-1].parts] == ["paid 1", "they said: so", "paid 3"]


def test_one_answer_for_several_questions_is_refused_and_the_run_still_waits(careful):
    agent = three_calls(careful)
    waiting = agent.run("Go.")
    with pytest.raises(ConfigurationError, match="3 answers: give a dict by question id"):
        agent.resume(waiting, "yes")
    assert agent.resume(waiting, answers_to(waiting, one="no", why="x", three="no")).output == "done"


@pytest.mark.parametrize("face", ["run", "arun"])
def test_calls_beside_one_that_waits_are_finished_first(careful, face):
    finished = []

    @tool
    def other(what: str) -> str:
        """Does its work.

        Args:
            what: Which.
        """
        finished.append(what)
        return what

    calls = [call("other", "a", what="x"), call("pay", "b", amount=1), call("other", "c", what="y")]
    agent = ToolCallingAgent(model=Scripted(calls, "done"), tools=[other, pay], host=careful)

    async def both():
        waiting = await agent.arun("Go.")
        done = sorted(finished)
        return done, await agent.aresume(waiting, "yes")

    if face == "run":
        waiting = agent.run("Go.")
        done, result = sorted(finished), agent.resume(waiting, "yes")
    else:
        done, result = asyncio.run(both())
    assert done == ["x", "y"]
    assert [record.value for record in result.steps[1].calls] == ["x", "paid 1", "y"]
    assert sorted(finished) == ["x", "y"]


def test_calls_made_at_once_from_code_may_each_ask(careful):
    code = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(2) as pool:\n"
        "    final_answer(list(pool.map(pay, [1, 3])))"
    )
    agent = CodeAgent(model=Scripted(f"<code>\n{code}\n</code>"), tools=[pay], executor=ThreadExecutor(), host=careful)
    result = agent.run("Go.")
    while result.state == "suspended":
        result = agent.resume(result, {question.id: "yes" for question in result.questions})
    assert result.output == ["paid 1", "paid 3"]
