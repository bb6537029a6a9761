"""How replies are read, from the API's own servers and from those that take its rules lightly."""

import base64
import json

import pytest

from core_plus import errors
from core_plus.messages import Audio, Image, Text, Thinking, ToolCall, Usage, message
from core_plus.models import Collector, ModelRequest, TextDelta
from core_plus_http.chat.decode import Reader, usage_of
from core_plus_openai import OpenAIModel
from core_plus_testkit import Answer, LoopbackServer

REQUEST = ModelRequest((message("user", "hi"),))


def read(*bodies, stops=()):
    """The reply that chunks, or a whole body, add up to."""
    reader, collector = Reader("openai", stops), Collector()
    for body in bodies:
        for delta in reader.read(body):
            collector.add(delta)
    for delta in reader.end():
        collector.add(delta)
    return collector.response()


def whole(finish="stop", **said):
    return {"choices": [{"index": 0, "message": {"role": "assistant", **said}, "finish_reason": finish}]}


def chunk(finish=None, **said):
    return {"choices": [{"index": 0, "delta": said, "finish_reason": finish}]}


def piece(index=None, id=None, name=None, arguments=None):
    function = {key: value for key, value in {"name": name, "arguments": arguments}.items() if value is not None}
    return {key: value for key, value in {"index": index, "id": id, "function": function}.items() if value is not None}


PARTS = {
    "text": ({"content": "a"}, (Text("a"),)),
    "nothing": ({"content": None}, ()),
    "a list of parts": ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, (Text("ab"),)),
    "a part that isn't known": ({"content": [{"type": "reference", "reference_ids": [1]}]}, ()),
    "reasoning among the parts": (
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                {"type": "text", "text": "a"},
            ]
        },
        (Thinking("hm", provider="openai"), Text("a")),
    ),
    "reasoning_content": ({"reasoning_content": "hm", "content": "a"}, (Thinking("hm", provider="openai"), Text("a"))),
    "reasoning": ({"reasoning": "hm", "content": "a"}, (Thinking("hm", provider="openai"), Text("a"))),
    "reasoning under both names": (
        {"reasoning": "hm", "reasoning_content": "hm"},
        (Thinking("hm", provider="openai"),),
    ),
    "reasoning that is an object": ({"reasoning": {"effort": "low"}, "content": "a"}, (Text("a"),)),
    "the old form of a call": (
        {"function_call": {"name": "f", "arguments": "{}"}, "tool_calls": [piece(0, "c", "f", "{}")]},
        (ToolCall("c", "f", {}),),
    ),
    "the old form left empty": ({"content": "a", "function_call": {"name": "", "arguments": ""}}, (Text("a"),)),
    "a picture": (
        {"images": [{"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,/9g="}}]},
        (Image(b"\xff\xd8", media_type="image/jpeg"),),
    ),
    "a picture elsewhere": ({"images": [{"image_url": {"url": "https://x/y"}}]}, (Image(url="https://x/y"),)),
    "sound with its words": (
        {"audio": {"id": "audio_1", "data": base64.b64encode(b"wav").decode(), "transcript": "a"}},
        (Text("a"), Audio(b"wav")),
    ),
    "sound left empty": ({"content": "a", "audio": {"id": "", "data": "", "transcript": ""}}, (Text("a"),)),
    "arguments as an object": ({"tool_calls": [piece(None, "c", "f", {"a": 1})]}, (ToolCall("c", "f", {"a": 1}),)),
    "arguments that are no JSON": ({"tool_calls": [piece(None, "c", "f", "{a}")]}, (ToolCall("c", "f", "{a}"),)),
    "arguments that are no object": ({"tool_calls": [piece(None, "c", "f", "[1]")]}, (ToolCall("c", "f", "[1]"),)),
    "no arguments": ({"tool_calls": [piece(None, "c", "f")]}, (ToolCall("c", "f", {}),)),
    "text and a call": (
        {"content": "a", "tool_calls": [piece(None, "c", "f", "{}")]},
        (Text("a"), ToolCall("c", "f", {})),
    ),
}


@pytest.mark.parametrize("name", PARTS)
def test_each_form_of_content_becomes_its_parts(name):
    said, parts = PARTS[name]
    assert read(whole(**said)).message.parts == parts
    assert read(chunk(**said), chunk("stop")).message.parts == parts


FINISHES = [
    ("stop", {}, "stop"),
    ("eos", {}, "stop"),
    ("length", {}, "length"),
    ("max_tokens", {}, "length"),
    ("content_filter", {}, "content_filter"),
    ("tool_calls", {"tool_calls": [piece(0, "c", "f", "{}")]}, "tool_calls"),
    ("stop", {"tool_calls": [piece(0, "c", "f", "{}")]}, "tool_calls"),
    ("length", {"tool_calls": [piece(0, "c", "f", "{}")]}, "length"),
    ("stop", {"refusal": "No."}, "refusal"),
    ("made_up", {}, "other"),
    ("", {}, "stop"),
    (None, {}, "stop"),
    (7, {}, "other"),
]


