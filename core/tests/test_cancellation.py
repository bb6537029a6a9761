"""The stop signal: set once, from any thread, seen by all that registered, passed on to what depends on it."""

from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
from kernel_doubles import Scripted

from core_plus import Cancellation, RunInterrupted, ToolCallingAgent


def test_a_signal_is_set_once_with_the_first_reason():
    signal = Cancellation()
    assert (signal.cancelled, signal.reason) == (False, None)
    signal.cancel("enough")
    signal.cancel("again")
    assert (signal.cancelled, signal.reason) == (True, "enough")


def test_a_signal_without_a_reason_says_interrupted():
    signal = Cancellation()
    signal.cancel()
    assert signal.reason == "interrupted"


@pytest.mark.parametrize("reason", ["", "x"])
def test_any_text_is_a_reason(reason):
    signal = Cancellation()
    signal.cancel(reason)
    assert signal.cancelled


def test_callbacks_are_called_once_in_the_order_in_which_they_came():
    signal, called = Cancellation(), []
    for name in "abc":
        signal.on_cancel(lambda name=name: called.append(name))
    signal.cancel()
    signal.cancel()
    assert called == ["a", "b", "c"]


def test_a_callback_that_comes_too_late_is_called_at_once():
    signal, called = Cancellation(), []
    signal.cancel()
    forget = signal.on_cancel(lambda: called.append("late"))
    assert called == ["late"]
    forget()


def test_a_registration_can_be_taken_back_and_twice():
    signal, called = Cancellation(), []
    forget = signal.on_cancel(lambda: called.append("no"))
    signal.on_cancel(lambda: called.append("yes"))
    forget()
    forget()
    signal.cancel()
    forget()
    assert called == ["yes"]


def test_the_same_function_may_be_registered_twice():
    signal, called = Cancellation(), []

    def callback():
        called.append(1)

    first = signal.on_cancel(callback)
    signal.on_cancel(callback)
    first()
    signal.cancel()
    assert called == [1]


def test_a_callback_sees_the_signal_set_and_may_use_it():
    signal, seen = Cancellation(), []

    def callback():
        seen.append(signal.reason)
        signal.cancel("from inside")
        signal.on_cancel(lambda: seen.append("nested"))

    signal.on_cancel(callback)
    signal.cancel("enough")
    assert seen == ["enough", "nested"]


def test_a_parent_s_signal_sets_its_children_with_its_reason():
    parent = Cancellation()
    children = [Cancellation(parent), Cancellation(parent)]
    grandchild = Cancellation(children[0])
    parent.cancel("enough")
    assert [one.reason for one in (*children, grandchild)] == ["enough"] * 3


def test_a_child_of_a_set_signal_is_set_from_the_start():
    parent = Cancellation()
    parent.cancel("enough")
    assert Cancellation(parent).reason == "enough"


def test_a_child_sets_neither_its_parent_nor_its_siblings():
    parent = Cancellation()
    one, other = Cancellation(parent), Cancellation(parent)
    one.cancel()
    assert (parent.cancelled, other.cancelled) == (False, False)


def test_a_released_child_is_no_longer_set_nor_kept():
    parent = Cancellation()
    child = Cancellation(parent)
    child.release()
    child.release()
    gone = weakref.ref(child)
    parent.cancel()
    assert not child.cancelled
    del child
    gc.collect()
    assert gone() is None


def test_threads_that_cancel_and_register_at_once_call_each_callback_once():
    for _ in range(50):
        signal, called, barrier = Cancellation(), [], threading.Barrier(8)

        def work(number, signal=signal, called=called, barrier=barrier):
            barrier.wait()
            if number % 2:
                signal.cancel(str(number))
            else:
                signal.on_cancel(lambda: called.append(number))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        assert sorted(called) == [0, 2, 4, 6]


def test_a_signal_may_be_set_before_a_run_begins(host):
    signal = Cancellation()
    signal.cancel("not today")
    agent = ToolCallingAgent(model=Scripted("done"), host=host)
    result = agent.run("x", cancellation=signal)
    assert (result.state, agent.model.requests) == ("interrupted", [])
    with pytest.raises(RunInterrupted, match="not today"):
        _ = result.output


def test_one_signal_stops_many_runs(host):
    signal = Cancellation()

    def reply(request):
        signal.cancel("all of you")
        return "done"

    agent = ToolCallingAgent(model=Scripted(reply), host=host)
    states = [agent.run("x", cancellation=signal).state for _ in range(3)]
    assert states[1:] == ["interrupted", "interrupted"]
    assert len(agent.model.requests) == 1
