"""Time-outs and cancellation, at every moment of a call."""

import asyncio
import socket
import threading
import time

import pytest

from core_plus.cancellation import Cancellation
from core_plus.errors import ModelTimeoutError
from core_plus_http import RECEIVE, Cancelled, Send, Timeouts
from core_plus_testkit import Answer

WAYS = pytest.mark.parametrize("way", ["run", "stream", "arun", "astream"])
MIDWAY = Answer(pieces=(b"x",) * 10, stream=True, fault="hang_midway")


@pytest.fixture
def full():
    """A server whose queue is full: connecting to it takes for ever."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = server.getsockname()
        waiting = []
        while True:
            sock = socket.socket()
            waiting.append(sock)
            sock.settimeout(0.3)
            try:
                sock.connect(address)
            except TimeoutError:
                break
        yield f"http://127.0.0.1:{address[1]}"
        for sock in waiting:
            sock.close()


class Stopwatch:
    def __enter__(self):
        self.began = time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.began


@WAYS
def test_a_connection_that_takes_too_long_is_given_up(way, full, transport, perform):
    there = transport(full, timeouts=Timeouts(connect=0.2))
    with Stopwatch() as watch, pytest.raises(ModelTimeoutError, match=r"no connection to .* within 0\.2 s"):
        perform(way, there)
    assert watch.seconds < 2


@WAYS
def test_silence_before_the_reply_is_given_up(way, serve, transport, perform):
    there = transport(serve(Answer(fault="hang")).origin, timeouts=Timeouts(first_byte=0.2))
    with Stopwatch() as watch, pytest.raises(ModelTimeoutError, match=r"no answer within 0\.2 s") as caught:
        perform(way, there)
    assert watch.seconds < 2
    assert caught.value.retryable


@WAYS
def test_silence_in_the_reply_is_given_up(way, serve, transport, perform):
    there = transport(serve(MIDWAY).origin, timeouts=Timeouts(between=0.2))
    with Stopwatch() as watch, pytest.raises(ModelTimeoutError, match=r"silent for 0\.2 s"):
        perform(way, there)
    assert watch.seconds < 2


@WAYS
def test_a_slow_reply_is_given_up_when_the_whole_time_is_over(way, serve, transport, perform):
    answer = Answer(pieces=(b"x",) * 100, stream=True, delay=0.05)
    there = transport(serve(answer).origin, timeouts=Timeouts(whole=0.4))
    with Stopwatch() as watch, pytest.raises(ModelTimeoutError, match=r"didn't finish within 0\.4 s"):
        perform(way, there)
    assert watch.seconds < 2


@WAYS
def test_a_slow_reply_is_waited_for_as_long_as_it_goes_on(way, serve, transport, perform):
    there = transport(serve(Answer(pieces=(b"x",) * 8, stream=True, delay=0.05)).origin, timeouts=Timeouts(between=0.3))
    assert perform(way, there) == b"x" * 8


@WAYS
def test_without_time_outs_a_call_waits(way, serve, transport, perform):
    never = Timeouts(None, None, None, None)
    assert perform(way, transport(serve(Answer(b"fine", delay=0.1)).origin, timeouts=never)) == b"fine"


def stopped(way, there, perform, cancellation, after=0.2):
    timer = threading.Timer(after, cancellation.cancel)
    timer.start()
    with Stopwatch() as watch, pytest.raises(Cancelled) as caught:
        perform(way, there, cancellation)
    timer.join()
    assert watch.seconds < after + 0.5
    assert not caught.value.retryable


@WAYS
def test_a_call_is_stopped_at_once_while_it_connects(way, full, transport, perform):
    stopped(way, transport(full), perform, Cancellation())


@WAYS
def test_a_call_is_stopped_at_once_while_it_waits(way, serve, transport, perform):
    server = serve(Answer(fault="hang"))
    stopped(way, transport(server.origin), perform, Cancellation())


@WAYS
def test_a_call_is_stopped_at_once_while_it_reads(way, serve, transport, perform):
    stopped(way, transport(serve(MIDWAY).origin), perform, Cancellation())


@WAYS
def test_a_call_is_stopped_at_once_while_it_shakes_hands(way, speak, transport, perform):
    stopped(way, transport(speak(...).replace("http:", "https:")), perform, Cancellation())


@WAYS
def test_a_call_is_stopped_on_a_connection_used_before(way, serve, transport, perform):
    server = serve(lambda seen: Answer(fault="hang") if seen.path == "/x" else Answer(b"fine"))
    there = transport(server.origin)
    assert perform(way, there, path="/y") == b"fine"
    stopped(way, there, perform, Cancellation())
    assert server.opened == 1


@WAYS
def test_a_stopped_run_asks_nothing(way, serve, transport, perform):
    server = serve(Answer(b"fine"))
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(Cancelled):
        perform(way, transport(server.origin), cancellation)
    assert not server.requests


def test_stopping_a_run_after_its_call_harms_no_other_on_the_same_connection(serve, transport, perform):
    server = serve(Answer(b"fine", delay=0.05))
    there = transport(server.origin)
    first = Cancellation()
    perform("run", there, first)
    timer = threading.Timer(0.02, first.cancel)
    timer.start()
    assert perform("run", there, Cancellation()) == b"fine"
    timer.join()
    assert server.opened == 1


def test_a_call_leaves_nothing_registered_with_the_run(serve, transport, perform):
    there = transport(serve(Answer(b"fine")).origin)
    cancellation = Cancellation()
    for way in ["run", "stream", "arun", "astream"]:
        perform(way, there, cancellation)
    assert not cancellation._callbacks


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
@pytest.mark.parametrize("way", ["run", "stream"])
def test_a_callers_client_is_stopped_at_once_while_it_reads(way, library, serve, transport, perform):
    with pytest.importorskip(library).Client() as client:
        stopped(way, transport(serve(MIDWAY).origin, client=client), perform, Cancellation())


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
@pytest.mark.parametrize("answer", [MIDWAY, Answer(fault="hang")], ids=["while it reads", "while it waits"])
def test_a_callers_async_client_is_stopped_at_once(answer, library, serve, transport):
    origin, module = serve(answer).origin, pytest.importorskip(library)

    def exchange():
        yield Send("/x", b"{}", stream=True)
        while (yield RECEIVE):
            pass

    async def stop(timer):
        async with module.AsyncClient() as client:
            timer.start()
            await transport(origin, async_client=client).arun(exchange(), cancellation)

    cancellation = Cancellation()
    timer = threading.Timer(0.2, cancellation.cancel)
    with Stopwatch() as watch, pytest.raises(Cancelled):
        asyncio.run(stop(timer))
    timer.join()
    assert watch.seconds < 1
