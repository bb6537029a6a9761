"""What goes wrong at a server, and what a person reads of it."""

import asyncio
import json
import re

import pytest

from core_plus import errors
from core_plus.cancellation import Cancellation
from core_plus.messages import message
from core_plus.models import ModelRequest
from core_plus_http import Cancelled, Timeouts
from core_plus_openai import OpenAIModel
from core_plus_testkit import Answer, LoopbackServer, Turn

KEY = "sk-0123456789abcdef"
REQUEST = ModelRequest((message("user", "hi"),))


def body(message, code=None, kind="invalid_request_error"):
    return json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}}).encode()


def events(*items, done=True):
    lines = [item if isinstance(item, bytes) else b"data: " + json.dumps(item).encode() + b"\n\n" for item in items]
    return Answer(content_type="text/event-stream", stream=True, pieces=(*lines, *[b"data: [DONE]\n\n"] * done))


def said(text=None, finish=None, **more):
    return {"choices": [{"index": 0, "delta": {"content": text, **more}, "finish_reason": finish}]}


LONG = body("This model's maximum context length is 8192 tokens.", "context_length_exceeded")
QUOTA = body("You exceeded your current quota", "insufficient_quota", "insufficient_quota")
NO_JSON = Answer(b"data: {broken\n\n", content_type="text/event-stream", stream=True)
ROUTER = {"choices": [{"index": 0, "error": {"code": 502, "message": "upstream died"}, "finish_reason": "error"}]}

