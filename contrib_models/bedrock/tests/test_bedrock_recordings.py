"""Traffic recorded from Bedrock, against what Amazon's own SDK makes of it."""

import base64
import functools

import pytest

from core_plus.errors import ModelError
from core_plus_bedrock import BedrockModel
from core_plus_testkit.recorded import Recordings, check, name_of, played

RECORDED = Recordings("bedrock-converse", __file__)
MODEL = functools.partial(BedrockModel, "m", region="us-east-1", api_key="k-123456", base_url="http://recorded.invalid")
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
@pytest.mark.parametrize("recording", [each for each in RECORDED.streams if "base64" in each["response"]], ids=name_of)
def test_a_stream_that_is_cut_is_an_error_unless_all_was_said(recording, tenth):
    whole = base64.b64decode(recording["response"]["base64"])
    size = len(whole) * tenth // 10
    assert isinstance(played(MODEL, recording, cut=size), ModelError) or b"stopReason" in whole[:size]


def compare(recording, reply):
    """The API counts what it read from its cache, or wrote there, beside the input."""
    check(
        reply,
        RECORDED.oracle[recording["id"]],
        lambda usage: {"input": usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens},
    )
