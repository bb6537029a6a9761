"""Code that is gone on with: its interpreter comes back by running it again, where that does no harm, or not at all."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from journal_doubles import Desk, Told, call, code, cut, lines_of, records_of
from journal_executors import ThreadExecutor

from core_plus import CodeAgent, Divergence, RunContext, ToolCallingAgent, tool
from core_plus_journal.journal import Journal
from core_plus_journal.memory import MemoryStore
from core_plus_journal.records import Header, Intent, Outcome

CELLS = (
    'x = pay(1)\nprint("one", x)',
    'y = pay(2)\nz = pay(3)\nprint("two", x, y, z)',
    "final_answer([x, y, z, pay(4)])",
)
ANSWER = ["paid 1", "paid 2", "paid 3", "paid 4"]


def coder(world, host, executor, cells=CELLS, **settings):
    return CodeAgent(model=Told(*map(code, cells)), tools=world.tools(), executor=executor, host=host, **settings)


def kept(world, host, executor, cells=CELLS):
    store = MemoryStore()
    result = coder(world, host, executor, cells).run("Go", journal=Journal(store), run_id="r")
    assert result.state == "success"
    return store


def up_to(store, wanted, world=None):
    """The run until a record that fits, that one included; the world has done what it has by then."""
    for number, record in enumerate(records_of(store, "r"), 1):
        if wanted(record):
            if world is not None:
                ends = [one for one in records_of(store, "r")[:number] if isinstance(one, Outcome)]
                world.deeds[:] = [f"pay {one.value[5:]}" for one in ends if str(one.value).startswith("paid")]
            return cut(lines_of(store, "r")[:number], "r")
    raise AssertionError("no such record")


def paid(amount):
    return lambda record: isinstance(record, Outcome) and record.value == f"paid {amount}"


def nth(kind, number):
    """The nth intent of a kind, in a run that is gone through once."""
    places: list[int] = []

    def fits(record):
        if isinstance(record, Header):
            places.clear()
        if isinstance(record, Intent) and record.kind == kind:
            places.append(1)
            return len(places) == number
        return False

    return fits


# ---- where code may run again ----------------------------------------------------------


@pytest.mark.parametrize("face", ["resume", "aresume"])
@pytest.mark.parametrize("amount", [1, 2, 3, 4])
def test_code_goes_on_behind_the_call_that_was_answered_last(world, host, worker, face, amount):
    store = up_to(kept(world, host, worker), paid(amount), world)
    begun = getattr(coder(world, host, worker), face)("r", journal=Journal(store))
    result = asyncio.run(begun) if face == "aresume" else begun
    assert result.output == ANSWER
    assert world.deeds == ["pay 1", "pay 2", "pay 3", "pay 4"]


def test_snippets_run_again_in_their_order_and_only_if_code_goes_on(world, host):
    executor = ThreadExecutor()
    store = up_to(kept(world, host, executor), paid(3))
    again = ThreadExecutor()
    coder(world, host, again).resume("r", journal=Journal(store))
    assert [text.splitlines()[0] for text in again.started] == [
        "x = pay(1)",
        "y = pay(2)",
        "final_answer([x, y, z, pay(4)])",
    ]
    assert again.opened == 1


def test_a_run_that_needs_no_code_any_more_opens_no_interpreter(world, host):
    store = up_to(kept(world, host, ThreadExecutor()), nth("model", 3))
    again = ThreadExecutor()
    model = Told(code(CELLS[0]), code(CELLS[1]), ValueError("the model is gone"))
    CodeAgent(model=model, tools=world.tools(), executor=again, host=host).resume("r", journal=Journal(store))
    assert again.opened == 0


PARALLEL = """
import asyncio
import json
async def late(name, wait):
    await asyncio.sleep(wait)
    return await send(name)
some = await asyncio.gather(late("a", 0.02), late("b", 0), send("c", 0.01), send("d", 0.02))
done, rest = await asyncio.wait([asyncio.ensure_future(late(x, w)) for x, w in (("e", 0.03), ("f", 0.0))],
                                return_when=asyncio.FIRST_COMPLETED)
