"""Rate limits: nobody passes too early, nobody overtakes, nobody waits for nothing."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from core_plus import Cancellation, ConfigurationError, Image, ModelRequest, RateLimitError, ToolResult, Usage, message
from core_plus.models import Collector
from core_plus_http import RateLimit
from core_plus_http.chat import ChatModel
from core_plus_http.failures import Cancelled
from core_plus_http.rates import as_rate, estimate
from core_plus_testkit.scripted_server import Turn

REQUEST = ModelRequest((message("user", "hi"),))
WAYS = ["forward", "stream", "aforward", "astream"]


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def passes(limit, ticket):
    return limit.waits(ticket) is None


def ask(model, way, request=REQUEST):
    """The reply, by one of the four ways."""
    if way == "forward":
        return model.forward(request)
    if way == "aforward":
        return asyncio.run(model.aforward(request))

    async def collected():
        return [delta async for delta in model.astream(request)]

    collector = Collector()
    for delta in model.stream(request) if way == "stream" else asyncio.run(collected()):
        collector.add(delta)
    return collector.response()


@pytest.fixture
def model(openai_server):
    """Makes models with a limit, that talk to one loopback server."""
    made = []

    def limited(rate, *turns):
        openai_server.script(list(turns) or [Turn(text="hi", usage=Usage(60, 40))])
        made.append(ChatModel("m", base_url=openai_server.url, provider="test", rate=rate))
        return made[-1]

    yield limited
    for each in made:
        each.close()


def test_so_many_requests_pass_within_any_minute(clock):
    limit = RateLimit(requests=2, clock=clock)
    first, second, third = limit.enter(), limit.enter(), limit.enter()
    assert passes(limit, first)
    clock.now += 20
    assert passes(limit, second)
    assert limit.waits(third).seconds == 60 - 20
    clock.now += 39.9
    assert not passes(limit, third)
    clock.now += 0.2
    assert passes(limit, third)


def test_so_many_tokens_pass_within_any_minute(clock):
    limit = RateLimit(tokens=100, clock=clock)
    for tokens in (50, 40):
        assert passes(limit, limit.enter(tokens))
        clock.now += 10
    assert passes(limit, limit.enter(10))
    assert limit.waits(limit.enter(60)).seconds == 50  # 50 + 10 of the first two must be over


def test_a_request_that_needs_more_than_a_minute_has_waits_for_one_of_its_own(clock):
    limit = RateLimit(tokens=100, clock=clock)
    assert passes(limit, limit.enter(10))
    large = limit.enter(5000)
    assert limit.waits(large).seconds == 60
    clock.now += 60
    assert passes(limit, large)


def test_the_first_come_is_the_first_served(clock):
    limit = RateLimit(tokens=100, clock=clock)
    assert passes(limit, limit.enter(60))
    large, small = limit.enter(80), limit.enter(10)
    assert limit.waits(small).seconds is None  # though it would fit: else the large one might wait for ever
    clock.now += 60
    assert passes(limit, large)
    assert passes(limit, small)


def test_what_was_used_in_truth_counts(clock):
    limit = RateLimit(tokens=100, clock=clock)
    first = limit.enter(90)
    assert passes(limit, first)
    second = limit.enter(50)
    pause = limit.waits(second)
    limit.settle(first, 50)
    assert pause.until.done()
    assert passes(limit, second)
    limit.settle(second, 500)
    assert not passes(limit, limit.enter(1))


def test_who_leaves_makes_room_for_the_next(clock):
    limit = RateLimit(requests=1, clock=clock)
    first, second, third = limit.enter(), limit.enter(), limit.enter()
    assert passes(limit, first)
    waits = limit.waits(second), limit.waits(third)
    limit.leave(second)
    assert waits[1].until.done()
    assert limit.waits(third).seconds == 60
    limit.leave(first)
    assert passes(limit, third)


def test_a_correction_after_its_minute_changes_nothing(clock):
    limit = RateLimit(tokens=100, clock=clock)
    first = limit.enter(90)
    assert passes(limit, first)
    clock.now += 61
    second = limit.enter(90)
    assert passes(limit, second)
    limit.settle(first, 5)
    limit.leave(first)
    assert not passes(limit, limit.enter(20))


def test_many_threads_and_loops_share_a_limit_in_order():
    limit, lock, times = RateLimit(requests=4, per=0.1), threading.Lock(), []
    from core_plus_http.guard import Guard
    from core_plus_http.pauses import apaused, paused

    def note():
        with lock:
            times.append(time.monotonic())

    def in_thread(_):
        ticket = limit.enter()
        while (pause := limit.waits(ticket)) is not None:
            paused(pause, Guard())
        note()

    async def in_task():
        ticket = limit.enter()
        while (pause := limit.waits(ticket)) is not None:
            await apaused(pause, Guard())
        note()

    async def tasks():
        await asyncio.gather(*(in_task() for _ in range(8)))

    with ThreadPoolExecutor(12) as threads:
        loops = [threads.submit(asyncio.run, tasks()) for _ in range(2)]
        list(threads.map(in_thread, range(8)))
        for loop in loops:
            loop.result()
    assert len(times) == 24
    assert times[-1] - times[0] >= 0.5  # 24 by fours: the last four come five windows after the first


def test_those_who_wait_sleep(clock):
    limit = RateLimit(requests=1, per=0.15)
    ticket = limit.enter()
    assert passes(limit, ticket)
    asked = 0

    async def waits():
        nonlocal asked
        from core_plus_http.guard import Guard
        from core_plus_http.pauses import apaused

        ticket = limit.enter()
        while (pause := limit.waits(ticket)) is not None:
            asked += 1
            await apaused(pause, Guard())

    asyncio.run(waits())
    assert asked <= 3


@pytest.mark.parametrize("way", WAYS)
def test_a_model_waits_for_its_turn(model, way):
    limited = model(RateLimit(requests=1, per=0.15))
    began = time.monotonic()
    assert [ask(limited, way).message.text for _ in range(2)] == ["hi", "hi"]
    assert time.monotonic() - began >= 0.15


@pytest.mark.parametrize("way", WAYS)
def test_the_reply_says_what_was_used(model, clock, way):
    limit = RateLimit(tokens=1000, clock=clock)
    ask(model(limit), way)
    assert limit.waits(limit.enter(900)) is None
    assert limit.waits(limit.enter(1)) is not None


@pytest.mark.parametrize("way", WAYS)
def test_a_refused_request_used_no_tokens_and_is_still_a_request(model, clock, way):
    limit = RateLimit(requests=2, tokens=1000, clock=clock)
    with pytest.raises(RateLimitError):
        ask(model(limit, Turn(status=429)), way)
    assert limit.waits(limit.enter(1000)) is None
    assert limit.waits(limit.enter(0)) is not None


@pytest.mark.parametrize("way", WAYS)
def test_a_cancelled_call_waits_no_longer_and_leaves_its_place(model, openai_server, clock, way):
    limit = RateLimit(requests=1, clock=clock)
    first = limit.enter()
    assert passes(limit, first)
    stop = Cancellation()
    timer = threading.Timer(0.1, stop.cancel)
    timer.start()
    began = time.monotonic()
    with pytest.raises(Cancelled, match="waited for its turn"):
        ask(model(limit), way, ModelRequest(REQUEST.messages, cancellation=stop))
    timer.join()
    assert time.monotonic() - began < 5
    assert openai_server.requests == []
    limit.leave(first)
    assert passes(limit, limit.enter())


def test_a_cancelled_task_leaves_its_place(model, clock):
    limit = RateLimit(requests=1, clock=clock)
    first = limit.enter()
    assert passes(limit, first)
    limited = model(limit)

    async def cancelled():
        task = asyncio.ensure_future(limited.aforward(REQUEST))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    gc.collect()
    limit.leave(first)
    assert passes(limit, limit.enter())


def test_the_time_for_the_whole_call_begins_after_the_wait(openai_server):
    openai_server.script([Turn(text="hi")])
    limit = RateLimit(requests=1, per=0.6)
    model = ChatModel("m", base_url=openai_server.url, provider="test", timeout=0.5, rate=limit)
    assert [ask(model, way).message.text for way in ("forward", "aforward")] == ["hi", "hi"]
    model.close()


def test_a_limit_may_be_set_later_and_come_from_settings(model):
    limited = model({"requests": 5})
    assert limited.rate.requests == 5
    limited.rate = None
    assert ask(limited, "forward").message.text == "hi"


@pytest.mark.parametrize(
    "settings", [{}, {"requests": 0}, {"tokens": 1.5}, {"requests": True}, {"requests": 1, "per": 0}, {"request": 1}]
)
def test_a_limit_that_makes_no_sense_is_refused(settings):
    with pytest.raises(ConfigurationError):
        as_rate(settings)


def test_tokens_are_guessed_from_all_that_is_sent():
    words = message("user", "x" * 400)
    assert estimate(ModelRequest((words,), max_tokens=0)) == 101
    picture = ToolResult("1", "look", (Image(data=b"x", media_type="image/png"),))
    assert estimate(ModelRequest((words, message("tool", picture)), max_tokens=7)) == 101 + 1001 + 7
