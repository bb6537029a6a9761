"""A chain of models: who is asked, and when."""

from __future__ import annotations

import asyncio

import pytest

from core_plus import (
    AuthenticationError,
    BadRequestError,
    Cancellation,
    ConfigurationError,
    ContentRefusedError,
    ContextLengthError,
    Host,
    ModelError,
    OverloadedError,
    RateLimitError,
    message,
)
from core_plus.models import Collector, ModelRequest, TextDelta
from core_plus_retry.fallback import Fallback
from core_plus_scripted import ScriptedModel

REQUEST = ModelRequest((message("user", "hi"),))
WAYS = ["forward", "stream", "aforward", "astream"]


def script(*turns, name="m"):
    return ScriptedModel(list(turns), name=name)


def always(error, name="bad"):
    def fails(_):
        raise error

    return ScriptedModel(fails, name=name)


def ask(model, way, request=REQUEST):
    """The words of the reply, by one of the four ways."""
    if way == "forward":
        return model.forward(request).message.text
    if way == "stream":
        return text(model.stream(request))
    if way == "aforward":
        return asyncio.run(model.aforward(request)).message.text

    async def collected():
        return text([delta async for delta in model.astream(request)])

    return asyncio.run(collected())


def text(deltas):
    collector = Collector()
    for delta in deltas:
        collector.add(delta)
    return collector.response().message.text


class Breaks:
    """Streams half a reply, then fails; and waits where it may be left."""

    def forward(self, request):
        raise OverloadedError("no")

    def stream(self, request):
        yield TextDelta("half a")
        raise OverloadedError("gone")

    async def astream(self, request):
        yield TextDelta("half a")
        raise OverloadedError("gone")

    def __str__(self):
        return "test:breaks"


class SyncOnly:
    def forward(self, request):
        return script("plain").forward(request)


class AsyncOnly:
    async def forward(self, request):
        return script("async").forward(request)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize("way", WAYS)
def test_the_first_that_can_answers(way):
    first, second, third = always(OverloadedError("full")), script("fine"), script("never")
    assert ask(Fallback([first, second, third]), way) == "fine"
    assert (len(first.requests), len(second.requests), len(third.requests)) == (1, 1, 0)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("error", [BadRequestError("x"), ContextLengthError("x"), ContentRefusedError("x")])
def test_what_is_the_requests_own_fault_ends_the_call(way, error):
    second = script("never")
    with pytest.raises(type(error)) as caught:
        ask(Fallback([always(error), second]), way)
    assert caught.value is error
    assert second.requests == []


@pytest.mark.parametrize("error", [AuthenticationError("x"), ModelError("x"), RateLimitError("x")])
def test_everything_else_moves_on(error):
    assert ask(Fallback([always(error), script("fine")]), "forward") == "fine"


def test_what_is_too_long_for_one_may_go_to_the_next():
    chain = Fallback([always(ContextLengthError("long")), script("fine")], stay_on=["bad_request", "content_refused"])
    assert ask(chain, "forward") == "fine"


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_a_stream_that_has_begun_stays_with_its_model(way):
    second = script("never")
    with pytest.raises(OverloadedError) as caught:
        ask(Fallback([Breaks(), second]), way)
    assert caught.value.partial
    assert not caught.value.retryable
    assert second.requests == []


@pytest.mark.parametrize("way", WAYS)
def test_where_all_fail_the_error_names_all_and_is_one_that_may_pass(way):
    chain = Fallback(
        [always(RateLimitError("slow", retry_after=9)), always(OverloadedError("full", retry_after=4)),
         always(AuthenticationError("no key"))]
    )  # fmt: skip
    with pytest.raises(OverloadedError, match=r"slow.*full.*no key") as caught:
        ask(chain, way)
    assert caught.value.retryable
    assert caught.value.retry_after == 4


def test_a_model_that_failed_too_often_rests_and_is_tried_again():
    clock = Clock()
    answers = [OverloadedError("full")] * 3 + ["back"] * 9
    first, second = script(*answers), ScriptedModel(lambda _: "second")
    chain = Fallback([first, second], failures=3, window=60, rest=30, clock=clock)
    assert [ask(chain, "forward") for _ in range(5)] == ["second"] * 5
    assert len(first.requests) == 3
    clock.now = 31
    assert [ask(chain, "forward") for _ in range(2)] == ["back"] * 2


def test_where_all_rest_the_error_says_until_when():
    clock = Clock()
    chain = Fallback([always(AuthenticationError("no"))], failures=1, rest=30, clock=clock)
    with pytest.raises(AuthenticationError):
        ask(chain, "forward")
    clock.now = 10
    with pytest.raises(OverloadedError, match="rests for 20 s") as caught:
        ask(chain, "forward")
    assert caught.value.retry_after == 20


@pytest.mark.parametrize("way", WAYS)
def test_a_call_that_was_stopped_asks_nobody_else(way):
    stop, second = Cancellation(), script("never")

    def stopped(_):
        stop.cancel()
        raise OverloadedError("closed")

    request = ModelRequest(REQUEST.messages, cancellation=stop)
    with pytest.raises(OverloadedError):
        ask(Fallback([ScriptedModel(stopped), second]), way, request)
    assert second.requests == []


def test_a_stream_left_early_closes_the_models_own():
    closed = []

    class Watched:
        def stream(self, request):
            try:
                yield TextDelta("a")
                yield TextDelta("b")
            finally:
                closed.append(True)

    deltas = Fallback([Watched()]).stream(REQUEST)
    next(deltas)
    deltas.close()
    assert closed == [True]


@pytest.mark.parametrize("way", WAYS)
def test_a_model_with_one_sync_way_serves_all_ways(way):
    assert ask(Fallback([SyncOnly()]), way) == "plain"


@pytest.mark.parametrize("way", ["aforward", "astream"])
def test_an_async_model_serves_async_runs(way):
    assert ask(Fallback([AsyncOnly()]), way) == "async"


@pytest.mark.parametrize("way", ["forward", "stream"])
def test_an_async_model_in_a_sync_run_is_a_clear_error(way):
    with pytest.raises(ConfigurationError, match=r"arun\(\)"):
        ask(Fallback([AsyncOnly()]), way)


@pytest.mark.parametrize(
    "settings", [{"stay_on": ["no_such"]}, {"stay_on": "bad_request"}, {"failures": 0}, {"rest": 0}, {"window": -1}]
)
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ConfigurationError, match=next(iter(settings))):
        Fallback([script("x")], **settings)


def test_a_chain_is_made_from_names(tmp_path):
    (tmp_path / "a.md").write_text("from a")
    with Host(config={"model.fallback": {"rest": 5}}) as host:
        chain = host.model(f"fallback:human:, scripted:{tmp_path}/a.md")
        assert str(chain) == f"fallback:human:,scripted:{tmp_path}/a.md"
        assert chain is host.model(f"fallback:human:, scripted:{tmp_path}/a.md")
        with pytest.raises(ConfigurationError, match="needs models"):
            host.model("fallback:")
