"""Going on in another process' place: who may, with which answers, after which end; and conversations."""

from __future__ import annotations

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from journal_doubles import Desk, Told, Watcher, call, code, cut, lines_of, records_of
from journal_executors import ThreadExecutor
from journal_rich import user_input

from core_plus import (
    Ask,
    CodeAgent,
    ConfigurationError,
    Host,
    Image,
    JournalError,
    PluginError,
    RunLimits,
    ToolCallingAgent,
    message,
)
from core_plus.effects import CallTool
from core_plus.events import QuestionAnswered, QuestionAsked
from core_plus_journal.journal import Journal
from core_plus_journal.memory import MemoryStore
from core_plus_journal.records import End, Outcome, Resumed


class Careful:
    """A person is asked before anything is paid."""

    def review_effect(self, run, effect):
        return Ask() if isinstance(effect, CallTool) and effect.call.name == "pay" else None


def clerk(world, host, *replies, **settings):
    replies = replies or (call("pay", "a", amount=5), "done")
    return ToolCallingAgent(model=Told(*replies), tools=[*world.tools(), user_input], host=host, **settings)


def careful(world, host, *replies):
    return clerk(world, host, *replies, policies=[Careful()])


# ---- answers ------------------------------------------------------------------------


def test_a_suspended_run_is_answered_and_finished_by_others(world, host, store):
    waiting = careful(world, host).run("Go", journal=Journal(store), run_id="r")
    assert waiting.state == "suspended"
    assert Journal(store).runs()[0].state == "suspended"
    result = careful(world, host).resume("r", answer="yes", journal=Journal(store))
    assert (result.output, world.deeds) == ("done", ["pay 5"])


def test_resumed_without_an_answer_it_still_waits(world, host, store):
    careful(world, host).run("Go", journal=Journal(store), run_id="r")
    for _ in range(3):
        waiting = careful(world, host).resume("r", journal=Journal(store))
        assert (waiting.state, len(waiting.questions)) == ("suspended", 1)
    assert careful(world, host).resume("r", answer="yes", journal=Journal(store)).output == "done"
    assert world.deeds == ["pay 5"]


def test_the_question_has_the_same_id_in_every_process(world, host, store):
    first = careful(world, host).run("Go", journal=Journal(store), run_id="r")
    second = careful(world, host).resume("r", journal=Journal(store))
    assert first.questions == second.questions
    (question,) = second.questions
    assert careful(world, host).resume("r", answer={question.id: "yes"}, journal=Journal(store)).output == "done"


def test_a_ui_that_is_attached_later_is_asked(world, host, store):
    careful(world, host).run("Go", journal=Journal(store), run_id="r")
    desk = Desk("yes")
    assert careful(world, host).resume("r", ui=desk, journal=Journal(store)).output == "done"
    assert len(desk.asked) == 1


def test_an_answer_that_was_given_isnt_asked_for_again(world, host, store):
    careful(world, host).run("Go", journal=Journal(store), run_id="r", ui=Desk("yes"))
    lines = lines_of(store, "r")
    place = next(
        n for n, one in enumerate(records_of(store, "r"), 1) if isinstance(one, Outcome) and one.value == "yes"
    )
    world.deeds.clear()
    desk = Desk("no")
    assert careful(world, host).resume("r", ui=desk, journal=Journal(cut(lines[:place], "r"))).output == "done"
    assert (desk.asked, world.deeds) == ([], ["pay 5"])


def test_several_questions_want_answers_by_their_ids(world, host, store):
    calls = [call("pay", "a", amount=1), call("pay", "b", amount=2), call("user_input", "c", question="Why?")]
    waiting = careful(world, host, calls, "done").run("Go", journal=Journal(store), run_id="r")
    ids = {one.id: "sure" if one.kind == "question" else "yes" for one in waiting.questions}
    assert len(ids) == 3
    with pytest.raises(JournalError, match=r"waits for 3 answers: give a dict by question id"):
        careful(world, host, calls, "done").resume("r", answer="yes", journal=Journal(store))
    result = careful(world, host, calls, "done").resume("r", answer=ids, journal=Journal(store))
    assert result.output == "done"
    assert sorted(world.deeds) == ["pay 1", "pay 2"]


def test_an_answer_to_a_run_that_does_not_wait_is_refused(world, host, store):
    clerk(world, host).run("Go", journal=Journal(store), run_id="r")
    with pytest.raises(JournalError, match="doesn't wait for an answer: resume it without one"):
        clerk(world, host).resume("r", answer="yes", journal=Journal(store))