# name: the answer, the error's kind, whether another try may help, words in its text
BOTH_WAYS = {
    "a wrong key": (
        Answer(body(f"Incorrect API key provided: {KEY}", "invalid_api_key"), 401),
        "Authentication",
        False,
        r"\*\*\* \[check",
    ),
    "a wrong key as 400": (Answer(body("Bad key", "invalid_api_key"), 400), "Authentication", False, "Bad key"),
    "a key that may not": (Answer(body("No access"), 403), "PermissionDenied", False, "No access"),
    "a used-up quota": (Answer(QUOTA, 429), "PermissionDenied", False, "exceeded your current quota"),
    "no such model": (
        Answer(body("The model `x` does not exist", "model_not_found"), 404),
        "ModelNotFound",
        False,
        "check the model's name",
    ),
    "a wrong path": (Answer(b'{"detail":"Not Found"}', 404), "ModelNotFound", False, "/v1/chat/completions"),
    "a bad field": (Answer(body("Unknown parameter: 'x'."), 400), "BadRequest", False, "Unknown parameter"),
    "a list of bad fields": (
        Answer(b'{"detail":[{"loc":["body","n"],"msg":"Input should be 1"}]}', 422),
        "BadRequest",
        False,
        "should be 1",
    ),
    "a context too long": (Answer(LONG, 400), "ContextLength", False, "8192"),
    "a filtered prompt": (Answer(body("Filtered", "content_filter"), 400), "ContentRefused", False, "Filtered"),
    "too many requests": (Answer(body("Slow down"), 429, headers={"retry-after": "2"}), "RateLimit", True, "Slow down"),
    "an internal error": (Answer(body("Oops", kind="server_error"), 500), "Server", True, "Oops"),
    "a bad gateway's page": (
        Answer(b"<html><h1>502 Bad Gateway</h1></html>", 502, content_type="text/html"),
        "Server",
        True,
        "502 Bad Gateway",
    ),
    "no room": (Answer(b"", 503), "Overloaded", True, "no reason given"),
    "a redirect": (
        Answer(b"", 308, headers={"location": "https://x/"}),
        "ModelNotFound",
        False,
        "redirects to https://x/",
    ),
    "an error within 200": (Answer(body("Provider returned error", 429)), "RateLimit", True, "Provider returned error"),
    "an upstream's error within 200": (Answer(json.dumps(ROUTER).encode()), "Server", True, "upstream died"),
    "a log-in page": (
        Answer(b"<!doctype html><title>Log in</title>", content_type="text/html"),
        "MalformedReply",
        False,
        "web page",
    ),
    "an empty reply": (Answer(b"", content_type=None), None, False, ""),
    "half a JSON": (Answer(b'{"choices": [{"mess'), "MalformedReply", False, "no JSON"),
    "no UTF-8": (Answer(b'{"choices": [{"message": {"content": "\xff"}}]}'), "MalformedReply", False, "no JSON"),
    "no choices": (Answer(b'{"choices": []}'), "MalformedReply", False, "that is no reply"),
    "another service's JSON": (Answer(b'{"status": "up"}'), "MalformedReply", False, "that is no reply"),
    "a JSON list": (Answer(b"[1]"), "MalformedReply", False, "where a JSON object was due"),
    "no answer": (Answer(fault="reset"), "ModelConnection", True, "without an answer"),
    "a body cut off": (Answer(b"x" * 1000, fault="cut"), "CutStream", True, "in the middle of its reply"),
}
STREAMED = {
    "an error at the start": (events({"error": {"message": "no", "code": "server_error"}}), "Server", False, "no"),
    "an error in mid-stream": (events(said("he"), {"error": {"message": "died"}}), "Server", True, "died"),
    "an error event": (events(said("he"), b'event: error\ndata: {"message": "died"}\n\n'), "Server", True, "died"),
    "an error with a status": (
        events(said("he"), {"error": {"message": "no", "status_code": 400}}),
        "BadRequest",
        True,
        "no",
    ),
    "an overload in mid-stream": (
        events(said("he"), {"error": {"message": "busy", "type": "overloaded_error"}}),
        "Overloaded",
        True,
        "busy",
    ),
    "broken JSON": (NO_JSON, "MalformedReply", False, "an event of the stream is no JSON .*broken"),
    "an event that is no object": (events(b"data: 7\n\n"), "MalformedReply", False, "where a JSON object was due"),
    "an end too soon": (events(said("he"), done=False), "CutStream", True, "ended its stream in the middle"),
    "nothing but a role": (
        events(said(None, role="assistant"), done=False),
        "CutStream",
        False,
        "ended its stream in the middle",
    ),
    "no event at all": (
        Answer(content_type="text/event-stream", stream=True, pieces=()),
        "CutStream",
        False,
        "before it began",
    ),
    "only comments": (events(b": keep-alive\n\n", done=False), "MalformedReply", False, "no reply in its stream"),
    "plain words": (
        Answer(b"Service is starting", content_type="text/plain"),
        "MalformedReply",
        False,
        "Service is starting",
    ),
    "a page": (Answer(b"<html>x</html>", content_type="text/plain"), "MalformedReply", False, "web page"),
    "a lost connection": (
        Answer(
            content_type="text/event-stream",
            stream=True,
            pieces=(b'data: {"choices": [{"delta": {"content": "he"}}]}\n\n',) * 4,
            fault="cut",
        ),
        "CutStream",
        True,
        "broke off",
    ),
}


@pytest.fixture
def model_at():
    """A model whose server answers everything with one answer."""
    servers = []

    def made(answer, **settings):
        server = LoopbackServer(lambda _: answer)
        servers.append(server.__enter__())
        return OpenAIModel("m", base_url=f"{server.origin}/v1", api_key=KEY, **settings)

    yield made
    for server in servers:
        server.close()


def failure(model, way):
    """The error of a call, and what had been given before."""
    given = []
    with pytest.raises(errors.ModelError) as caught:
        asked(model, way, given)
    model.close()
    return caught.value, given


def asked(model, way, given):
    if way == "forward":
        model.forward(REQUEST)
    elif way == "aforward":
        asyncio.run(model.aforward(REQUEST))
    elif way == "stream":
        given.extend(model.stream(REQUEST))
    else:
        asyncio.run(drained(model.astream(REQUEST), given))


