import asyncio
import logging
import traceback

import pytest

from core_plus.errors import ModelError
from core_plus.secret import Secret
from core_plus_testkit import Answer

KEY = "sk-0123456789abcdef"
HEADERS = {"authorization": Secret(f"Bearer {KEY}"), "x-plain": "seen"}


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.DEBUG, logger="core_plus.http")
    return caplog


def test_a_secret_is_sent(serve, transport, perform):
    server = serve(Answer())
    perform("run", transport(server.origin, headers=HEADERS))
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_secret_is_in_no_repr(serve, transport):
    there = transport("http://x/v1?also=secret", headers=HEADERS)
    assert repr(there) == "Transport('http://x/v1')"


@pytest.mark.parametrize("echo", [KEY, f"Bearer {KEY}"])
@pytest.mark.parametrize("way", ["run", "stream", "arun", "astream"])
def test_a_secret_that_the_server_repeats_is_taken_out_of_the_error(way, echo, serve, transport, perform):
    server = serve(Answer(f'{{"error": {{"message": "wrong key {echo}"}}}}'.encode(), status=401))
    with pytest.raises(ModelError, match=r"wrong key \*\*\*") as caught:
        perform(way, transport(server.origin, headers=HEADERS))
    error = caught.value
    assert KEY not in f"{error} {error!r} {error.args} {error.__dict__} {''.join(traceback.format_exception(error))}"


@pytest.mark.parametrize("way", ["run", "arun"])
@pytest.mark.parametrize("listening", [True, False])
def test_a_secret_is_in_no_local_variable_that_a_traceback_may_show(listening, way, speak, transport, perform):
    with pytest.raises(ModelError) as caught:
        perform(way, transport(speak() if listening else "http://127.0.0.1:1", headers=HEADERS))
    frames = [frame.f_locals for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    frames += [frame.f_locals for frame, _ in traceback.walk_tb(caught.value.__cause__.__traceback__)]
    assert len(frames) > 5
    assert KEY not in repr(frames)


def test_a_short_placeholder_for_a_key_hides_nothing(serve, transport, perform):
    server = serve(Answer(b'{"error": "none of these"}', status=400))
    with pytest.raises(ModelError, match="none of these"):
        perform("run", transport(server.origin, headers={"authorization": Secret("Bearer none")}))


@pytest.mark.parametrize("way", ["run", "stream", "arun", "astream"])
def test_the_log_shows_what_goes_over_the_wire_without_secrets(way, log, serve, transport, perform):
    server = serve(Answer(f"you sent {KEY}".encode(), headers={"x-echo": KEY}))
    perform(way, transport(server.origin, headers=HEADERS))
    assert f"> POST {server.origin}/x {{}}" in log.text
    assert "< 200 [" in log.text
    assert "you sent ***" in log.text
    assert KEY not in log.text
    assert all(KEY not in str(record.args) for record in log.records)


def test_nothing_is_logged_unless_somebody_listens(caplog, serve, transport, perform):
    caplog.set_level(logging.INFO)
    perform("run", transport(serve(Answer()).origin))
    assert not [record for record in caplog.records if record.name == "core_plus.http"]


def test_a_log_closes_what_it_watches(log, serve, transport):
    server = serve(Answer(pieces=(b"x",) * 1000, stream=True, delay=0.01))
    there = transport(server.origin)

    def exchange():
        from core_plus_http import RECEIVE, Send

        yield Send("/x", stream=True)
        yield [(yield RECEIVE)]
        yield RECEIVE

    async def first():
        stream = there.astream(exchange())
        assert await anext(stream)
        await stream.aclose()

    stream = there.stream(exchange())
    assert next(stream)
    stream.close()
    asyncio.run(first())
    assert len(there._direct.pool) == 0
