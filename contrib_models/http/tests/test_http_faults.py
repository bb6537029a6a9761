"""What goes wrong on the way, by every way of performing a call."""

import asyncio
import socket

import h11
import pytest

from core_plus import errors
from core_plus_http import RECEIVE, Send, Timeouts, Transport, direct
from core_plus_http.direct import DirectCall, Open, Read, Write
from core_plus_http.guard import Guard
from core_plus_testkit import Answer

OK = b"HTTP/1.1 200 OK\r\n"
ON_THE_WIRE = {
    "no answer": ([], errors.ModelConnectionError, "without an answer"),
    "half a head": ([OK + b"content-le"], errors.ModelConnectionError, "without an answer"),
    "no HTTP": ([b"SSH-2.0-OpenSSH_9.6\r\n\r\n"], errors.MalformedReplyError, "no HTTP"),
    "garbage": ([bytes(range(256)) * 10], errors.MalformedReplyError, "no HTTP"),
    "endless headers": ([OK + b"x: y\r\n" * 200_000], errors.MalformedReplyError, "no HTTP"),
    "half a body": ([OK + b"content-length: 10\r\n\r\nhalf"], errors.CutStreamError, "in the middle of its reply"),
    "half a chunk": ([OK + b"transfer-encoding: chunked\r\n\r\n9\r\nhalf"], errors.CutStreamError, "in the middle"),
    "chunks without end": ([OK + b"transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"], errors.CutStreamError, "middle"),
    "bad chunks": ([OK + b"transfer-encoding: chunked\r\n\r\nzz\r\nhalf\r\n"], errors.CutStreamError, "middle"),
    "compressed": (
        [OK + b"content-encoding: br\r\ncontent-length: 1\r\n\r\nx"],
        errors.MalformedReplyError,
        "wasn't asked",
    ),
}
WAYS = pytest.mark.parametrize("way", ["run", "stream", "arun", "astream"])


@WAYS
@pytest.mark.parametrize("name", ON_THE_WIRE)
def test_a_broken_answer_is_a_typed_error_with_its_address(way, name, speak, transport, perform):
    says, kind, words = ON_THE_WIRE[name]
    there = transport(speak(*says))
    with pytest.raises(errors.ModelError, match=words) as caught:
        perform(way, there)
    assert type(caught.value) is kind
    assert (caught.value.provider, caught.value.model) == ("test", "m")
    assert there.origin.netloc in str(caught.value)
    assert len(there._direct.pool) == 0


@WAYS
def test_where_nobody_listens_the_error_asks_whether_the_server_runs(way, transport, perform):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(errors.ModelConnectionError, match="is the server running") as caught:
        perform(way, transport(f"{address}/v1"))
    assert f"{address}/v1" in str(caught.value)
    assert caught.value.retryable


@WAYS
def test_an_unknown_host_is_named(way, transport, perform):
    with pytest.raises(errors.ModelConnectionError, match=r"http://no-such-host\.invalid: the host's name"):
        perform(way, transport("http://no-such-host.invalid"))


@WAYS
def test_a_reply_that_outgrows_the_limit_is_refused(way, serve, transport, perform, monkeypatch):
    monkeypatch.setattr(direct, "MOST_BYTES", 100_000)
    there = transport(serve(Answer(b"x" * 1_000_000, status=500)).origin)
    with pytest.raises(errors.MalformedReplyError, match="longer than 100,000 bytes"):
        perform(way, there)
    assert len(there._direct.pool) == 0


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_what_came_before_a_failure_is_given_before_it(way, speak, transport):
    there = transport(speak(OK + b"transfer-encoding: chunked\r\n\r\n4\r\ngood\r\nzz\r\nbad\r\n"))
    given = []

    def exchange():
        yield Send("/x", stream=True)
        while piece := (yield RECEIVE):
            yield [piece]

    async def on_loop():
        async for piece in there.astream(exchange()):
            given.append(piece)  # noqa: PERF401 (what came before a failure must stay)

    with pytest.raises(errors.CutStreamError):
        given.extend(there.stream(exchange())) if way == "stream" else asyncio.run(on_loop())
    assert given == [b"good"]


@pytest.fixture
def call():
    """A call without a network: the test plays the driver."""
    ours, theirs = socket.socketpair()
    setting = Transport("http://127.0.0.1:1", timeouts=Timeouts(whole=60))._direct
    found = DirectCall(setting, Guard())
    steps = found.send(Send("/x", b"{}"))
    assert isinstance(next(steps), Open)
    assert isinstance(steps.send(ours), Write)
    yield steps
    steps.close()
    found.close()
    theirs.close()


def test_an_answer_sent_before_the_request_was_read_is_still_heard(call):
    assert isinstance(call.throw(BrokenPipeError()), Read)
    with pytest.raises(StopIteration) as end:
        call.send(b"HTTP/1.1 413 Too large\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno")
    assert (end.value.value.status, end.value.value.body) == (413, b"no")


def test_a_connection_reset_instead_of_an_answer_is_a_connection_error(call):
    assert isinstance(call.send(None), Read)
    with pytest.raises(errors.ModelConnectionError, match="broke before an answer"):
        call.throw(ConnectionResetError(104, "Connection reset by peer"))


def test_every_wait_is_cut_to_what_is_left_of_the_whole_time(call):
    step = call.send(None)
    assert 59 < step.timeout <= 60


def test_h11_is_told_of_nothing_that_a_header_may_not_carry():
    with pytest.raises(h11.LocalProtocolError):
        h11.Request(method="GET", target="/", headers=[("host", "x"), ("a", "b\n")])  # hence the check in settings
