"""Replies in pieces: deltas add up to the reply that `forward` would have given."""

from __future__ import annotations

import itertools
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from message_strategies import CALLS, DATA, OBJECTS, REPLIES, SOME, WORDS

from core_plus import Image, Message, ModelResponse, Text, Thinking, ToolCall, Usage, message
from core_plus.models import (
    Collector,
    Delta,
    FinishDelta,
    Model,
    PartDelta,
    StreamingModel,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    as_deltas,
)


def collected(deltas):
    """The reply that deltas add up to."""
    collector = Collector()
    for delta in deltas:
        collector.add(delta)
    return collector.response()


def joined_texts(reply):
    """A reply whose neighbouring texts are one, and without empty ones, as a stream can't tell them apart."""
    parts = []
    for part in reply.message.parts:
        if isinstance(part, Text) and parts and isinstance(parts[-1], Text):
            parts[-1] = Text(parts[-1].text + part.text)
        elif part != Text(""):
            parts.append(part)
    return msgspec.structs.replace(reply, message=msgspec.structs.replace(reply.message, parts=tuple(parts)))


@given(REPLIES)
def test_a_reply_as_deltas_adds_up_to_itself(reply):
    assert collected(as_deltas(reply)) == joined_texts(reply)


@given(REPLIES)
def test_deltas_come_back_from_json_as_they_were(reply):
    kinds = TextDelta | ThinkingDelta | ToolCallDelta | PartDelta | FinishDelta
    deltas = list(as_deltas(reply))
    assert msgspec.json.decode(msgspec.json.encode(deltas), type=list[kinds]) == deltas


def pieces(text, cuts):
    """A text cut at these places."""
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[begin:end] for begin, end in itertools.pairwise(places)]


CUTS = st.lists(st.integers(0, 100), max_size=4)


@given(SOME, CUTS)
def test_words_add_up_wherever_they_are_cut(text, cuts):
    assert collected(TextDelta(piece) for piece in pieces(text, cuts)).message == message("assistant", text)


@given(SOME, OBJECTS, CUTS, DATA, st.booleans())
def test_a_call_adds_up_wherever_its_json_is_cut(call_id, arguments, cuts, data, name_first):
    head = ToolCallDelta(0, call_id, "search", data=data)
    body = [ToolCallDelta(0, arguments=piece) for piece in pieces(json.dumps(arguments), cuts)]
    reply = collected([head, *body] if name_first else [*body, head])
    assert reply.message.parts == (ToolCall(call_id, "search", arguments, data),)
    assert reply.finish_reason == "tool_calls"


@given(st.lists(CALLS, min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_calls_add_up_however_they_are_interleaved(calls, random):
    queues = [
        [ToolCallDelta(index, call.id, call.name, data=call.data)]
        + [ToolCallDelta(index, arguments=piece) for piece in json.dumps(call.arguments)]
        for index, call in enumerate(calls)
    ]
    deltas = [queue.pop(0) for queue in queues]
    while any(queues):
        deltas.append(random.choice([queue for queue in queues if queue]).pop(0))
    assert collected(deltas).message.parts == tuple(calls)


@given(WORDS, CUTS, st.none() | SOME, DATA)
def test_thinking_adds_up_with_its_signature_at_the_end(text, cuts, signature, data):
    deltas = [ThinkingDelta(piece, provider="acme") for piece in pieces(text, cuts)]
    reply = collected([*deltas, ThinkingDelta(signature=signature, data=data)])
    assert reply.message.parts == (Thinking(text, signature, "acme", data),)


def test_parts_stand_in_the_order_in_which_they_began():
    picture = Image(data=b"x")
    deltas = [
        ThinkingDelta("a", 0),
        TextDelta("one"),
        ToolCallDelta(0, "1", "f"),
        TextDelta("two"),
        ThinkingDelta("b", 1),
        ToolCallDelta(0, arguments="{}"),
        PartDelta(picture),
        TextDelta("three"),
        ThinkingDelta("c", 0),
    ]
    expected = (
        Thinking("ac"), Text("one"), ToolCall("1", "f", {}), Text("two"), Thinking("b"), picture, Text("three"),
    )  # fmt: skip
    assert collected(deltas).message.parts == expected


def test_nothing_adds_up_to_an_empty_reply():
    assert collected([]) == ModelResponse(Message("assistant"))
    assert collected([TextDelta("")]) == ModelResponse(Message("assistant"))


def test_later_facts_go_before_earlier_ones_field_by_field():
    deltas = [
        FinishDelta(model="small", id="1", usage=Usage(1, 0)),
        TextDelta("a"),
        FinishDelta(reason="length", raw_reason="max", usage=Usage(1, 5)),
        FinishDelta(data={"a": 1}, message_data={"b": 2}),
    ]
    reply = collected(deltas)
    assert reply == ModelResponse(
        Message("assistant", (Text("a"),), {"b": 2}), Usage(1, 5), "length", "max", "small", "1", {"a": 1}
    )


@pytest.mark.parametrize(
    ("deltas", "reason"),
    [
        ([TextDelta("a")], "stop"),
        ([ToolCallDelta(0, "1", "f")], "tool_calls"),
        ([PartDelta(ToolCall("1", "f", {}))], "tool_calls"),
        ([ToolCallDelta(0, "1", "f"), FinishDelta("length")], "length"),
    ],
)
def test_why_it_ended_is_told_or_else_seen(deltas, reason):
    assert collected(deltas).finish_reason == reason


@pytest.mark.parametrize("arguments", ['{"a": 1', "[1]", "nonsense", '{"a": nonsense}'])
def test_arguments_that_are_no_json_stay_text(arguments):
    (call,) = collected([ToolCallDelta(0, "1", "f", arguments)]).message.tool_calls
    assert call.arguments == arguments


def test_a_call_without_name_or_id_is_kept_for_the_loop_to_answer():
    assert collected([ToolCallDelta(0)]).message.tool_calls == (ToolCall("", "", {}),)


def test_a_delta_of_another_kind_is_passed_over():
    class OtherDelta(Delta, frozen=True):
        text: str

    assert collected([TextDelta("a"), OtherDelta("b"), TextDelta("c")]).message.text == "ac"


def test_a_reply_may_be_asked_for_while_it_comes():
    collector = Collector()
    collector.add(TextDelta("a"))
    assert collector.response().message.text == "a"
    collector.add(TextDelta("b"))
    assert collector.response().message.text == "ab"


def test_a_hundred_thousand_pieces_take_no_quadratic_time():
    assert len(collected(TextDelta("word ") for _ in range(100_000)).message.text) == 500_000


def test_any_object_with_forward_is_a_model():
    class Answers:
        def forward(self, request):
            return ModelResponse(message("assistant", "a"))

    class Streams(Answers):
        def stream(self, request):
            yield TextDelta("a")

    assert isinstance(Answers(), Model)
    assert not isinstance(Answers(), StreamingModel)
    assert isinstance(Streams(), StreamingModel)
    assert not isinstance(object(), Model)