def test_observers_of_the_later_process_see_the_whole_run(world, host, store):
    first, second = Watcher(), Watcher()
    careful(world, host).run("Go", journal=Journal(store), run_id="r", observers=[first])
    careful(world, host).resume("r", answer="yes", journal=Journal(store), observers=[second])
    before = [repr(event) for event in first.events[:-1]]
    assert [repr(event) for event in second.events][: len(before)] == before
    kinds = [type(event) for event in second.events]
    assert kinds.index(QuestionAsked) < kinds.index(QuestionAnswered)


def test_a_run_that_waits_in_this_process_goes_on_here_with_its_own_result(world, host, store):
    made = careful(world, host)
    waiting = made.run("Go", journal=Journal(store), run_id="r")
    assert made.resume(waiting, "yes").output == "done"
    assert isinstance(records_of(store, "r")[-1], End)


def test_who_waited_here_while_another_went_on_is_told(world, host, store):
    made = careful(world, host)
    waiting = made.run("Go", journal=Journal(store), run_id="r")
    assert careful(world, host).resume("r", answer="yes", journal=Journal(store)).output == "done"
    late = made.resume(waiting, "yes")
    assert late.state == "failed"
    assert "another process went on with the run r in the meantime" in str(late.error)
    assert world.deeds == ["pay 5"]


# ---- who may ----------------------------------------------------------------------------


def test_a_run_in_progress_is_not_for_others(world, host, store):
    refused = []

    def try_it(name):
        with pytest.raises(JournalError, match="the run r is in progress") as caught:
            clerk(world, host).resume("r", journal=Journal(store))
        refused.append(caught.value)

    world.at = try_it
    assert clerk(world, host).run("Go", journal=Journal(store), run_id="r").output == "done"
    assert len(refused) == 1


@pytest.mark.parametrize("attempt", range(3))
def test_of_many_threads_that_resume_at_once_exactly_one_may(world, host, store, attempt):
    careful(world, host).run("Go", journal=Journal(store), run_id="r")
    ready, inside = threading.Barrier(8), threading.Event()
    world.at = lambda name: inside.wait(10)

    def go_on(_):
        ready.wait(10)
        try:
            return careful(world, host).resume("r", answer="yes", journal=Journal(store)).output
        except JournalError as error:
            return str(error)
        finally:
            if len(finished := [*told, 1]) == 7:
                inside.set()
            told.extend(finished[-1:])

    told: list[int] = []
    with ThreadPoolExecutor(8) as pool:
        found = sorted(pool.map(go_on, range(8)))
    assert found.count("done") == 1
    assert world.deeds == ["pay 5"]
    assert all("in progress" in one for one in found if one != "done")


def test_a_stale_owner_that_wakes_writes_nothing_and_does_nothing_more(world, host, store):
    made = clerk(world, host, call("pay", "a", amount=1), call("pay", "b", amount=2), "done")

    def stolen(name):
        world.at = lambda name: None
        store._held.discard("r")  # as a store does with an owner whose time is over
        store.claim("r")

    world.at = stolen
    result = made.run("Go", journal=Journal(store), run_id="r")
    assert (result.state, world.deeds) == ("failed", ["pay 1"])
    assert "taken over" in str(result.error)
    assert not [one for one in records_of(store, "r") if isinstance(one, End)]


def test_a_run_that_was_given_up_is_let_go(world, host, store):
    stream = careful(world, host).stream("Go", journal=Journal(store), run_id="r")
    next(stream)
    stream.close()
    assert careful(world, host).resume("r", ui=Desk("yes"), journal=Journal(store)).output == "done"


def test_a_suspended_run_that_is_forgotten_is_let_go(world, host, store):
    careful(world, host).run("Go", journal=Journal(store), run_id="r")
    gc.collect()
    assert careful(world, host).resume("r", answer="yes", journal=Journal(store)).output == "done"


# ---- after which end ------------------------------------------------------------------------


def test_a_run_that_has_ended_ends_the_same_again(world, host, store):
    clerk(world, host).run("Go", journal=Journal(store), run_id="r")
    again = clerk(world, host, ValueError("asked")).resume("r", journal=Journal(store))
    assert (again.output, world.deeds) == ("done", ["pay 5"])


def test_a_model_that_failed_for_good_is_asked_again(world, host, store):
    broken = clerk(world, host, call("pay", "a", amount=5), ValueError("no room"))
    assert broken.run("Go", journal=Journal(store), run_id="r").state == "failed"
    assert clerk(world, host).resume("r", journal=Journal(store)).output == "done"
    assert world.deeds == ["pay 5"]


def test_a_run_that_was_interrupted_goes_on(world, host, store):
    made = clerk(world, host)
    stream = made.stream("Go", journal=Journal(store), run_id="r")
    world.at = lambda name: stream.interrupt()
    assert stream.finish().state == "interrupted"
    world.at = lambda name: None
    result = clerk(world, host).resume("r", journal=Journal(store), unknown=lambda effect: {"it happened": "paid 5"})
    assert (result.output, world.deeds) == ("done", ["pay 5"])


