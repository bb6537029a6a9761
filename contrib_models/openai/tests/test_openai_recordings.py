"""Traffic recorded from real servers, against what OpenAI's own SDK makes of it.

The recordings are another project's data and no part of this one; without them there is nothing to run.
"""

import asyncio
import json
import os
import re
from pathlib import Path

import httpx
import pytest

from core_plus.errors import ModelError
from core_plus.messages import Thinking, message
from core_plus.models import Collector, ModelRequest
from core_plus_openai import OpenAIModel

SHARED = Path(os.environ.get("CORE_PLUS_SHARED") or Path(__file__).parents[4] / "shared")
FOLDER = SHARED / "recordings"
REQUEST = ModelRequest((message("user", "x"),))


def lines(name):
    if not FOLDER.is_dir():
        return []
    texts = (FOLDER / name).read_text(encoding="utf-8").split("\n")
    return [json.loads(text) for text in texts if '"openai-chat"' in text]


RECORDINGS = lines("providers.jsonl")
JSON = [each for each in RECORDINGS if not each["stream"]]
STREAMS = [each for each in RECORDINGS if each["stream"]]
IDS = {"ids": lambda each: each["id"].rpartition("/")[2] if isinstance(each, dict) else str(each)}


@pytest.fixture(scope="module")
def oracle():
    return {each["id"]: each for each in lines("oracle.jsonl")}


def test_the_recordings_are_there():
    if not RECORDINGS:
        pytest.skip(f"no recordings in {FOLDER}; CORE_PLUS_SHARED names the folder that holds them")
    assert len(JSON) > 100
    assert len(STREAMS) > 20


@pytest.mark.parametrize("recording", JSON, **IDS)
def test_a_recorded_reply_is_read_as_the_vendors_sdk_reads_it(recording, oracle):
    check(played(recording), oracle[recording["id"]])


@pytest.mark.parametrize("chunk", [None, 1, 3])
@pytest.mark.parametrize("recording", STREAMS, **IDS)
def test_a_recorded_stream_is_read_as_the_vendors_sdk_reads_it(recording, chunk, oracle):
    check(played(recording, chunk), oracle[recording["id"]])


@pytest.mark.parametrize("recording", STREAMS, **IDS)
def test_a_recorded_stream_is_read_the_same_on_an_event_loop(recording, oracle):
    check(played(recording, 7, on_loop=True), oracle[recording["id"]])


class Playback(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers with one recording, cut into chunks."""

    def __init__(self, recording, chunk):
        self.reply, self.chunk = recording["response"], chunk

    def handle_request(self, request):
        data = (self.reply["sse"] if "sse" in self.reply else self.reply.get("body", "")).encode()
        size = self.chunk or max(1, len(data))
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        if self.chunk is None:
            pieces = re.findall(rb"(?s).+?(?:\n\n|\Z)", data)
        dropped = ("content-length", "transfer-encoding", "content-encoding")
        headers = {name: value for name, value in self.reply["headers"].items() if name not in dropped}
        return httpx.Response(self.reply["status"], headers=headers, stream=Pieces(pieces), request=request)

    async def handle_async_request(self, request):
        return self.handle_request(request)


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __init__(self, pieces):
        self.pieces = pieces

    def __iter__(self):
        yield from self.pieces

    async def __aiter__(self):
        for piece in self.pieces:
            yield piece


def played(recording, chunk=None, *, on_loop=False):
    """The reply, or the error, that the model makes of a recording."""
    playback = Playback(recording, chunk)
    client, async_client = httpx.Client(transport=playback), httpx.AsyncClient(transport=playback)
    model = OpenAIModel("m", base_url="http://recorded.invalid/v1", client=client, async_client=async_client)
    try:
        if on_loop:
            return collected(asyncio.run(drained(model)))
        return collected(model.stream(REQUEST)) if recording["stream"] else model.forward(REQUEST)
    except ModelError as error:
        return error


async def drained(model):
    return [delta async for delta in model.astream(REQUEST)]


def collected(deltas):
    collector = Collector()
    for delta in deltas:
        collector.add(delta)
    return collector.response()


def check(reply, expected):
    if not expected["ok"]:
        assert isinstance(reply, ModelError)
        words = re.sub(r"^Error code: \d+ - ", "", expected["message"])
        if expected["status"] >= 400 or expected.get("code"):
            assert words in reply.message
        return
    assert not isinstance(reply, ModelError), reply
    assert reply.message.text == expected["text"] + (expected["refusal"] or "")
    thinking = "".join(part.text for part in reply.message.parts if isinstance(part, Thinking))
    assert thinking == expected["thinking"]
    calls = [{"name": call.name, "arguments": call.arguments, "id": call.id} for call in reply.message.tool_calls]
    assert calls == expected["tool_calls"]
    assert (reply.raw_finish_reason or "") == (expected["finish"] or "")
    if expected["refusal"]:
        assert reply.finish_reason == "refusal"
    usage = expected["usage"]
    if usage is None:
        assert reply.usage is None
        return
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (usage["input"], usage["output"])
    assert reply.usage.reasoning_tokens == (usage["reasoning"] or 0)
    if usage["cached"] is not None:
        assert reply.usage.cached_tokens == usage["cached"]
