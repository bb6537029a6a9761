"""Going another way from a step: what was done before it isn't done again, and the first run stays as it is."""

from __future__ import annotations

import pytest
from journal_doubles import Desk, Told, call, code, lines_of, records_of
from journal_executors import ThreadExecutor
from journal_rich import agent, house, user_input

from core_plus import CodeAgent, JournalError, ToolCallingAgent
from core_plus.events import NoteStep
from core_plus_journal import fork, replay
from core_plus_journal.journal import Journal

CELLS = ("x = pay(1)", "y = pay(2)\nprint(x, y)", "final_answer([x, y])")


def coder(world, host, *more, executor=None, **settings):
    model = Told(*map(code, CELLS[: len(CELLS) - len(more)]), *more)
    return CodeAgent(
        model=model, tools=[*world.tools(), user_input], executor=executor or ThreadExecutor(), host=host, **settings
    )


def first(world, host, store):
    coder(world, host).run("Go", journal=Journal(store), run_id="r", variables={"given": 1})
    world.deeds.clear()


def test_the_step_and_all_after_it_are_done_anew(world, host, store):
    first(world, host, store)
    result = fork(coder(world, host), "r", journal=Journal(store), at_step=2)
    assert (result.output, world.deeds) == (["paid 1", "paid 2"], ["pay 2"])
    assert result.run_id != "r"


def test_the_first_run_stays_as_it_is(world, host, store):
    first(world, host, store)
    before = lines_of(store, "r")
    fork(coder(world, host), "r", journal=Journal(store), at_step=2)
    assert lines_of(store, "r") == before


@pytest.mark.parametrize("step", [1, 2, 3])
def test_variables_of_code_are_there(world, host, store, step):
    first(world, host, store)
    seen = code(f"final_answer([{', '.join(['given', 'x', 'y'][:step])}])")
    made = CodeAgent(
        model=Told(*map(code, CELLS[: step - 1]), seen), tools=[*world.tools(), user_input],
        executor=ThreadExecutor(), host=host,
    )  # fmt: skip
    result = fork(made, "r", journal=Journal(store), at_step=step)
    assert result.output == [1, "paid 1", "paid 2"][:step]
    assert world.deeds == []


def test_what_a_person_says_before_the_step_is_read_by_the_model(world, host, store):
    first(world, host, store)
    read = []

    def reply(request):
        read.extend(said.text for said in request.messages)
        return code("final_answer('another way')")

    result = fork(coder(world, host, reply, reply), "r", journal=Journal(store), at_step=2, task="Use the other file.")
    assert result.output == "another way"
    assert read[-1] == "Use the other file."
    assert [type(step) for step in result.steps].count(NoteStep) == 1


def test_other_instructions_hold_from_there(world, host, store):
    first(world, host, store)
    read = []

    def reply(request):
        read.append(request.messages[0].text)
        return code("final_answer(1)")

    fork(coder(world, host, reply, reply), "r", journal=Journal(store), at_step=2, prompt="Speak like a sailor.")
    assert "Speak like a sailor." in read[0]


def test_another_answer_to_the_last_question_goes_another_way(world, host, store):
    cells = ("x = user_input(question='Which?')", "final_answer(x)")
    made = CodeAgent(
        model=Told(*map(code, cells)), tools=[*world.tools(), user_input], executor=ThreadExecutor(), host=host
    )
    assert made.run("Go", journal=Journal(store), run_id="r", ui=Desk("red")).output == "they said red"
    assert fork(made, "r", journal=Journal(store), at_step=2, answer="blue").output == "they said blue"


def test_without_a_question_there_is_nothing_to_answer(world, host, store):
    first(world, host, store)
    with pytest.raises(JournalError, match="asked nothing before step 2"):
        fork(coder(world, host), "r", journal=Journal(store), at_step=2, answer="blue")


@pytest.mark.parametrize("step", [0, -1, 9])
def test_a_step_that_it_never_came_to_is_refused(world, host, store, step):
    first(world, host, store)
    with pytest.raises(JournalError, match=f"run r never came to step {step}"):
        fork(coder(world, host), "r", journal=Journal(store), at_step=step)
    assert [info.id for info in store.runs()] == ["r"]


def test_a_fork_is_a_kept_run_as_any(world, host, store):
    first(world, host, store)
    made = coder(world, host)
    forked = fork(made, "r", journal=Journal(store), at_step=2, task="Else.", new_id="f")
    header = records_of(store, "f")[0]
    assert header.forked == ["r", 2]
    world.deeds.clear()
    repeated = replay(made, "f", journal=Journal(store)).finish()
    assert (repeated.output, repeated.messages, world.deeds) == (forked.output, forked.messages, [])
    again = fork(made, "f", journal=Journal(store), at_step=3, task="And else.", new_id="g")
    assert [type(step) for step in again.steps].count(NoteStep) == 2


def test_a_fork_of_a_team_does_not_repeat_what_the_team_did(world, store):
    with house() as home:
        agent(world, home).run("Go", journal=Journal(store), run_id="r", ui=Desk("red"))
        world.deeds.clear()
        result = fork(agent(world, home), "r", journal=Journal(store), at_step=3)
    assert result.output == ["paid 1", "All done.", "they said red", "seat 3paid 4"]
    assert world.deeds[-1] == "pay 4"
    assert "pay 1" not in world.deeds


def test_a_fork_where_code_may_change_things_asks_first(world, host, store):
    executor = ThreadExecutor(repeatable=False)
    coder(world, host, executor=executor).run("Go", journal=Journal(store), run_id="r")
    world.deeds.clear()
    desk = Desk("run it again")
    again = ThreadExecutor(repeatable=False)
    result = fork(coder(world, host, executor=again), "r", journal=Journal(store), at_step=2, ui=desk)
    assert len(desk.asked) == 1
    assert (result.output, world.deeds) == (["paid 1", "paid 2"], ["pay 2"])


def test_tools_of_a_tool_calling_agent_are_not_called_again(world, host, store):
    made = ToolCallingAgent(
        model=Told(call("pay", "a", amount=1), call("pay", "b", amount=2), "done"), tools=world.tools(), host=host
    )
    made.run("Go", journal=Journal(store), run_id="r")
    world.deeds.clear()
    assert fork(made, "r", journal=Journal(store), at_step=3).output == "done"
    assert world.deeds == []
