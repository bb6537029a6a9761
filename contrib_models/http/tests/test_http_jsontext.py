import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_plus.errors import MalformedReplyError
from core_plus_http import dumps, excerpt, join_request, loads


def values(text):
    return st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
        max_leaves=20,
    )


JSON = values(st.text(st.characters(exclude_categories=())))


@given(values(st.text()))
def test_any_value_arrives_as_it_was(value):
    assert json.loads(dumps(value)) == value


@given(JSON)
def test_lone_surrogates_anywhere_in_a_value_do_no_harm(value):
    sent = dumps(value).decode("utf-8")
    assert type(json.loads(sent)) is type(value)


@pytest.mark.parametrize(
    ("text", "sent"),
    [("\ud800", "\ufffd"), ("a\udcffb", "a\ufffdb"), ("\ud83e\udd8a", "🦊"), ("plain", "plain")],
    ids=["half a pair", "an escaped byte", "both halves", "nothing odd"],
)
def test_a_lone_surrogate_becomes_the_replacement_character(text, sent):
    assert json.loads(dumps({text: [text, (text,)]})) == {sent: [sent, [sent]]}


@given(JSON)
def test_what_any_json_writer_wrote_can_be_read(value):
    assert loads(json.dumps(value)) == value


@pytest.mark.parametrize("text", [b"", b"{", b'{"a": tru', b"\xff", b"<html>", b"[" * 100_000, b"{} {}"])
def test_what_is_no_json_is_named_with_its_start(text):
    with pytest.raises(MalformedReplyError, match="an event is no JSON"):
        loads(text, "an event")


def test_numbers_that_json_does_not_know_are_read_all_the_same():
    assert math.isnan(loads(b"[NaN, -Infinity, 123456789012345678901234567890]")[0])
    assert loads(b"[NaN, -Infinity, 123456789012345678901234567890]")[1:] == [-math.inf, 123456789012345678901234567890]


def test_a_value_without_a_json_form_is_a_type_error():
    with pytest.raises(TypeError):
        dumps({"x": object()})


@given(st.lists(JSON.map(dumps)))
def test_a_request_is_joined_of_its_pieces(pieces):
    joined = join_request(b'{"messages":[', [b"", *pieces, b""], b"]}")
    assert json.loads(joined) == {"messages": [json.loads(piece) for piece in pieces]}


@pytest.mark.parametrize(
    ("text", "shown"), [(b"", "(empty)"), ("a\n  b", "a b"), (b"\xffa", "\ufffda"), ("x" * 300, "x" * 200 + "…")]
)
def test_an_excerpt_is_one_short_line(text, shown):
    assert excerpt(text) == shown
