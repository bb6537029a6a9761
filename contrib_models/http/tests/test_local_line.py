"""One thread, many callers; no model is needed for it."""

import asyncio
import gc
import threading
import weakref

import pytest

from core_plus.cancellation import Cancellation
from core_plus.errors import ModelError
from core_plus_http import Cancelled
from core_plus_http.local import Line


@pytest.fixture
def line():
    found = Line("test-llama-line")
    yield found
    found.close()


def count(call):
    for number in range(3):
        call.give(number)


def endless(call):
    while not call.stopped:
        call.give("more")


def test_what_work_gives_reaches_sync_and_async_callers_alike(line):
    async def asked():
        return [piece async for piece in line.astream(count)]

    assert [*line.stream(count)] == asyncio.run(asked()) == asyncio.run(asked()) == [0, 1, 2]


def test_all_work_is_done_in_one_thread_that_begins_with_the_first(line):
    names = []
    assert not any(thread.name == "test-llama-line" for thread in threading.enumerate())
    for _ in range(3):
        assert [*line.stream(lambda call: names.append(threading.get_ident()))] == []
    assert len({*names}) == 1
    assert names[0] != threading.get_ident()


def test_callers_wait_in_line(line):
    first = line.stream(endless)
    assert next(first) == "more"
    found = []
    thread = threading.Thread(target=lambda: found.extend(line.stream(count)))
    thread.start()
    assert next(first) == "more"
    assert found == []
    first.close()
    thread.join(30)
    assert found == [0, 1, 2]


@pytest.mark.parametrize("given", [0, 2])
def test_an_error_reaches_the_caller_and_says_whether_output_was_given(line, given):
    def fail(call):
        for number in range(given):
            call.give(number)
        raise ModelError("broken")

    pieces = []
    with pytest.raises(ModelError, match="broken") as caught:
        pieces.extend(line.stream(fail))
    assert len(pieces) == given
    assert caught.value.partial is bool(given)
    assert [*line.stream(count)] == [0, 1, 2]


def test_a_caller_that_is_cancelled_goes_at_once_though_the_work_goes_on(line):
    cancellation, release, begun = Cancellation(), threading.Event(), threading.Event()

    def stuck(call):
        begun.set()
        release.wait(30)

    def cancel():
        begun.wait(30)
        cancellation.cancel()

    threading.Thread(target=cancel).start()
    with pytest.raises(Cancelled):
        next(line.stream(stuck, cancellation))
    assert not release.is_set()
    release.set()


def test_work_that_was_given_up_while_it_waited_is_never_begun(line):
    first = line.stream(endless)
    next(first)
    cancellation, begun = Cancellation(), []
    cancellation.cancel()
    with pytest.raises(Cancelled):
        next(line.stream(begun.append, cancellation))
    first.close()
    assert [*line.stream(count)] == [0, 1, 2]
    assert begun == []


def test_a_task_that_is_cancelled_stops_the_work(line):
    ended = threading.Event()

    def work(call):
        endless(call)
        ended.set()

    async def cancelled():
        begun = asyncio.Event()

        async def take():
            async for _ in line.astream(work):
                begun.set()

        task = asyncio.ensure_future(take())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert ended.wait(30)


def test_closing_stops_what_is_being_done_and_the_next_work_begins_another_thread(line):
    stream = line.stream(endless)
    next(stream)
    line.close()
    with pytest.raises(Cancelled):
        for _ in stream:
            pass
    assert not any(thread.name == "test-llama-line" for thread in threading.enumerate())
    assert [*line.stream(count)] == [0, 1, 2]


def test_what_is_to_be_done_last_waits_for_the_work_to_end(line):
    release, begun, order = threading.Event(), threading.Event(), []

    def slow(call):
        begun.set()
        release.wait(30)
        order.append("work")

    def leave():
        with pytest.raises(Cancelled):
            next(line.stream(slow))

    first = threading.Thread(target=leave)
    first.start()
    begun.wait(30)
    closing = threading.Thread(target=line.close, args=(lambda: order.append("last"),))
    closing.start()
    first.join(30)
    assert order == []
    release.set()
    closing.join(30)
    assert order == ["work", "last"]


def test_a_line_that_nobody_holds_ends_its_thread():
    line = Line("forgotten-llama-line")
    assert [*line.stream(count)] == [0, 1, 2]
    gone = weakref.ref(line)
    del line
    gc.collect()
    assert gone() is None
    assert not any(thread.name == "forgotten-llama-line" for thread in threading.enumerate())
