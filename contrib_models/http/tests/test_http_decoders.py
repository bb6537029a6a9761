import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_plus.errors import MalformedReplyError
from core_plus_http import Event, JSONLinesDecoder, LineDecoder, SSEDecoder

STREAMS = {
    "one event": (b"data: a\n\n", [Event(b"a")]),
    "no space after the colon": (b"data:a\n\n", [Event(b"a")]),
    "two spaces, one of them data": (b"data:  a\n\n", [Event(b" a")]),
    "carriage returns": (b"data: a\r\rdata: b\r\r", [Event(b"a"), Event(b"b")]),
    "both": (b"data: a\r\n\r\ndata: b\r\n\r\n", [Event(b"a"), Event(b"b")]),
    "a mix": (b"data: a\r\ndata: b\n\r\n", [Event(b"a\nb")]),
    "several data lines": (b"data: a\ndata: b\ndata:\n\n", [Event(b"a\nb\n")]),
    "a bare data line": (b"data\n\n", [Event(b"")]),
    "comments": (b": keep-alive\n\n:\ndata: a\n: more\n\n", [Event(b"a")]),
    "a type": (b"event: error\ndata: a\n\ndata: b\n\n", [Event(b"a", "error"), Event(b"b")]),
    "a type without data is no event": (b"event: ping\n\ndata: a\n\n", [Event(b"a")]),
    "ids stay": (b"id: 1\ndata: a\n\ndata: b\n\n", [Event(b"a", "", "1"), Event(b"b", "", "1")]),
    "an id with a null byte is ignored": (b"id: 1\0\ndata: a\n\n", [Event(b"a")]),
    "unknown fields": (b"retry: 3\nfoo: bar\nbaz\ndata: a\n\n", [Event(b"a")]),
    "a byte order mark": (b"\xef\xbb\xbfdata: a\n\n", [Event(b"a")]),
    "a mark later is text": (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [Event(b"a")]),
    "no blank line at the end": (b"data: a\n\ndata: b", [Event(b"a"), Event(b"b")]),
    "no UTF-8": (b"event: \xff\ndata: \xff\n\n", [Event(b"\xff", "\ufffd")]),
    "other line ends of Unicode are text": (
        "data: a\u2028b\x0bc\x85\n\n".encode(),
        [Event("a\u2028b\x0bc\x85".encode())],
    ),
    "blank lines only": (b"\n\n\r\n\r\r\n", []),
    "nothing": (b"", []),
}


def decoded(decoder, chunks):
    return [item for chunk in chunks for item in decoder.feed(chunk)] + decoder.flush()


def cut(data, places):
    at = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(at)]


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_events_are_what_the_standard_says_however_they_are_cut(name, size):
    data, events = STREAMS[name]
    assert decoded(SSEDecoder(), [data[at : at + size] for at in range(0, len(data), size)]) == events


LINES = st.lists(
    st.sampled_from(
        [b"data: ", b"data", b":", b"event: x", b"id: 7", b"\xc3\xbc", "🦊".encode(), b"", b"{}", b"\xef\xbb\xbf"]
    ),
    max_size=6,
).map(b"".join)
STREAM = st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r", b"\r\n"])).map(b"".join), max_size=20).map(b"".join)
PLACES = st.lists(st.integers(0, 10_000), max_size=30)


@given(STREAM, PLACES)
def test_any_chunking_gives_the_same_events(data, places):
    assert decoded(SSEDecoder(), cut(data, places)) == decoded(SSEDecoder(), [data])


@given(st.binary(max_size=300), PLACES)
def test_any_bytes_give_the_same_lines_in_any_chunking(data, places):
    lines = decoded(LineDecoder(), cut(data, places))
    assert lines == data.splitlines()


@given(st.lists(st.text().map(lambda text: text.encode("utf-8", "replace")), max_size=8), PLACES)
def test_what_is_sent_as_an_event_comes_out_as_its_data(texts, places):
    sent = [text.replace(b"\r", b"\n") for text in texts]
    stream = b"".join(b"".join(b"data: %b\n" % line for line in text.split(b"\n")) + b"\n" for text in sent)
    assert [event.data for event in decoded(SSEDecoder(), cut(stream, places))] == sent


@given(st.lists(st.sampled_from([b'{"a": "\xc3\xbc"}', b"[1]", b"3", b"", b"  "]), max_size=10), PLACES, st.booleans())
def test_json_lines_come_out_whole_and_blank_ones_not_at_all(lines, places, ended):
    stream = b"\r\n".join(lines) + (b"\n" if ended else b"")
    assert decoded(JSONLinesDecoder(), cut(stream, places)) == [line for line in lines if line.strip()]


@pytest.mark.parametrize("decoder", [LineDecoder(10), JSONLinesDecoder(10), SSEDecoder(10)])
def test_a_line_without_end_is_refused(decoder):
    with pytest.raises(MalformedReplyError, match="longer than 10 bytes"):
        decoded(decoder, [b"data: 0123", b"456789"])


def test_an_event_of_endless_lines_is_refused():
    with pytest.raises(MalformedReplyError, match="an event of the stream is longer than 10 bytes"):
        decoded(SSEDecoder(10), [b"data: 0\n"] * 20)


def test_a_long_line_in_small_chunks_costs_no_more_than_its_length():
    decoder = LineDecoder()
    for _ in range(200_000):
        decoder.feed(b"x" * 10)
    assert decoder.feed(b"\n") == [b"x" * 2_000_000]
