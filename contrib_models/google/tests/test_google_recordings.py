"""Traffic recorded from Gemini's API and Vertex AI, against what Google's own SDK makes of it."""

import functools

import pytest

from core_plus.errors import ModelError
from core_plus_google import GoogleModel
from core_plus_testkit.recorded import Recordings, check, name_of, played

RECORDED = Recordings("gemini-generate", __file__)
MODEL = functools.partial(GoogleModel, "gemini", base_url="http://recorded.invalid")
pytestmark = pytest.mark.skipif(bool(RECORDED.absent), reason=RECORDED.absent or "there are some")


@pytest.mark.parametrize("recording", RECORDED.replies, ids=name_of)
def test_a_recorded_reply_is_read_as_the_vendors_sdk_reads_it(recording):
    compare(recording, played(MODEL, recording))


@pytest.mark.parametrize("chunk", [None, 1, 3])
@pytest.mark.parametrize("recording", RECORDED.streams, ids=name_of)
def test_a_recorded_stream_is_read_as_the_vendors_sdk_reads_it(recording, chunk):
    compare(recording, played(MODEL, recording, chunk))


@pytest.mark.parametrize("recording", RECORDED.exchanges, ids=name_of)
def test_a_recording_is_read_the_same_on_an_event_loop(recording):
    compare(recording, played(MODEL, recording, 7, on_loop=True))


@pytest.mark.parametrize("tenth", range(10))
@pytest.mark.parametrize("recording", RECORDED.streams, ids=name_of)
def test_a_stream_that_is_cut_is_an_error_unless_all_was_said(recording, tenth):
    whole = recording["response"]["sse"].encode()
    size = len(whole) * tenth // 10
    reply = played(MODEL, recording, cut=size)
    assert isinstance(reply, ModelError) or b'"finishReason"' in whole[:size]


def compare(recording, reply):
    """The API counts thoughts beside the output, and what its own tools read beside the input."""
    check(
        reply,
        RECORDED.oracle[recording["id"]],
        lambda usage: {
            "input": usage.input_tokens - usage.details.get("tool_use_input_tokens", 0),
            "output": usage.output_tokens - usage.reasoning_tokens,
        },
    )
