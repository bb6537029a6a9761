"""Agents hold settings only: one object serves any number of runs at once, and nothing of one reaches another."""

from __future__ import annotations

import asyncio
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from kernel_doubles import AsyncScripted, Scripted, ThreadExecutor, Watcher, call, pay

from core_plus import CodeAgent, RunContext, ToolCallingAgent, tool


@tool
async def secret_of(context: RunContext[dict], owner: str) -> str:
    """The run's own secret.

    Args:
        owner: Who asks.
    """
    await asyncio.sleep(0.001)
    context.state["owner"] = owner
    return f"{owner}:{context.deps['secret']}:{context.run_id}"


def task_of(request):
    return re.search(r"I am (\w+)", request.messages[1].text)[1]


def lookup(request):
    """First call the tool with the name that the task gives, then answer with what the tool said."""
    last = request.messages[-1]
    if last.role == "tool":
        return call("final_answer", "f", answer=last.parts[0].text)
    return [call("secret_of", "a", owner=task_of(request)), call("secret_of", "b", owner=task_of(request))]


def test_a_thousand_async_runs_at_once_on_one_agent_keep_apart(host):
    agent = ToolCallingAgent(model=AsyncScripted(lookup), tools=[secret_of], host=host)

    async def all_of_them():
        runs = (agent.arun(f"I am u{n}", deps={"secret": n * n}, run_id=f"run{n}") for n in range(1000))
        return await asyncio.gather(*runs)

    for n, result in enumerate(asyncio.run(all_of_them())):
        assert result.output == f"u{n}:{n * n}:run{n}"
        assert result.variables == {"owner": f"u{n}"}
        assert [type(step).__name__ for step in result.steps] == [
            "TaskStep", "ActionStep", "ActionStep", "FinalAnswerStep"
        ]  # fmt: skip
        assert result.usage.calls == 2


def test_runs_from_many_threads_on_one_agent_keep_apart(host):
    agent = ToolCallingAgent(model=AsyncScripted(lookup), tools=[secret_of], host=host)
    start = threading.Barrier(16)

    def one(n):
        if n < 16:
            start.wait(10)
        watcher = Watcher()
        result = agent.run(f"I am u{n}", deps={"secret": -n}, run_id=f"run{n}", observers=[watcher])
        return result.output, {event.run_id for event in watcher.events}

    with ThreadPoolExecutor(16) as pool:
        for n, (output, ids) in enumerate(pool.map(one, range(160))):
            assert output == f"u{n}:{-n}:run{n}"
            assert ids == {f"run{n}"}


def test_the_first_runs_of_an_agent_from_many_threads_look_names_up_without_harm(host):
    agent = ToolCallingAgent(model=Scripted("hello"), tools=[secret_of], host=host)
    start = threading.Barrier(12)

    def one(_):
        start.wait(10)
        return agent.run("Say.").output

    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(one, range(12))) == ["hello"] * 12


def test_code_runs_at_once_have_their_own_variables(host):
    def code(request):
        return f"<code>\nx = {task_of(request)!r}\nfinal_answer(x + mine)\n</code>"

    agent = CodeAgent(model=AsyncScripted(code), executor=ThreadExecutor(), host=host)

    async def all_of_them():
        return await asyncio.gather(*(agent.arun(f"I am u{n}", variables={"mine": f"-{n}"}) for n in range(50)))

    assert [result.output for result in asyncio.run(all_of_them())] == [f"u{n}-{n}" for n in range(50)]


def test_a_run_closes_its_code_session(host):
    executor = ThreadExecutor()
    agent = CodeAgent(model=Scripted("<code>\nfinal_answer(1)\n</code>"), executor=executor, host=host)
    agent.run("One.")
    agent.run("Another.")
    assert [session.closed for session in executor.sessions] == [True, True]


def test_a_failing_run_leaves_the_next_as_it_was(host):
    model = Scripted(RuntimeError("down"), "fine")
    agent = ToolCallingAgent(model=model, host=host)
    assert agent.run("First.").state == "failed"
    result = agent.run("Second.")
    assert result.output == "fine"
    assert len(model.requests[1].messages) == 2
    assert "First" not in model.requests[1].messages[1].text


def test_the_callers_own_variables_and_options_are_never_changed(host):
    @tool
    def leave(context: RunContext) -> str:
        """Leaves a variable."""
        context.state["new"] = 1
        return "left"

    variables, history = {"old": 0}, ()
    agent = ToolCallingAgent(model=Scripted(call("leave"), "done"), tools=[leave], host=host)
    result = agent.run("Go.", variables=variables, message_history=history)
    assert variables == {"old": 0}
    assert result.variables == {"old": 0, "new": 1}


def test_ids_of_runs_differ_unless_they_are_given(host):
    agent = ToolCallingAgent(model=Scripted("hi"), host=host)
    ids = {agent.run("Say.").run_id for _ in range(50)}
    assert len(ids) == 50
    assert agent.run("Say.", run_id="mine").run_id == "mine"