won = [task.result() for task in done]
for task in rest:
    await task
print(some, won)
"""


@pytest.mark.parametrize("face", ["resume", "aresume"])
@pytest.mark.parametrize("number", range(1, 7))
def test_code_with_calls_and_timers_at_once_goes_on_in_the_middle(world, host, worker, face, number):
    cells = (PARALLEL, "final_answer([some, sorted(won)])")
    count = iter(range(1, 100))
    full = kept(world, host, worker, cells)
    store = up_to(
        full, lambda one: isinstance(one, Outcome) and str(one.value).startswith("sent") and next(count) == number
    )
    ends = [one.value for one in records_of(store, "r") if isinstance(one, Outcome) and isinstance(one.value, str)]
    world.deeds[:] = [f"send {value[5:]}" for value in ends]
    rule = lambda effect: "it didn't happen" if f"send {effect.call.arguments['letter']}" not in world.deeds else "stop"  # noqa: E731
    begun = getattr(coder(world, host, worker, cells), face)("r", journal=Journal(store), unknown=rule)
    result = asyncio.run(begun) if face == "aresume" else begun
    assert (result.error, result.state) == (None, "success")
    assert result.output[0] == ["sent a", "sent b", "sent c", "sent d"]
    assert sorted(world.deeds) == [f"send {x}" for x in "abcdef"]


def test_who_came_first_comes_first_again(world, host, worker):
    race = """
import asyncio
import json
done, rest = await asyncio.wait([asyncio.ensure_future(fetch(x)) for x in ("slow", "quick")],
                                return_when=asyncio.FIRST_COMPLETED)
won = sorted(task.result() for task in done)
for task in rest:
    await task