def test_the_seconds_of_a_run_go_on_where_they_were(world, host, store):
    careful(world, host).run("Go", journal=Journal(store), run_id="r")
    at = [one.at for one in records_of(store, "r") if hasattr(one, "at")][-1]
    result = careful(world, host).resume("r", answer="yes", journal=Journal(store))
    assert at <= result.seconds < at + 60


def test_limits_hold_over_all_processes(world, host, store):
    replies = (call("user_input", "a", question="?"), call("look", "b", at="x"), call("look", "c", at="y"), "done")
    clerk(world, host, *replies).run("Go", journal=Journal(store), run_id="r", limits=RunLimits(model_calls=2))
    result = clerk(world, host, *replies).resume("r", answer="yes", journal=Journal(store))
    assert result.state == "limit"
    assert "2 model calls" in str(result.error)


def test_what_the_run_was_given_is_given_again(world, host, store):
    picture = Image(b"\x89PNG\r\n\x1a\n", "image/png")
    seen = []

    def reply(request):
        seen.append(request.messages[1:])
        return "done"

    made = clerk(world, host, call("user_input", "a", question="?"), reply, reply)
    options = {"images": [picture], "message_history": [message("user", "Hi."), message("user", "Yes?")]}
    made.run("Go", journal=Journal(store), run_id="r", variables={"x": float("inf")}, **options, ui=Desk("x"))
    again = made.resume("r", journal=Journal(cut(lines_of(store, "r")[:-2], "r")))
    assert seen[0] == seen[1]
    assert again.variables == {"x": float("inf")}


# ---- who is asked for what is not there ---------------------------------------------------


def test_a_run_that_is_not_kept_is_named(world, host, store):
    with pytest.raises(JournalError, match="no run nowhere"):
        clerk(world, host).resume("nowhere", journal=Journal(store))


def test_without_a_journal_it_says_what_is_missing(world, host):
    with pytest.raises(ConfigurationError, match="to go on with the run r give journal="):
        clerk(world, host).resume("r")


def test_an_address_that_nobody_keeps_is_named(world, host):
    with pytest.raises(PluginError, match=r"no plugin keeps a journal in 'runs\.txt'"):
        clerk(world, host).run("Go", journal="runs.txt")


def test_an_option_that_a_kept_run_has_already_is_refused(world, host, store):
    careful(world, host).run("Go", journal=Journal(store), run_id="r")
    with pytest.raises(TypeError, match="a kept run takes no max_steps"):
        careful(world, host).resume("r", max_steps=3, journal=Journal(store))
    assert careful(world, host).resume("r", answer="yes", journal=Journal(store)).output == "done"


def test_the_store_in_memory_is_one_for_a_host(world):
    with Host(only=["core-plus-journal"]) as host:
        careful(world, host).run("Go", journal="memory", run_id="r")
        assert careful(world, host).resume("r", answer="yes", journal="memory").output == "done"


def test_that_it_was_resumed_is_kept(world, host, store):
    careful(world, host).run("Go", journal=Journal(store), run_id="r")
    careful(world, host).resume("r", answer="yes", journal=Journal(store))
    assert len([one for one in records_of(store, "r") if isinstance(one, Resumed)]) == 1


# ---- conversations ---------------------------------------------------------------------------


def talker(world, host, executor=None):
    cells = ("x = pay(1)\nfinal_answer(x)", "y = x + pay(2)\nfinal_answer(y)", "final_answer(x + y)")
    return CodeAgent(
        model=Told(*map(code, cells)), tools=world.tools(), executor=executor or ThreadExecutor(), host=host
    )


@pytest.mark.parametrize("face", ["resume", "aresume"])
def test_a_run_of_a_conversation_goes_on_with_what_was_said_and_done_before(world, host, store, face):
    with talker(world, host).session() as session:
        session.run("One", journal=Journal(store), run_id="r1")
        whole = session.run("Two", journal=Journal(store), run_id="r2")
    lines = lines_of(store, "r2")
    place = next(
        n for n, one in enumerate(records_of(store, "r2"), 1) if isinstance(one, Outcome) and one.value == "paid 2"
    )
    later = MemoryStore()
    for run_id, kept in (("r1", lines_of(store, "r1")), ("r2", lines[:place])):
        cut(kept, run_id, later)
    with talker(world, host).session() as session:
        begun = getattr(session, face)("r2", journal=Journal(later))
        result = asyncio.run(begun) if face == "aresume" else begun
        assert result.output == whole.output == "paid 1paid 2"
        if face == "resume":
            three = session.run("Three", journal=Journal(later), run_id="r3")
            assert three.output == "paid 1paid 1paid 2"
    assert world.deeds == ["pay 1", "pay 2"]