# ---- conversations ---------------------------------------------------------


def test_a_session_goes_on_from_what_was_said(host):
    model = Scripted("I'm well.", "You asked how I am.")
    session = ToolCallingAgent(model=model, host=host).session()
    session.run("How are you?")
    result = session.run("What did I ask?")
    assert [said.text for said in model.requests[1].messages[1:]] == ["How are you?", "I'm well.", "What did I ask?"]
    assert [type(step).__name__ for step in result.steps] == ["TaskStep", "ActionStep", "FinalAnswerStep"]
    assert len(result.messages) == 4


def test_a_session_keeps_the_variables_of_its_code_and_closes_them_with_itself(host):
    executor = ThreadExecutor()
    model = Scripted("<code>\nx = 20\nfinal_answer(x)\n</code>", "<code>\nfinal_answer(x + 1)\n</code>")
    with CodeAgent(model=model, executor=executor, host=host).session() as session:
        session.run("Set x.")
        assert session.run("Add one.").output == 21
        assert [made.closed for made in executor.sessions] == [False]
    assert [made.closed for made in executor.sessions] == [True]


def test_variables_given_to_a_later_run_of_a_session_reach_its_code(host):
    model = Scripted("<code>\nfinal_answer(1)\n</code>", "<code>\nfinal_answer(later)\n</code>")
    with CodeAgent(model=model, executor=ThreadExecutor(), host=host, max_steps=2).session() as session:
        session.run("First.")
        assert session.run("Second.", variables={"later": 7}).output == 7


def test_a_session_counts_each_run_by_itself(host):
    session = ToolCallingAgent(model=Scripted("a", "b", "c"), host=host, max_steps=1).session()
    results = [session.run(f"Task {n}.") for n in range(3)]
    assert [result.output for result in results] == ["a", "b", "c"]
    assert [result.usage.calls for result in results] == [1, 1, 1]
    assert [result.steps[1].number for result in results] == [1, 1, 1]


def test_two_sessions_of_one_agent_know_nothing_of_each_other(host):
    model = Scripted("hello")
    agent = ToolCallingAgent(model=model, host=host)
    one, other = agent.session(), agent.session()
    one.run("I am Ann.")
    other.run("I am Bob.")
    assert "Ann" not in "".join(said.text for said in model.requests[1].messages)


def test_a_session_goes_on_after_a_run_that_failed(host):
    model = Scripted("hello", RuntimeError("down"), "back")
    session = ToolCallingAgent(model=model, host=host).session()
    session.run("One.")
    assert session.run("Two.").state == "failed"
    assert session.run("Three.").output == "back"
    assert [said.text for said in model.requests[2].messages[1:]] == ["One.", "hello", "Two.", "Three."]


def test_a_session_goes_on_after_a_stream_that_was_closed_midway(host):
    executor = ThreadExecutor()
    model = Scripted("<code>\nx = 1\n</code>", "<code>\nfinal_answer(2)\n</code>")
    with CodeAgent(model=model, executor=executor, host=host).session() as session:
        stream = session.stream("One.")
        next(event for event in stream if type(event).__name__ == "ActionStep")
        stream.close()
        assert session.run("Two.").output == 2
        assert [said.text for said in model.requests[1].messages if said.text in ("One.", "Two.")] == ["One.", "Two."]
    assert all(made.closed for made in executor.sessions)


def test_a_session_goes_on_after_a_run_that_waited_for_a_person(careful):
    model = Scripted(call("pay", "a", amount=5), "paid it", "You paid 5.")
    session = ToolCallingAgent(model=model, tools=[pay], host=careful).session()
    waiting = session.run("Pay 5.")
    assert session.agent.resume(waiting, "yes").output == "paid it"
    assert session.run("What did I do?").output == "You paid 5."
    assert [said.text for said in model.requests[2].messages if said.role == "user"] == ["Pay 5.", "What did I do?"]


def test_tool_calls_with_the_same_id_in_two_runs_of_a_session_become_unique(host):
    @tool
    def ping() -> str:
        """Pong."""
        return "pong"

    model = Scripted(call("ping", "call_0"), "first", call("ping", "call_0"), "second")
    session = ToolCallingAgent(model=model, tools=[ping], host=host).session()
    session.run("One.")
    session.run("Two.")
    ids = [made.id for said in model.requests[-1].messages for made in said.tool_calls]
    assert len(ids) == 2
    assert len(set(ids)) == 2


@pytest.mark.parametrize(
    "face",
    [
        lambda session: session.run("Second."),
        lambda session: session.stream("Second.").finish(),
        lambda session: asyncio.run(session.arun("Second.")),
        lambda session: asyncio.run(session.astream("Second.").afinish()),
    ],
    ids=["run", "stream", "arun", "astream"],
)
def test_a_session_has_all_four_faces(host, face):
    session = ToolCallingAgent(model=Scripted("one", "two"), host=host).session()
    session.run("First.")
    result = face(session)
    assert result.output == "two"
    assert len(result.messages) == 4
