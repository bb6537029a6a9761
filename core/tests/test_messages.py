"""Messages: made from words and parts, encoded once, the same again after JSON; and how usage adds up."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from message_strategies import MESSAGES

from core_plus import Audio, File, Image, Message, Text, Thinking, ToolCall, ToolResult, ToolSpec, Usage, message
from core_plus.messages import encoded, joined

MADE = [
    ("words", (Text("words"),)),
    ("", (Text(""),)),
    ((), ()),
    (Text("a"), (Text("a"),)),
    (["a", Image(data=b"x"), "b"], (Text("a"), Image(data=b"x"), Text("b"))),
    ((part for part in ["a", "b"]), (Text("a"), Text("b"))),
    (ToolResult("1", "f"), (ToolResult("1", "f"),)),
]


@pytest.mark.parametrize(("content", "parts"), MADE, ids=range(len(MADE)))
def test_a_message_is_made_of_words_parts_or_both(content, parts):
    assert message("user", content) == Message("user", parts)


def test_the_text_of_a_message_is_its_words_without_thinking():
    said = message("assistant", [Thinking("hm"), "a", ToolCall("1", "f", {}), Image(url="u"), "b"])
    assert said.text == joined(said.parts) == "ab"
    assert said.tool_calls == (ToolCall("1", "f", {}),)


def test_the_text_of_a_result_is_its_words():
    assert ToolResult("1", "f", (Text("a"), Image(data=b"x"), Text("b"))).text == "ab"


def test_media_have_a_type_from_the_start():
    kinds = [cls(data=b"x").media_type for cls in (Image, Audio, File)]
    assert kinds == ["image/png", "audio/wav", "application/octet-stream"]


def test_messages_can_not_be_changed():
    with pytest.raises(AttributeError):
        message("user", "a").role = "system"


@given(MESSAGES)
def test_a_message_comes_back_from_json_as_it_was(said):
    assert msgspec.json.decode(msgspec.json.encode(said), type=Message) == said


def test_lone_surrogates_can_be_said():
    assert message("user", "\ud800").text == "\ud800"


# ---- wire bytes ----------------------------------------------------------------------------


@pytest.fixture(params=[message("user", "hello"), ToolSpec("f", "Do.", {"type": "object"})], ids=["message", "tool"])
def item(request):
    """What wire bytes are kept with."""
    return msgspec.structs.replace(request.param)


def test_the_bytes_of_an_item_are_made_once_and_kept_with_it(item):
    made = []

    def encode(one):
        made.append(one)
        return b"bytes"

    first = encoded(item, "codec", encode)
    assert encoded(item, "codec", encode) is first
    assert made == [item]


def test_each_codec_keeps_its_own_bytes(item):
    assert encoded(item, ("a", True), lambda _: b"1") == b"1"
    assert encoded(item, ("a", False), lambda _: b"2") == b"2"
    assert encoded(item, ("a", True), lambda _: b"3") == b"1"


def test_empty_bytes_are_kept_too(item):
    assert encoded(item, "codec", lambda _: b"") == b""
    assert encoded(item, "codec", lambda _: b"other") == b""


def test_bytes_that_could_not_be_made_are_tried_again(item):
    with pytest.raises(ZeroDivisionError):
        encoded(item, "codec", lambda _: 1 / 0)
    assert encoded(item, "codec", lambda _: b"made") == b"made"


def test_kept_bytes_change_neither_equality_nor_json():
    one, other = message("user", "hello"), message("user", "hello")
    encoded(one, "codec", lambda _: b"bytes")
    assert one == other
    assert msgspec.json.encode(one) == msgspec.json.encode(other)
    assert not msgspec.structs.replace(one).__dict__


# ---- usage -----------------------------------------------------------------------------------

COUNT = st.integers(0, 10**9)
USAGES = st.builds(
    Usage, COUNT, COUNT, COUNT, COUNT, COUNT, COUNT, COUNT, st.dictionaries(st.sampled_from("abc"), COUNT, max_size=3)
)


@given(USAGES, USAGES, USAGES)
def test_usage_adds_up_in_any_order(one, two, three):
    assert one + two == two + one
    assert (one + two) + three == one + (two + three)
    assert one + Usage() == one


@given(USAGES, USAGES)
def test_each_count_is_the_sum_and_neither_part_changes(one, two):
    before = msgspec.json.encode([one, two])
    total = one + two
    for field in one.__struct_fields__[:-1]:
        assert getattr(total, field) == getattr(one, field) + getattr(two, field)
    keys = one.details | two.details
    assert total.details == {key: one.details.get(key, 0) + two.details.get(key, 0) for key in keys}
    assert total.total_tokens == one.total_tokens + two.total_tokens
    assert msgspec.json.encode([one, two]) == before


def test_a_list_of_usages_can_be_summed():
    assert sum([Usage(1, 2), Usage(3, 4, calls=1)], Usage()) == Usage(4, 6, calls=1)


def test_usages_share_no_details():
    first = Usage()
    assert first.details == {}
    assert (first + Usage(details={"a": 1})).details == {"a": 1}
    assert Usage().details == {}