last = pay(1)
"""
    cells = (race, "final_answer(won)")
    first = MemoryStore()

    def rested(after):
        """Whether the code was seen to wait, with nothing else to do, after an outcome."""
        ends = [one.value for one in records_of(first, "r") if isinstance(one, Outcome)]
        since = ends.index(after) if after in ends else 0 if after is None else len(ends)
        return any(isinstance(value, dict) and value.get("running") is False for value in ends[since:])

    @tool
    def fetch(name: str) -> str:
        """Fetch something, not before the code has dealt with what came before.

        Args:
            name: What.
        """
        until = time.monotonic() + 30
        while not rested(None if name == "quick" else "quick"):
            assert time.monotonic() < until
            time.sleep(0.005)
        return name

    tools = world.tools()
    world.tools = lambda: [*tools, fetch]
    coder(world, host, worker, cells).run("Go", journal=Journal(first), run_id="r")
    assert records_of(first, "r")[-1].output == "['quick']"
    store = up_to(first, paid(1), world)
    assert coder(world, host, worker, cells).resume("r", journal=Journal(store)).output == ["quick"]


def test_random_numbers_of_code_are_the_same_again(world, host):
    cells = ("print(random.random())\nx = pay(1)", "final_answer(random.random())")
    first = kept(world, host, ThreadExecutor(), cells)
    whole = [one for one in records_of(first, "r") if isinstance(one, Outcome)][-1].value["value"]
    again = coder(world, host, ThreadExecutor(), cells).resume("r", journal=Journal(up_to(first, paid(1))))
    assert again.output == whole


def test_two_runs_begin_with_other_random_numbers(world, host):
    cells = ("final_answer(random.random())",)
    one, other = (
        coder(world, host, ThreadExecutor(), cells).run("Go", journal=Journal(MemoryStore())).output for _ in "ab"
    )
    assert one != other


def test_variables_that_a_tool_set_are_there_again(world, host):
    value = [1, b"x", {"a": (2, 3)}]
    cells = (f'note("seen", {value!r})\nx = pay(1)', "final_answer(x)")
    store = up_to(kept(world, host, ThreadExecutor(), cells), paid(1))
    result = coder(world, host, ThreadExecutor(), cells).resume("r", journal=Journal(store))
    assert result.variables["seen"] == value


def test_variables_that_a_tool_took_away_are_gone_again(world, host, store):
    @tool
    def drop(context: RunContext, variable: str) -> None:
        """Forget a variable.

        Args:
            variable: Which.
        """
        del context.state[variable]

    tools = [*world.tools(), drop]
    replies = (call("drop", "a", variable="x"), call("pay", "b", amount=1), "done")
    made = ToolCallingAgent(model=Told(*replies), tools=tools, host=host)
    made.run("Go", journal=Journal(store), run_id="r", variables={"x": 1, "y": 2})
    result = made.resume("r", journal=Journal(up_to(store, paid(1))))
    assert result.variables == {"y": 2}


# ---- code that doesn't do what it did ------------------------------------------------------


def changing(before, after):
    """An executor whose code finds `before` in its first session and `after` in the next, under the name `outside`."""

    class Changing(ThreadExecutor):
        def open(self, setup):
            session = super().open(setup)
            session._names["outside"] = before if self.opened == 1 else after
            return session

    return Changing()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("print('a')\nprint(outside)\nlast = 0", r"snippet 1.*line 2 of what it prints is 'two', 'one' in the journal"),
        ("outside", r"snippet 1.*its value is 'two', 'one' in the journal"),
        ("if outside == 'two': pay(9)", r"snippet 1.*it calls pay, which it doesn't in the journal"),
        ("look(outside)", r"snippet 1.*it calls look\('two'\), where the journal has look\('one'\)"),
        ("look('a') if outside == 'one' else book(1)", r"it calls book\(1\), where the journal has look\('a'\)"),
        ("if outside == 'one': look('a')", r"it ends where it calls look in the journal"),
        ("if outside == 'two': raise ValueError('other')", r"it ends with ValueError: other.*has no error"),
    ],
)
def test_code_that_does_something_else_is_found_out(world, host, source, words):
    cells = (source, "x = pay(1)", "final_answer(x)")
    executor = changing("one", "two")
    store = up_to(kept(world, host, executor, cells), paid(1), world)
    result = coder(world, host, executor, cells).resume("r", journal=Journal(store))
    assert result.state == "failed"
    assert isinstance(result.error, Divergence)
    with pytest.raises(Divergence, match=words):
        raise result.error
    assert world.deeds == ["pay 1"]


def test_what_has_no_form_is_held_against_its_class_only(world, host):
    cells = ("object()", "x = pay(1)", "final_answer(x)")
    store = up_to(kept(world, host, ThreadExecutor(), cells), paid(1), world)
    assert coder(world, host, ThreadExecutor(), cells).resume("r", journal=Journal(store)).output == "paid 1"


def test_a_run_that_diverged_can_still_be_gone_on_with_by_the_right_code(world, host):
    cells = ("print(outside)", "x = pay(1)", "final_answer(x)")
    store = up_to(kept(world, host, changing("one", "one"), cells), paid(1), world)
    wrong = coder(world, host, changing("two", "two"), cells).resume("r", journal=Journal(store))
    assert isinstance(wrong.error, Divergence)
    right = coder(world, host, changing("one", "one"), cells).resume("r", journal=Journal(store))
    assert (right.output, world.deeds) == ("paid 1", ["pay 1"])


# ---- where code may have changed something --------------------------------------------------


@pytest.mark.parametrize("face", ["resume", "aresume"])
@pytest.mark.parametrize(
    "where", [paid(2), nth("code", 2), nth("answers", 2), nth("model", 3)], ids=["call", "begun", "answer", "between"]
)
def test_code_outside_a_sandbox_is_asked_about_before_it_runs_again(world, host, face, where):
    store = up_to(kept(world, host, ThreadExecutor(repeatable=False)), where, world)
    before, again = [*world.deeds], ThreadExecutor(repeatable=False)
    begun = getattr(coder(world, host, again), face)("r", journal=Journal(store))
    waiting = asyncio.run(begun) if face == "aresume" else begun
    assert (waiting.state, again.started, world.deeds) == ("suspended", [], before)
    (question,) = waiting.questions
    assert question.choices == ("run it again", "go on without it", "stop")
    assert "code can change things outside" in question.text
    begun = getattr(coder(world, host, again), face)("r", answer="run it again", journal=Journal(store))
    result = asyncio.run(begun) if face == "aresume" else begun
    assert (result.error, result.output) == (None, ANSWER)
    assert world.deeds == ["pay 1", "pay 2", "pay 3", "pay 4"]


def test_gone_on_without_it_the_model_is_told_that_the_variables_are_lost(world, host):
    store = up_to(kept(world, host, ThreadExecutor(repeatable=False)), paid(2), world)
    again = ThreadExecutor(repeatable=False)
    model = Told(code(CELLS[0]), code(CELLS[1]), lambda request: said.append(request) or code("final_answer('mended')"))
    said: list = []
    made = CodeAgent(model=model, tools=world.tools(), executor=again, host=host)
    result = made.resume("r", journal=Journal(store), unknown="go on without it")
    assert result.output == "mended"
    assert "Lost: all variables" in said[0].messages[-1].text
    assert again.started == ["final_answer('mended')"]
    assert world.deeds == ["pay 1", "pay 2"]


def test_stopped_nothing_is_run(world, host):
    store = up_to(kept(world, host, ThreadExecutor(repeatable=False)), paid(2), world)
    again = ThreadExecutor(repeatable=False)
    result = coder(world, host, again).resume("r", journal=Journal(store), ui=Desk("stop"))
    assert (result.state, again.started) == ("interrupted", [])


def test_only_code_outside_a_sandbox_needs_its_intent_on_disk_before_it_begins(world, host):
    class Looking(ThreadExecutor):
        def open(self, setup):
            last.append(getattr(records_of(store, "r")[-1], "kind", "outcome"))
            return super().open(setup)

    last: list[str] = []
    for repeatable in (False, True):
        store = MemoryStore()
        coder(world, host, Looking(repeatable)).run("Go", journal=Journal(store), run_id="r")
    assert last == ["code", "outcome"]


def test_a_call_that_the_code_gave_up_holds_nothing_up(world, host, worker):
    source = """
