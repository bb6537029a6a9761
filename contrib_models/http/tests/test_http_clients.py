"""Clients that the caller made, and proxies, which httpx deals with."""

import asyncio
import importlib
import threading
import time

import pytest

from core_plus import errors
from core_plus_http import LINGER, RECEIVE, Send, Timeouts, clients
from core_plus_testkit import Answer

FINE = Answer(b"fine", content_type="text/plain", headers={"x-request-id": "r1"})
WAYS = pytest.mark.parametrize("way", ["run", "stream", "arun", "astream"])


@pytest.fixture(params=["httpx", "httpx2"])
def library(request):
    """httpx itself, and its successor where that is installed."""
    pytest.importorskip(request.param)
    return importlib.import_module(request.param)


@pytest.fixture
def through(library, transport):
    """Posts through a client of the library: `through(way, base_url, timeouts, **client settings)`."""

    def whole(path="/x"):
        reply = yield Send(path, b"{}", headers={"x-more": "c"})
        return reply

    def pieces(result):
        reply = yield Send("/x", b"{}", stream=True)
        while reply.ok and (piece := (yield RECEIVE)):
            result.append(piece)
        return reply

    async def on_loop(exchange, base_url, timeouts, settings):
        async with library.AsyncClient(**settings) as client:
            return await transport(base_url, timeouts=timeouts, async_client=client).arun(exchange)

    def performed(way, base_url, timeouts=None, **settings):
        result = []
        exchange = whole() if way in ("run", "arun") else pieces(result)
        if way in ("run", "stream"):
            with library.Client(**settings) as client:
                reply = transport(base_url, timeouts=timeouts, client=client).run(exchange)
                assert not client.is_closed
        else:
            reply = asyncio.run(on_loop(exchange, base_url, timeouts, settings))
        return reply.status, reply.body or b"".join(result)

    return performed


@WAYS
def test_a_callers_client_is_used_as_it_is(way, through, serve):
    server = serve(FINE)
    assert through(way, f"{server.origin}/v1", headers={"x-mine": "yes"}) == (200, b"fine")
    (seen,) = server.requests
    assert (seen.method, seen.path, seen.headers["x-mine"], seen.body) == ("POST", "/v1/x", "yes", b"{}")


@WAYS
def test_a_failure_status_brings_its_whole_body(way, through, serve):
    assert through(way, serve(Answer(b"why", status=500)).origin) == (500, b"why")


@WAYS
def test_a_redirect_is_not_followed_even_by_a_client_that_would(way, through, serve):
    other = serve(FINE)
    server = serve(Answer(status=307, headers={"location": other.origin}))
    assert through(way, server.origin, follow_redirects=True)[0] == 307
    assert not other.requests


@WAYS
@pytest.mark.parametrize(
    ("answer", "kind"),
    [(Answer(fault="reset"), errors.ModelConnectionError), (Answer(b"x" * 100, fault="cut"), errors.CutStreamError)],
    ids=["no answer", "half an answer"],
)
def test_a_clients_errors_become_the_kernels(way, answer, kind, through, serve):
    with pytest.raises(errors.ModelError) as caught:
        through(way, serve(answer).origin)
    assert type(caught.value) is kind


@WAYS
def test_a_refused_connection_asks_whether_the_server_runs(way, through):
    with pytest.raises(errors.ModelConnectionError, match="is the server running"):
        through(way, "http://127.0.0.1:1")


@WAYS
@pytest.mark.parametrize("fault", ["hang", "hang_midway"])
def test_our_time_outs_hold_for_a_client_that_has_none_of_its_own(way, fault, through, serve):
    answer = Answer(pieces=(b"x",) * 10, stream=True, fault=fault)
    with pytest.raises(errors.ModelTimeoutError):
        through(way, serve(answer).origin, Timeouts(first_byte=0.2, between=0.2))


@WAYS
def test_a_clients_own_time_outs_hold(way, through, serve):
    with pytest.raises(errors.ModelTimeoutError):
        through(way, serve(Answer(fault="hang")).origin, timeout=0.2)


@WAYS
def test_the_whole_time_is_looked_at_whenever_something_comes(way, through, serve):
    answer = Answer(pieces=(b"x",) * 100, stream=True, delay=0.05)
    with pytest.raises(errors.ModelTimeoutError, match=r"within 0\.3 s"):
        through(way, serve(answer).origin, Timeouts(whole=0.3))