@pytest.mark.parametrize(("raw", "said", "reason"), FINISHES)
def test_a_finish_reason_is_told_in_one_vocabulary_and_in_the_servers_own(raw, said, reason):
    reply = read(whole(raw, **said))
    assert (reply.finish_reason, reply.raw_finish_reason) == (reason, str(raw) if raw else None)


def test_a_refusal_is_text():
    assert read(chunk(refusal="I can"), chunk(refusal="'t."), chunk("stop")).message.text == "I can't."


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}, Usage(9, 3, calls=1)),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 3,
                "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 1, "cache_write_tokens": 2},
                "completion_tokens_details": {
                    "reasoning_tokens": 2,
                    "audio_tokens": 0,
                    "rejected_prediction_tokens": 1,
                },
            },
            Usage(9, 3, 4, 2, 2, 1, 0, {"input_audio_tokens": 1, "output_rejected_prediction_tokens": 1}),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 3, "prompt_cache_hit_tokens": 4}, Usage(9, 3, 4, calls=1)),
        ({"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": None}, Usage(9, 3, calls=1)),
        ({"prompt_tokens": 9.0, "completion_tokens": None}, Usage(9, calls=1)),
        ({"prompt_tokens": 0, "completion_tokens": 0}, None),
        ({}, None),
        (None, None),
        ("odd", None),
    ],
)
def test_tokens_are_counted_as_told(told, usage):
    assert usage_of(told) == usage


def test_facts_about_the_reply_are_kept():
    reply = read(
        {"id": "r1", "model": "m-1", **chunk(content="a")},
        {
            "id": "r1",
            "model": "m-1",
            "service_tier": "flex",
            **chunk(annotations=[{"type": "url_citation"}], role="x", content=""),
        },
        {"choices": [{"index": 0, "delta": {}, "logprobs": {"content": [{"token": "a"}]}, "finish_reason": "stop"}]},
        {"id": "r1", "choices": [], "x_groq": {"usage": {"prompt_tokens": 1, "completion_tokens": 2}}},
    )
    assert (reply.id, reply.model, reply.usage) == ("r1", "m-1", Usage(1, 2, calls=1))
    assert reply.data == {
        "service_tier": "flex",
        "annotations": [{"type": "url_citation"}],
        "logprobs": {"content": [{"token": "a"}]},
    }


def test_only_the_first_of_several_choices_counts():
    choices = [
        {"index": 1, "message": {"content": "b"}},
        {"index": 0, "message": {"content": "a"}, "finish_reason": "stop"},
    ]
    assert read({"choices": choices}).message.text == "a"


def test_a_routers_reasoning_items_are_joined_and_kept_for_it():
    one = {"index": 0, "type": "reasoning.text", "text": "Let ", "format": "x"}
    two = {"index": 0, "type": "reasoning.text", "text": "me", "signature": "s", "format": None}
    other = {"index": 1, "type": "reasoning.encrypted", "data": "gA"}
    reply = read(*(chunk(role="assistant", content="", reasoning_details=[each]) for each in (one, two, other)))
    joined = {"index": 0, "type": "reasoning.text", "text": "Let me", "signature": "s", "format": "x"}
    assert reply.message.data == {"openai": {"reasoning_details": [joined, other]}}


def test_sound_goes_back_by_its_id():
    assert read(whole(audio={"id": "audio_1", "transcript": "a"}, content=None)).message.data == {
        "openai": {"audio": {"id": "audio_1"}}
    }


def test_data_that_is_no_base64_is_malformed():
    with pytest.raises(errors.MalformedReplyError, match="base64"):
        read(whole(audio={"data": "x"}, content=None))


# Streams as a whole


def lines(*bodies, done=True):
    return b"".join(b"data: %b\n\n" % json.dumps(body).encode() for body in bodies) + b"data: [DONE]\n\n" * done


STREAMS = {
    "no [DONE]": lines(chunk(content="hello"), chunk("stop"), done=False),
    "no finish reason": lines(chunk(content="hello")),
    "no blank line at the end": lines(chunk(content="hello"), chunk("stop"), done=False)[:-2],
    "comments between": b": PROCESSING\n\n" + lines(chunk(content="hello"), chunk("stop")),
    "carriage returns": lines(chunk(content="hello"), chunk("stop")).replace(b"\n", b"\r\n"),
    "something after [DONE]": lines(chunk(content="hello")) + b"data: {broken\n\n",
    "a reply that isn't streamed": json.dumps(whole(content="hello")).encode(),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_complete_stream_is_complete_however_it_ends(name):
    kind = "application/json" if "isn't streamed" in name else "text/event-stream"
    with LoopbackServer(lambda _: Answer(content_type=kind, stream=True, pieces=(STREAMS[name],))) as server:
        model = OpenAIModel("m", base_url=f"{server.origin}/v1")
        for _ in range(2):
            assert "".join(delta.text for delta in model.stream(REQUEST) if isinstance(delta, TextDelta)) == "hello"
        assert server.opened == 1
        model.close()
