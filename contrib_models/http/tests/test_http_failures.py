import pickle

import pytest

from core_plus import errors
from core_plus.errors import MalformedReplyError
from core_plus_http import Cancelled, Problem, Reply, error_from_reply, error_of, json_in, problem_in, retry_after

STATUSES = [
    (400, errors.BadRequestError, False),
    (401, errors.AuthenticationError, False),
    (402, errors.PermissionDeniedError, False),
    (403, errors.PermissionDeniedError, False),
    (404, errors.ModelNotFoundError, False),
    (405, errors.ModelNotFoundError, False),
    (408, errors.ServerError, True),
    (409, errors.ServerError, True),
    (410, errors.ModelNotFoundError, False),
    (413, errors.BadRequestError, False),
    (418, errors.BadRequestError, False),
    (422, errors.BadRequestError, False),
    (429, errors.RateLimitError, True),
    (500, errors.ServerError, True),
    (502, errors.ServerError, True),
    (503, errors.OverloadedError, True),
    (504, errors.ServerError, True),
    (529, errors.OverloadedError, True),
    (301, errors.ModelNotFoundError, False),
]
BODIES = [
    (b'{"error": {"message": "no", "code": "c", "type": "t"}}', "no"),
    (b'{"error": "no"}', "no"),
    (b'{"error": {"code": "c"}}', "{'code': 'c'}"),
    (b'{"message": "no"}', "no"),
    (b'{"detail": "no"}', "no"),
    (b'{"detail": [{"msg": "no", "loc": ["body"]}]}', "no"),
    (b'{"errors": [{"message": "no"}]}', "no"),
    (b'[{"error": {"message": "no", "status": "INVALID_ARGUMENT"}}]', "no"),
    (b'{"title": "no", "status": 400}', "no"),
    (b'{"error": {"message": "failed", "metadata": {"raw": "no"}}}', "failed: no"),
    (b'"no"', "no"),
    (b"<html>no</html>", "<html>no</html>"),
    (b"\xffno", "\ufffdno"),
    (b"", "no reason given"),
    (b"{}", "{}"),
    (b"[]", "[]"),
    (b"null", "null"),
]
WORDS = [
    ("This model's maximum context length is 8192 tokens", "", 400, errors.ContextLengthError),
    ("prompt is too long: 250000 tokens > 200000", "invalid_request_error", 400, errors.ContextLengthError),
    ("", "context_length_exceeded", 400, errors.ContextLengthError),
    ("", "content_filter", 400, errors.ContentRefusedError),
    ("bad field", "invalid_request_error", 422, errors.BadRequestError),
    ("Overloaded", "overloaded_error", None, errors.OverloadedError),
    ("slow", "rate_limit_exceeded", None, errors.RateLimitError),
    ("Quota", "RESOURCE_EXHAUSTED", None, errors.RateLimitError),
    ("who?", "authentication_error", None, errors.AuthenticationError),
    ("odd", "", None, errors.ServerError),
    ("too many tokens", "", None, errors.ContextLengthError),
]


@pytest.mark.parametrize(("status", "kind", "retryable"), STATUSES)
def test_a_status_means_a_kind_of_error(status, kind, retryable):
    error = error_from_reply(Reply(status, url="http://x/v1/chat"))
    assert type(error) is kind
    assert (error.status, error.retryable) == (status, retryable)


@pytest.mark.parametrize(("body", "words"), BODIES)
def test_the_providers_own_words_are_found_in_whatever_it_sends(body, words):
    assert error_from_reply(Reply(400, body=body)).message == words


@pytest.mark.parametrize(("message", "code", "status", "kind"), WORDS)
def test_words_and_codes_tell_what_the_status_does_not(message, code, status, kind):
    assert type(error_of(Problem(message, code), status)) is kind


def test_a_status_inside_a_good_reply_counts():
    problem = problem_in({"error": {"message": "slow down", "code": 429}})
    error = error_of(problem)
    assert type(error) is errors.RateLimitError
    assert error.status is None


def test_a_providers_own_meaning_goes_first():
    reply = Reply(429, body=b'{"error": {"message": "pay", "code": "insufficient_quota"}}')
    error = error_from_reply(
        reply, classify=lambda problem, _: errors.PermissionDeniedError if "quota" in problem.code else None
    )
    assert type(error) is errors.PermissionDeniedError


def test_a_providers_own_form_of_body_can_be_found():
    error = error_from_reply(Reply(400, body=b'{"fault": "odd"}'), find=lambda body: Problem(body["fault"]))
    assert error.message == "odd"


def test_an_error_knows_the_request_and_when_to_come_back():
    headers = [(b"X-Request-Id", b"req_7"), (b"Retry-After", b"1.5")]
    error = error_from_reply(Reply(429, headers, b'{"error": {"message": "slow"}}'))
    assert (error.request_id, error.retry_after) == ("req_7", 1.5)
    assert str(error) == "slow (HTTP 429, request req_7)"


def test_a_redirect_says_where_to():
    error = error_from_reply(Reply(307, [(b"location", b"https://elsewhere/")], url="http://x/v1"))
    assert "redirects to https://elsewhere/" in error.message


def test_a_wrong_address_is_named_with_the_way_out():
    assert (
        "check the model's name and the address http://x/v1" in error_from_reply(Reply(404, url="http://x/v1")).message
    )


@pytest.mark.parametrize(
    ("header", "value", "seconds"),
    [
        ("retry-after", "7", 7),
        ("retry-after", "0.25", 0.25),
        ("Retry-After", "Wed, 21 Oct 2015 07:28:30 GMT", 30),
        ("retry-after", "Wed, 21 Oct 2015 07:27:00 GMT", 0),
        ("retry-after", "Wed, 21 Oct 2015 07:28:30 -0000", 30),
        ("retry-after", "soon", None),
        ("retry-after", "", None),
        ("retry-after-ms", "1500", 1.5),
        ("retry-after-ms", "x", None),
        ("retry-after", "inf", None),
        ("retry-after", "-1", None),
        ("x", "7", None),
    ],
)
def test_the_wish_to_wait_is_read_in_all_its_forms(header, value, seconds):
    now = 1445412480  # Wed, 21 Oct 2015 07:28:00 GMT
    assert retry_after(Reply(429, [(header.encode(), value.encode())]), now) == seconds


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "an empty body"),
        (b"  \n", "an empty body"),
        (b"<!DOCTYPE html><p>Log in", "a web page instead of JSON"),
        (b'{"a": ', "is no JSON"),
        (b"\xff\xfe", "is no JSON"),
    ],
)
def test_a_good_status_with_a_bad_body_is_malformed(body, words):
    reply = Reply(200, [(b"content-type", b"text/html")], body, "http://x/v1")
    with pytest.raises(MalformedReplyError, match=words) as caught:
        json_in(reply)
    assert "http://x/v1" in caught.value.message
    assert "text/html" in caught.value.message


def test_a_cancelled_call_is_an_error_of_its_own_that_nobody_retries():
    error = pickle.loads(pickle.dumps(Cancelled("the call was stopped", provider="p", model="m")))
    assert (type(error), error.kind, error.retryable) == (Cancelled, "cancelled", False)
    assert str(error) == "p:m: the call was stopped"
