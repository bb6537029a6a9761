"""Stop sequences, for models that take none."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_plus.messages import Text, Usage, message
from core_plus.models import Collector, ModelRequest, TextDelta
from core_plus_http.chat.cut import Cut
from core_plus_http.chat.decode import Reader
from core_plus_openai import OpenAIModel, Quirks
from core_plus_testkit import Turn

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


def chunk(finish=None, **said):
    return {"choices": [{"index": 0, "delta": said, "finish_reason": finish}]}


def piece(index=None, id=None, name=None, arguments=None):
    function = {key: value for key, value in {"name": name, "arguments": arguments}.items() if value is not None}
    return {key: value for key, value in {"index": index, "id": id, "function": function}.items() if value is not None}


def cut(text, stops, places):
    filter_, at = Cut(stops), [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    parts = [filter_.passed(text[start:end]) for start, end in itertools.pairwise(at)]
    return "".join(parts) + filter_.rest()


@pytest.mark.parametrize(
    ("text", "stops", "left"),
    [
        ("aENDb", ("END",), "a"),
        ("aENb", ("END",), "aENb"),
        ("aEN", ("END",), "aEN"),
        ("END", ("END",), ""),
        ("aEENDb", ("END",), "aE"),
        ("axbyc", ("y", "x"), "a"),
        ("abcX", ("abcX", "c"), "ab"),
        ("abc", (), "abc"),
    ],
)
def test_a_reply_is_cut_before_the_first_stop_sequence(text, stops, left):
    assert cut(text, stops, []) == left
    assert cut(text, stops, range(len(text))) == left


@given(
    st.text("abE<", max_size=30),
    st.lists(st.text("abE<", min_size=1, max_size=4), max_size=3).map(tuple),
    st.lists(st.integers(0, 99)),
)
def test_a_cut_does_not_depend_on_how_the_text_comes(text, stops, places):
    assert cut(text, stops, places) == cut(text, stops, [])
    assert not any(stop in cut(text, stops, []) for stop in stops)


def test_text_that_cannot_begin_a_stop_sequence_is_not_held_back():
    reader = Reader("openai", ("</code>",))
    assert reader.read(chunk(content="x = 1 <")) == [TextDelta("x = 1 ")]
    assert reader.read(chunk(content="= 2")) == [TextDelta("<= 2")]


def test_what_comes_after_a_cut_is_dropped_but_the_tokens_count():
    bodies = [
        chunk(content="aEN"),
        chunk(content="Db", tool_calls=[piece(0, "c", "f", "{}")]),
        chunk("length", content="more", tool_calls=[piece(0, "c", "f", "{}")]),
        {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 9}},
    ]
    reply = read(*bodies, stops=("END",))
    assert reply.message.parts == (Text("a"),)
    assert (reply.finish_reason, reply.raw_finish_reason, reply.usage) == ("stop", "length", Usage(1, 9, calls=1))


def test_a_model_that_takes_no_stop_sequences_is_cut_by_forward_and_stream_alike(openai_server):
    openai_server.script([Turn(text="one</code>two", size=3)])
    model = OpenAIModel("m", base_url=openai_server.url, quirks=Quirks(stop=False))
    request = ModelRequest(REQUEST.messages, stop=("</code>",))
    collector = Collector()
    for delta in model.stream(request):
        collector.add(delta)
    assert collector.response() == model.forward(request)
    assert collector.response().message.text == "one"
    assert "stop" not in openai_server.requests[0].json
