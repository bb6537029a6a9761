"""Traffic recorded from Anthropic, against what its own SDK makes of it."""

import functools

import pytest

from core_plus.errors import ModelError
from core_plus_anthropic import AnthropicModel
from core_plus_testkit.recorded import Recordings, check, name_of, played

RECORDED = Recordings("anthropic-messages", __file__)
MODEL = functools.partial(AnthropicModel, "claude", base_url="http://recorded.invalid")
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
    size = len(recording["response"]["sse"].encode())
    reply = played(MODEL, recording, cut=size * tenth // 10)
    assert isinstance(reply, ModelError)
    assert reply.partial is (reply.partial and tenth > 0)


def compare(recording, reply):
    """The API counts what it read from its cache, or wrote there, beside the input."""
    check(
        reply,
        RECORDED.oracle[recording["id"]],
        lambda usage: {"input": usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens},
    )
