"""Streamed tool calls, told apart whatever a server leaves out."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_plus.models import Collector
from core_plus_http.chat.decode import Reader


def read(*bodies):
    """The reply that chunks, or a whole body, add up to."""
    reader, collector = Reader("openai"), Collector()
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


CALLS = {
    "by the rules": (
        [piece(0, "a", "f", ""), piece(0, arguments='{"x"'), piece(0, arguments=":1}"), piece(1, "b", "g", "{}")],
        ["a", "b"],
    ),
    "interleaved": (
        [piece(0, "a", "f", '{"x"'), piece(1, "b", "g", "{"), piece(0, arguments=":1}"), piece(1, arguments="}")],
        ["a", "b"],
    ),
    "without index": (
        [piece(None, "a", "f", '{"x"'), piece(None, arguments=":1}"), piece(None, "b", "g", "{}")],
        ["a", "b"],
    ),
    "without index, interleaved": (
        [piece(None, "a", "f", '{"x"'), piece(None, "b", "g", "{}"), piece(None, "a", arguments=":1}")],
        ["a", "b"],
    ),
    "one index for all": ([piece(0, "a", "f", '{"x":1}'), piece(0, "b", "g", "{}")], ["a", "b"]),
    "without index or id": (
        [piece(None, None, "f", '{"x"'), piece(None, arguments=":1}"), piece(None, None, "g", "{}")],
        None,
    ),
    "with index, without id": ([piece(0, None, "f", '{"x":1}'), piece(1, None, "g", "{}")], None),
    "with empty ids": ([piece(0, "", "f", '{"x":1}'), piece(1, "", "g", "{}")], None),
    "one index, no ids": ([piece(0, None, "f", '{"x":1}'), piece(0, None, "g", "{}")], None),
    "one id for all": ([piece(0, "a", "f", '{"x":1}'), piece(1, "a", "g", "{}")], None),
    "id and name in every piece": (
        [piece(0, "a", "f", '{"x"'), piece(0, "a", "f", ":1}"), piece(1, "b", "g", "{}")],
        ["a", "b"],
    ),
    "another id in every piece": (
        [piece(0, "a", "f", '{"x"'), piece(0, "z", None, ":1}"), piece(1, "b", "g", "{}")],
        ["a", "b"],
    ),
    "the id late": ([piece(0, None, "f", '{"x"'), piece(0, "a", None, ":1}"), piece(1, "b", "g", "{}")], None),
}


@pytest.mark.parametrize("name", CALLS)
def test_streamed_calls_are_told_apart_whatever_a_server_leaves_out(name):
    pieces, ids = CALLS[name]
    reply = read(*(chunk(tool_calls=[each]) for each in pieces), chunk("tool_calls"))
    assert [(call.name, call.arguments) for call in reply.message.tool_calls] == [("f", {"x": 1}), ("g", {})]
    found = [call.id for call in reply.message.tool_calls]
    assert all(found)
    assert len(set(found)) == 2
    assert ids is None or found == ids


def test_the_same_tool_called_twice_without_index_or_id_is_two_calls():
    pieces = [piece(None, None, "f", '{"x":1}'), piece(None, None, "f", '{"x":2}')]
    assert [call.arguments for call in read(chunk(tool_calls=pieces)).message.tool_calls] == [{"x": 1}, {"x": 2}]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
ARGUMENTS = st.dictionaries(st.text(max_size=5), VALUES, max_size=2)


@given(st.lists(ARGUMENTS, min_size=1, max_size=3), st.integers(1, 9), st.booleans())
def test_arguments_reassemble_however_they_are_cut(calls, size, indexed):
    pieces = []
    for number, arguments in enumerate(calls):
        text = json.dumps(arguments)
        cuts = [text[at : at + size] for at in range(0, len(text), size)]
        index = number if indexed else None
        pieces += [piece(index, f"c{number}", "f", ""), *(piece(index, None, None, cut) for cut in cuts)]
    reply = read(*(chunk(tool_calls=[each]) for each in pieces))
    assert [call.arguments for call in reply.message.tool_calls] == calls
