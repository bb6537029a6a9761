import contextlib
import http.client
import threading
import time

import pytest

from core_plus_testkit import Answer, LoopbackServer


@pytest.fixture
def serve():
    """Starts servers that give one answer."""
    with contextlib.ExitStack() as stack:
        yield lambda answer: stack.enter_context(LoopbackServer(lambda _: answer))


def ask(server, path="/x", body=b"hi"):
    """Post to a server; gives status, content type and body."""
    connection = http.client.HTTPConnection(server.origin.removeprefix("http://"), timeout=5)
    try:
        connection.request("POST", path, body)
        reply = connection.getresponse()
        return reply.status, reply.headers["content-type"], reply.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"fine", content_type="text/plain"),
        Answer(pieces=(b"fi", b"", b"ne"), content_type="text/plain"),
        Answer(pieces=(b"fi", b"", b"ne"), content_type="text/plain", stream=True),
        Answer(b"fine", content_type="text/plain", stream=True, chunk=1),
        Answer(pieces=(b"fi", b"ne"), content_type="text/plain", delay=0.01),
    ],
)
def test_an_answer_arrives_however_it_is_sent(answer, serve):
    assert ask(serve(answer)) == (200, "text/plain", b"fine")


def test_a_request_is_kept_as_it_came(serve):
    server = serve(Answer())
    ask(server, "/a?b=c", b'{"n": 1}')
    (seen,) = server.requests
    assert (seen.method, seen.path, seen.body, seen.json) == ("POST", "/a?b=c", b'{"n": 1}', {"n": 1})
    assert seen.headers["content-length"] == "8"


@pytest.mark.parametrize("stream", [False, True])
def test_a_cut_answer_ends_in_the_middle(stream, serve):
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(serve(Answer(pieces=(b"fi", b"ne"), stream=stream, fault="cut")))
    assert caught.value.partial == b"fi"


def test_a_reset_is_no_answer_at_all(serve):
    with pytest.raises(http.client.RemoteDisconnected):
        ask(serve(Answer(fault="reset")))


@pytest.mark.parametrize("fault", ["hang", "hang_midway"])
def test_a_hanging_server_stops_all_the_same_and_leaves_no_thread(fault):
    with LoopbackServer(lambda _: Answer(b"x" * 9, fault=fault)) as server:
        connection = http.client.HTTPConnection(server.origin.removeprefix("http://"))
        connection.request("GET", "/")
        until = time.monotonic() + 5
        while not server.requests and time.monotonic() < until:
            time.sleep(0.01)
        assert server.connections == 1
    connection.close()
    assert server.connections == 0
    assert not [each for each in threading.enumerate() if each.name == "loopback server"]


def test_a_server_counts_its_connections(serve):
    server = serve(Answer())
    ask(server)
    until = time.monotonic() + 5
    while server.connections and time.monotonic() < until:
        time.sleep(0.01)
    assert (server.connections, server.opened) == (0, 1)