@pytest.mark.parametrize("way", ["arun", "astream"])
@pytest.mark.parametrize("fault", ["hang", "hang_midway"])
def test_on_an_event_loop_the_whole_time_holds_in_silence_too(way, fault, through, serve):
    with pytest.raises(errors.ModelTimeoutError, match=r"within 0\.3 s"):
        through(way, serve(Answer(b"x" * 100, fault=fault)).origin, Timeouts(whole=0.3))


def test_on_an_event_loop_the_moment_of_patience_ends(library, serve, transport):
    server = serve(Answer(pieces=(b"last", b"", b""), stream=True, fault="hang_midway"))

    def exchange():
        yield Send("/x", stream=True)
        return (yield RECEIVE), (yield LINGER)

    async def on_loop():
        async with library.AsyncClient() as client:
            return await transport(server.origin, async_client=client).arun(exchange())

    assert asyncio.run(on_loop()) == (b"last", b"")


@pytest.mark.parametrize("way", ["run", "arun"])
def test_a_reply_that_outgrows_the_limit_is_refused(way, through, serve, monkeypatch):
    monkeypatch.setattr(clients, "MOST_BYTES", 1000)
    with pytest.raises(errors.MalformedReplyError, match="longer than"):
        through(way, serve(Answer(b"x" * 100_000)).origin)


@pytest.mark.parametrize("way", ["run", "arun"])
def test_an_error_that_is_not_the_clients_passes(way, through, serve):
    def hook(_):
        raise KeyError("the caller's own")

    async def ahook(_):
        raise KeyError("the caller's own")

    with pytest.raises(KeyError):
        through(way, serve(FINE).origin, event_hooks={"request": [hook if way == "run" else ahook]})


def test_a_stream_left_early_closes_its_connection(library, serve, transport):
    server = serve(Answer(pieces=(b"x" * 10,) * 1000, stream=True, delay=0.01))

    def exchange():
        yield Send("/x", b"{}", stream=True)
        while piece := (yield RECEIVE):
            yield [piece]

    with library.Client() as client:
        stream = transport(server.origin, client=client).stream(exchange())
        assert next(stream)
        stream.close()
        until = time.monotonic() + 5
        while server.connections and time.monotonic() < until:
            time.sleep(0.01)
        assert server.connections == 0


def test_a_sync_client_only_is_not_passed_over_in_async_calls(library, transport, perform):
    with library.Client() as client, pytest.raises(errors.ConfigurationError, match="give it async_client="):
        perform("arun", transport("http://127.0.0.1:1", client=client))


def test_an_async_client_only_is_not_passed_over_in_sync_calls(library, transport, perform):
    with pytest.raises(errors.ConfigurationError, match="give it client="):
        perform("run", transport("http://127.0.0.1:1", async_client=library.AsyncClient()))


@pytest.fixture
def proxied(monkeypatch, serve):
    """A proxy on loopback that the environment names; it answers itself."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    proxy = serve(FINE)
    monkeypatch.setenv("HTTP_PROXY", proxy.origin)
    return proxy


@pytest.mark.parametrize("way", ["run", "stream"])
def test_a_proxy_that_the_environment_names_is_used(way, proxied, transport, perform):
    assert perform(way, transport("http://model.invalid/v1")) == b"fine"
    assert [seen.path for seen in proxied.requests] == ["http://model.invalid/v1/x"]


def test_the_client_for_a_proxy_is_one_for_each_loop_and_closed(proxied, transport):
    there = transport("http://model.invalid/v1")

    def exchange():
        return (yield Send("/x", b"{}")).body

    async def calls():
        bodies = await asyncio.gather(*(there.arun(exchange()) for _ in range(5)))
        bodies.append(await there.arun(exchange()))
        await there.aclose()
        return bodies

    for _ in range(2):
        assert asyncio.run(calls()) == [b"fine"] * 6
    assert {seen.path for seen in proxied.requests} == {"http://model.invalid/v1/x"}
    assert there.run(exchange()) == b"fine"
    there.close()
    until = time.monotonic() + 5
    while proxied.connections and time.monotonic() < until:
        threading.Event().wait(0.01)
    assert proxied.connections == 0


@WAYS
def test_a_host_that_needs_no_proxy_is_reached_directly(way, proxied, monkeypatch, serve, transport, perform):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    assert perform(way, transport(serve(FINE).origin)) == b"fine"
    assert not proxied.requests
