"""Traffic recorded from servers of the Responses API, against what OpenAI's own SDK makes of it."""

import functools

import pytest

from core_plus.errors import ModelError
from core_plus_openai import OpenAIResponsesModel
from core_plus_testkit.recorded import Recordings, check, name_of, played

RECORDED = Recordings("openai-responses", __file__)
MODEL = functools.partial(OpenAIResponsesModel, "m", base_url="http://recorded.invalid/v1")
pytestmark = pytest.mark.skipif(bool(RECORDED.absent), reason=RECORDED.absent or "there are some")


@pytest.mark.parametrize("recording", RECORDED.replies, ids=name_of)
def test_a_recorded_reply_is_read_as_the_vendors_sdk_reads_it(recording):
    check(played(MODEL, recording), RECORDED.oracle[recording["id"]])


@pytest.mark.parametrize("chunk", [None, 1, 3])
@pytest.mark.parametrize("recording", RECORDED.streams, ids=name_of)
def test_a_recorded_stream_is_read_as_the_vendors_sdk_reads_it(recording, chunk):
    check(played(MODEL, recording, chunk), RECORDED.oracle[recording["id"]])


@pytest.mark.parametrize("recording", RECORDED.exchanges, ids=name_of)
def test_a_recording_is_read_the_same_on_an_event_loop(recording):
    check(played(MODEL, recording, 7, on_loop=True), RECORDED.oracle[recording["id"]])


@pytest.mark.parametrize("tenth", range(10))
@pytest.mark.parametrize("recording", RECORDED.streams, ids=name_of)
def test_a_stream_that_is_cut_is_an_error(recording, tenth):
    size = len(recording["response"]["sse"].encode())
    assert isinstance(played(MODEL, recording, cut=size * tenth // 10), ModelError)