async def drained(deltas, given):
    async for delta in deltas:
        given.append(delta)


@pytest.mark.parametrize("way", ["forward", "stream", "aforward", "astream"])
@pytest.mark.parametrize("name", BOTH_WAYS)
def test_a_fault_is_a_typed_error_that_says_what_to_do(name, way, model_at):
    answer, kind, retryable, words = BOTH_WAYS[name]
    error, given = failure(model_at(answer), way)
    kind = kind or ("CutStream" if "stream" in way else "MalformedReply")
    assert type(error) is getattr(errors, f"{kind}Error")
    assert error.retryable is (retryable or kind == "CutStream")
    assert re.search(words, str(error))
    assert (error.provider, error.model, error.partial, given) == ("openai", "m", False, [])
    assert KEY not in f"{error} {error!r} {error.__dict__}"


@pytest.mark.parametrize("way", ["stream", "astream"])
@pytest.mark.parametrize("name", STREAMED)
def test_a_fault_in_a_stream_says_whether_output_was_given(name, way, model_at):
    answer, kind, partial, words = STREAMED[name]
    error, given = failure(model_at(answer), way)
    assert type(error) is getattr(errors, f"{kind}Error")
    assert re.search(words, str(error))
    assert (error.partial, bool(given)) == (partial, partial)


def test_a_rate_limit_tells_when_to_come_back_and_the_requests_id(model_at):
    headers = {"retry-after": "2", "x-request-id": "req_1"}
    error, _ = failure(model_at(Answer(body("Slow"), 429, headers=headers)), "forward")
    assert (error.retry_after, error.request_id, error.status) == (2.0, "req_1", 429)
    assert str(error) == "openai:m: Slow (HTTP 429, request req_1)"


@pytest.mark.parametrize("way", ["forward", "stream", "aforward", "astream"])
def test_silence_is_a_time_out(way, model_at):
    error, _ = failure(model_at(Answer(fault="hang"), timeout=Timeouts(first_byte=0.1)), way)
    assert type(error) is errors.ModelTimeoutError
    assert error.retryable


def test_a_number_as_time_out_is_the_whole_calls(model_at):
    error, _ = failure(model_at(Answer(fault="hang"), timeout=0.1), "forward")
    assert "didn't finish within 0.1 s" in error.message


def test_a_connection_lost_after_the_last_word_harms_nobody(model_at):
    last = (said("hello"), said(None, "stop"))
    pieces = (*(b"data: " + json.dumps(each).encode() + b"\n\n" for each in last), b"", b"")
    answer = Answer(content_type="text/event-stream", stream=True, pieces=pieces, fault="cut")
    assert "".join(getattr(delta, "text", "") for delta in model_at(answer).stream(REQUEST)) == "hello"


def test_a_silent_server_after_the_last_word_is_not_waited_for(model_at):
    last = (said("hello"), said(None, "stop"))
    pieces = (*(b"data: " + json.dumps(each).encode() + b"\n\n" for each in last), b"", b"")
    answer = Answer(content_type="text/event-stream", stream=True, pieces=pieces, fault="hang_midway")
    model = model_at(answer, timeout=Timeouts(between=0.2))
    assert "".join(getattr(delta, "text", "") for delta in model.stream(REQUEST)) == "hello"


def test_a_step_can_fail_once_and_succeed_at_the_next_try(openai_server):
    openai_server.script([[Turn(status=429), Turn(text="there")]])
    model = OpenAIModel("m", base_url=openai_server.url)
    with pytest.raises(errors.RateLimitError):
        model.forward(REQUEST)
    assert model.forward(REQUEST).message.text == "there"
    model.close()


def test_a_cancelled_run_is_no_fault_of_the_servers(openai_server):
    cancellation = Cancellation()
    cancellation.cancel()
    model = OpenAIModel("m", base_url=openai_server.url)
    with pytest.raises(Cancelled):
        model.forward(ModelRequest(REQUEST.messages, cancellation=cancellation))
