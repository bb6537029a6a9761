import asyncio
import gc
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from core_plus.errors import ConfigurationError, CutStreamError, ModelNotFoundError
from core_plus_http import LINGER, RECEIVE, Send, Transport
from core_plus_http.pool import Pool
from core_plus_http.wire import Connection
from core_plus_testkit import Answer

WAYS = pytest.mark.parametrize("way", ["run", "stream", "arun", "astream"])
FINE = Answer(b"fine", content_type="text/plain")


def eventually(holds):
    until = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.005)


@WAYS
def test_a_reply_comes_whole_by_every_way(way, serve, transport, perform):
    server = serve(FINE)
    assert perform(way, transport(server.origin)) == b"fine"


@WAYS
@pytest.mark.parametrize("size", [0, 1, 65_536, 5_000_000])
def test_a_reply_of_any_size_comes_whole(way, size, serve, transport, perform):
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    for answer in (Answer(body), Answer(pieces=(body[: size // 3], body[size // 3 :]), stream=bool(size))):
        assert perform(way, transport(serve(answer).origin)) == body


def test_what_is_sent_arrives(serve, transport):
    server = serve(FINE)
    there = transport(f"{server.origin}/v1?k=1", headers={"X-Given": "a", "Content-Type": "application/json"})

    def exchange():
        yield Send("/a/b", b'{"n": 1}', headers={"x-given": "b", "x-more": "c"})
        yield Send("/models", method="GET")

    there.run(exchange())
    post, get = server.requests
    assert (post.method, post.path, post.json) == ("POST", "/v1/a/b?k=1", {"n": 1})
    assert (post.headers["x-given"], post.headers["x-more"]) == ("b", "c")
    assert post.headers["content-type"] == "application/json"
    assert post.headers["host"] == server.origin.removeprefix("http://")
    assert (get.method, get.path, get.body) == ("GET", "/v1/models?k=1", b"")
    assert "content-length" not in get.headers


@pytest.mark.parametrize("size", [1_000, 3_000_000])
def test_a_body_of_any_size_is_sent(size, serve, transport, perform):
    server = serve(lambda seen: Answer(str(len(seen.body)).encode()))

    def exchange():
        return (yield Send("/x", b"y" * size)).body

    assert transport(server.origin).run(exchange()) == str(size).encode()
    assert asyncio.run(transport(server.origin).arun(exchange())) == str(size).encode()


def test_calls_one_after_another_share_a_connection_whatever_the_way(serve, transport, perform):
    server = serve(FINE)
    there = transport(server.origin)
    for way in ["run", "arun", "stream", "astream", "arun", "run"]:
        perform(way, there)
    assert server.opened == 1


def test_a_failed_call_leaves_its_connection_for_the_next(serve, transport, perform):
    server = serve(Answer(b"{}", status=404))
    there = transport(server.origin)
    for way in ["run", "stream", "arun", "astream"]:
        with pytest.raises(ModelNotFoundError):
            perform(way, there)
    assert server.opened == 1


def test_many_threads_share_a_transport(serve, transport, perform):
    server = serve(Answer(b"fine", delay=0.01))
    there = transport(server.origin)
    with ThreadPoolExecutor(20) as threads:
        assert list(threads.map(lambda _: perform("run", there), range(100))) == [b"fine"] * 100
    assert server.opened <= 20


def test_many_event_loops_in_many_threads_share_a_transport(serve, transport, perform):
    server = serve(Answer(b"fine", delay=0.01))
    there = transport(server.origin)
    with ThreadPoolExecutor(10) as threads:
        assert list(threads.map(lambda _: perform("arun", there), range(50))) == [b"fine"] * 50


def test_a_thousand_calls_at_once_on_one_loop(serve, transport, perform):
    server = serve(Answer(b"fine", delay=0.01))
    there = transport(server.origin)

    def exchange():
        return (yield Send("/x", b"{}")).body

    async def many():
        return await asyncio.gather(*(there.arun(exchange()) for _ in range(1000)))

    assert asyncio.run(many()) == [b"fine"] * 1000
    assert len(there._direct.pool) <= 100


def test_a_connection_that_the_server_closed_is_not_used_again(serve, speak, transport, perform):
    there = transport(speak(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine"))  # it closes after each reply
    for way in ["run", "arun", "run", "astream"]:
        assert perform(way, there) == b"fine"
        eventually(lambda: not there._direct.pool or not there._direct.pool._connections[0].silent())


def test_a_connection_idle_for_too_long_is_not_used_again(serve, transport, perform):
    server = serve(FINE)
    there = transport(server.origin)
    there._direct.pool._idle_seconds = 0.0
    perform("run", there)
    perform("run", there)
    assert server.opened == 2


def test_a_server_that_wants_the_connection_closed_is_obeyed(serve, transport, perform):
    server = serve(Answer(b"fine", headers={"connection": "close"}))
    there = transport(server.origin)
    perform("run", there)
    assert len(there._direct.pool) == 0


def test_a_body_without_length_ends_with_its_connection(speak, transport, perform):
    there = transport(speak(b"HTTP/1.0 200 OK\r\n\r\nfi", b"ne"))
    for way in ["run", "stream", "arun", "astream"]:
        assert perform(way, there) == b"fine"


def test_interim_replies_are_passed_over(speak, transport, perform):
    there = transport(
        speak(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine")
    )
    assert perform("run", there) == b"fine"


def test_a_stream_left_early_closes_its_connection(serve, transport):
    server = serve(Answer(pieces=(b"x" * 10,) * 1000, stream=True, delay=0.01))
    there = transport(server.origin)

    def exchange():
        yield Send("/x", b"{}", stream=True)
        while piece := (yield RECEIVE):
            yield [piece]

    stream = there.stream(exchange())
    assert next(stream) == b"x" * 10
    stream.close()
    eventually(lambda: server.connections == 0)

    async def first():
        stream = there.astream(exchange())
        assert await anext(stream) == b"x" * 10
        await stream.aclose()

    asyncio.run(first())
    eventually(lambda: server.connections == 0)
    assert len(there._direct.pool) == 0


def test_a_stream_that_nobody_started_costs_nothing(serve, transport):
    server = serve(FINE)
    transport(server.origin).stream(iter(()))
    assert server.opened == 0


def test_a_cancelled_task_closes_its_connection(serve, transport, perform):
    server = serve(Answer(fault="hang"))
    there = transport(server.origin)

    def exchange():
        yield Send("/x", b"{}")

    async def cancelled():
        task = asyncio.create_task(there.arun(exchange()))
        await asyncio.to_thread(eventually, lambda: server.requests)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    eventually(lambda: server.connections == 0)


def test_an_endless_reply_leaves_other_tasks_their_turn(speak, transport):
    there = transport(speak(b"HTTP/1.0 200 OK\r\n\r\n", *[b"x" * 65_536] * 500))
    turns = []

    def exchange():
        yield Send("/x", b"{}", stream=True)
        while piece := (yield RECEIVE):
            yield [piece]

    async def other():
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    async def both():
        task = asyncio.create_task(other())
        pieces = [piece async for piece in there.astream(exchange())]
        task.cancel()
        return len(pieces)

    assert asyncio.run(both()) <= len(turns)


def test_the_moment_of_patience_saves_the_connection_or_gives_it_up(serve, transport):
    def exchange():
        yield Send("/x", b"{}", stream=True)
        assert (yield RECEIVE) == b"last"
        began = time.monotonic()
        while (yield LINGER):
            pass
        return time.monotonic() - began

    server = serve(Answer(pieces=(b"last",), stream=True))
    there = transport(server.origin)
    there.run(exchange())
    asyncio.run(there.arun(exchange()))
    assert server.opened == 1

    slow = serve(Answer(pieces=(b"last", b"", b""), stream=True, fault="hang_midway"))
    there = transport(slow.origin)
    assert 0.05 < there.run(exchange()) < 1
    assert 0.05 < asyncio.run(there.arun(exchange())) < 1
    assert slow.opened == 2


def test_an_exchange_hears_of_a_failure_and_may_know_better(serve, transport):
    server = serve(Answer(pieces=(b"all", b"", b""), stream=True, fault="cut"))

    def exchange():
        yield Send("/x", b"{}", stream=True)
        said = yield RECEIVE
        try:
            yield RECEIVE
        except CutStreamError:
            return said

    there = transport(server.origin)
    assert there.run(exchange()) == b"all"
    assert asyncio.run(there.arun(exchange())) == b"all"


def test_an_exchange_is_closed_whatever_happens(serve, transport):
    server = serve(FINE)
    ends = []

    def exchange():
        try:
            yield Send("/x", b"{}")
            raise KeyError("its own")
        finally:
            ends.append(1)

    there = transport(server.origin)
    with pytest.raises(KeyError):
        there.run(exchange())
    with pytest.raises(KeyError):
        asyncio.run(there.arun(exchange()))
    assert ends == [1, 1]


def test_no_redirect_is_followed(serve, transport, perform):
    other = serve(FINE)
    server = serve(Answer(status=302, headers={"location": other.origin}))
    with pytest.raises(ModelNotFoundError, match="redirects to"):
        perform("run", transport(server.origin))
    assert other.opened == 0


def test_closing_closes_what_is_idle_and_busy_calls_end_well(serve, transport, perform):
    server = serve(Answer(b"fine", delay=0.2))
    there = transport(server.origin)
    with ThreadPoolExecutor(1) as threads:
        busy = threads.submit(perform, "run", there)
        eventually(lambda: server.requests)
        there.close()
        assert busy.result() == b"fine"
    eventually(lambda: server.connections == 0)
    assert perform("run", there) == b"fine"
    asyncio.run(there.aclose())
    eventually(lambda: server.connections == 0)


@pytest.mark.filterwarnings("error::ResourceWarning")
def test_a_forgotten_transport_leaves_no_socket(serve):
    server = serve(FINE)

    def exchange():
        return (yield Send("/x", b"{}")).body

    there = Transport(server.origin)
    there.run(exchange())
    asyncio.run(there.arun(exchange()))
    assert server.connections == 1
    del there
    gc.collect()
    eventually(lambda: server.connections == 0)


def test_after_a_fork_the_parents_connections_are_left_alone(monkeypatch):
    ours, theirs = socket.socketpair()
    pool = Pool()
    pool.give(Connection(ours))
    monkeypatch.setattr("os.getpid", lambda: -1)
    assert pool.take() is None
    assert theirs.recv(1) == b""
    theirs.close()


@pytest.mark.parametrize(("base", "headers"), [("nowhere", {}), ("http://x", {"a": "b\n"})])
def test_wrong_settings_are_told_before_anything_is_sent(base, headers):
    with pytest.raises(ConfigurationError):
        Transport(base, headers=headers)