import asyncio
import json
given_up, other = [asyncio.ensure_future(send(x, w)) for x, w in (("a", 0.05), ("b", 0.1))]
await asyncio.sleep(0.01)
given_up.cancel()
print(await other)
last = pay(1)
"""
    cells = (source, "final_answer(last)")
    store = up_to(kept(world, host, worker, cells), paid(1))
    assert coder(world, host, worker, cells).resume("r", journal=Journal(store)).output == "paid 1"
    assert sorted(world.deeds) == ["pay 1", "send a", "send b"]


# ---- what code did beyond the journal ---------------------------------------------------


@pytest.mark.parametrize("face", ["resume", "aresume"])
def test_a_call_that_the_code_makes_while_it_comes_back_is_heard_of_though_nothing_else_happens(
    world, host, worker, face
):
    """The first process was lost after the code had been seen to go on, and before its next call was."""
    cells = ("x = pay(1)\nfinal_answer([x, pay(2)])",)
    whole = kept(world, host, worker, cells)
    lines, seen = lines_of(whole, "r"), 0
    for place, line in enumerate(lines):
        data = json.loads(line)
        if data["is"] == "outcome" and "requests" in (data.get("value") or {}) and data["value"]["requests"]:
            seen += 1
            if seen == 2:  # what came after the first answer
                data["value"] = {"requests": [], "running": True}
                store = cut([*lines[:place], json.dumps(data).encode()], "r")
                break
    else:
        raise AssertionError("the code was never seen to go on")
    world.deeds[:] = ["pay 1"]
    agent = coder(world, host, worker, cells)
    going_on = agent.resume("r", journal=store) if face == "resume" else asyncio.run(agent.aresume("r", journal=store))
    assert going_on.output == ["paid 1", "paid 2"]
    assert world.deeds == ["pay 1", "pay 2"]
