"""What goes into a journal comes out the same: values, messages, records, and the tape of any beginning of a run."""

from __future__ import annotations

import functools
import math
import struct
from collections import Counter
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_doubles import Desk, World, lines_of
from journal_rich import agent, house

from core_plus import JournalError, Usage, errors
from core_plus.effects import Allow, Ask, Continue, Deny, Edit, Outcome, Retry, Stop
from core_plus.events import NoteStep
from core_plus.executors import CodeError, CodeRequest, Done, Output, Paused
from core_plus.memory import as_data
from core_plus.messages import Audio, File, Image, Message, Text, Thinking, ToolCall, ToolResult, message
from core_plus.models import ModelResponse
from core_plus_journal import outcomes, records
from core_plus_journal.journal import Journal
from core_plus_journal.memory import MemoryStore
from core_plus_journal.records import End, Header, Intent, Resumed, Said, line_of, record_of
from core_plus_journal.tape import Tape
from core_plus_journal.values import dumps, loads, same, struct_of, tree_of, value_of

texts = st.text(st.characters(exclude_categories=[]), max_size=12)
"""Half surrogate pairs too."""
plain = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.binary(max_size=12)
days = st.dates() | st.datetimes() | st.times() | st.timedeltas()
parts = st.builds(Image, st.binary(min_size=1, max_size=4), media_type=st.just("image/png")) | st.builds(
    Audio, st.binary(min_size=1, max_size=4), media_type=st.just("audio/wav")
)
hashable = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.binary(max_size=5) | st.dates()
values = st.recursive(
    plain | days | st.decimals(allow_nan=False) | st.fractions() | st.complex_numbers(allow_nan=False) | parts,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(hashable, inner, max_size=3)
        | st.sets(hashable, max_size=3)
        | st.frozensets(hashable, max_size=3)
    ),
    max_leaves=12,
)


def alike(one, other):
    """Equal, of the same types all the way down, NaN like NaN and -0.0 unlike 0.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return struct.pack("d", one) == struct.pack("d", other) or (math.isnan(one) and math.isnan(other))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict):
        return [*one] == [*other] and all(alike(one[key], other[key]) for key in one)
    return bool(one == other)


def through(data):
    """As a journal has it."""
    return loads(dumps(data))


@given(values)
def test_a_value_comes_back_the_same(value):
    assert alike(value_of(through(tree_of(value))), value)


@given(values)
def test_a_tree_is_the_same_as_itself_out_of_a_journal(value):
    assert same(through(tree_of(value)), tree_of(value))


@given(values, values)
def test_different_values_have_different_trees(one, other):
    if not alike(one, other) and one != other:
        assert not same(tree_of(one), tree_of(other))


ODD = [
    float("nan"), float("-inf"), -0.0, 2**200, Decimal("1e-9"), Fraction(1, 3),
    "\ud800", "\udfff a", b"\xff\x00", Counter("aab"), {(1, 2): {3}},
    {"\ud800": "\ud801"}, {"$": 1}, {"$part": "Image"}, {"$parts": [1]}, {"$hidden": True},
    [Image(b"x", "http://x/y"), 1], Image(url="http://x"), Text("x"), [Text("x"), 1], (1, Text("x")),
]  # fmt: skip


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_odd_values_come_back(value):
    found = value_of(through(tree_of(value)))
    assert alike(found, value) or (type(value) not in (dict, list, tuple, str, bytes) and found == value)


def test_what_has_no_form_becomes_what_its_repr_says():
    class Thing:
        def __repr__(self):
            return "<a thing>"

    assert "<a thing>" in repr(value_of(through(tree_of([Thing()]))))


def test_what_contains_itself_is_refused():
    loop: list = []
    loop.append(loop)
    with pytest.raises(JournalError, match="can't be kept in the journal"):
        tree_of(loop)


# ---- messages and replies ---------------------------------------------------------

spoken = st.text(max_size=10)
arguments = st.dictionaries(
    st.text(max_size=5), st.none() | st.booleans() | st.integers(-(2**53), 2**53) | spoken, max_size=3
)
said = st.lists(
    st.builds(Text, spoken)
    | st.builds(Thinking, spoken)
    | st.builds(ToolCall, spoken, st.just("pay"), arguments)
    | st.builds(ToolResult, spoken, st.just("pay"), st.tuples(st.builds(Text, spoken)), st.booleans())
    | st.builds(Image, st.binary(min_size=1, max_size=5), media_type=st.just("image/png"))
    | st.builds(File, url=spoken, media_type=st.just("application/pdf"), name=spoken),
    max_size=4,
).map(tuple)
messages = st.builds(Message, st.sampled_from(["user", "assistant", "tool"]), said)


@given(messages)
def test_a_message_comes_back_the_same(one):
    assert struct_of(through(as_data(one)), Message) == one


def test_a_reply_comes_back_with_all_that_the_provider_said():
    one = ModelResponse(
        Message("assistant", (Thinking("hm"), Text("\ud83d\ude00"[:1] + "x"), ToolCall("a", "pay", {"n": 1.5}))),
        Usage(10, 5), finish_reason="tool_calls", model="m",
    )  # fmt: skip
    assert struct_of(through(as_data(one)), ModelResponse) == one


# ---- what plugins and code say ------------------------------------------------------

WORDS = [
    Allow("why", 5), Ask("Go?", ("a", "b"), {"x": 1}), Deny("no"), Continue(), Stop({"a": b"x"}, "enough"), Stop(),
    Retry(0.5, None, "busy"), Edit((NoteStep(number=1, messages=(message("user", "x"),)),)), None, True, [1, (2,)],
    Outcome([b"x"]), Outcome(ModelResponse(message("assistant", "hi"))),
]  # fmt: skip


@pytest.mark.parametrize("word", WORDS, ids=lambda word: type(word).__name__)
def test_a_word_comes_back_the_same(word):
    assert outcomes.word_of(through(outcomes.word_data(word))) == word


@pytest.mark.parametrize("kind", [errors.RateLimitError, errors.ServerError, errors.CutStreamError, errors.ModelError])
def test_an_error_of_a_provider_comes_back_with_its_facts(kind):
    error = kind("no room", provider="p", model="m", status=429, request_id="q", retry_after=1.5)
    found = outcomes.error_of(through(outcomes.error_data(error)))
    assert type(found) is kind
    assert (str(found), vars(found)) == (str(error), vars(error))


def test_an_error_of_an_unknown_class_comes_back_by_its_name():
    class OddError(Exception):
        pass

    found = outcomes.error_of(through(outcomes.error_data(OddError("it is odd"))))
    assert str(found) == "OddError: it is odd"
    assert isinstance(found, errors.AgentError)


TURNS = [
    Paused((CodeRequest(1, "pay", (1, b"x"), {"k": (2,)}),), (Output("a\n", "stdout"),), True),
    Paused(running=True),
    Done(value=float("inf"), has_value=True, stdout="out", stderr="err"),
    Done(value=[1], is_final=True, has_value=True),
    Done(error=CodeError("ValueError", "bad", traceback="tb", line=3)),
    Done(value=None, has_value=True),
]


@pytest.mark.parametrize("turn", TURNS, ids=range(len(TURNS)))
def test_a_turn_of_code_comes_back_the_same(turn):
    class Nobody:
        class bound:  # noqa: N801
            tools: dict = {}

    assert outcomes._turn(through(outcomes._turn_data(Nobody, turn))) == turn


# ---- records --------------------------------------------------------------------

trees = values.map(tree_of)
clock = st.floats(0, 1e9)
few = st.dictionaries(spoken, trees, max_size=2)
names = st.dictionaries(spoken, spoken, max_size=2)
kinds = st.sampled_from(["model", "tool", "code"])
all_records = (
    st.builds(Header, version=st.just(1), id=spoken, task=texts, began=spoken, agent=names, variables=few)
    | st.builds(Intent, key=spoken, kind=kinds, at=clock, step=st.integers(0, 99), what=few)
    | st.builds(records.Outcome, key=spoken, at=clock, value=trees, variables=few, gone=st.lists(spoken, max_size=2))
    | st.builds(Said, key=spoken, word=few)
    | st.builds(Resumed, when=spoken)
    | st.builds(End, state=spoken, at=clock, error=st.none() | texts, output=texts)
)


@given(all_records)
def test_a_record_comes_back_the_same_from_its_line(record):
    line = line_of(record)
    assert b"\n" not in line
    assert line_of(record_of(line, "here")) == line


@given(st.binary(max_size=40))
def test_any_bytes_are_a_record_or_a_clear_error(line):
    found = None
    try:
        record_of(line, "line 7")
    except JournalError as error:
        found = str(error)
    assert found is None or found.startswith("line 7: ")


# ---- the tape -------------------------------------------------------------------


@functools.cache
def kept():
    store = MemoryStore()
    with house() as home:
        agent(World(), home).run("Go", journal=Journal(store), run_id="r", ui=Desk("red"))
    return Journal(store).load("r"), len(lines_of(store, "r"))


@given(st.integers(0, 200))
def test_of_any_beginning_of_a_run_a_tape_is_made(number):
    (header, rest), _ = kept()
    some = rest[:number]
    tape = Tape(header, some)
    begun = {one.key for one in some if isinstance(one, Intent)}
    ended = {one.key for one in some if isinstance(one, records.Outcome)}
    assert set(tape.kept) == ended
    assert set(tape.pending) == begun - ended
    assert all(tape.is_known(key) for key in begun)
    assert not tape.is_known("no such key")
    assert all(tape.attempts[key] == 1 for key in begun)
    ats = [one.at for one in some if hasattr(one, "at")]
    assert tape.seconds == (ats[-1] if ats else 0)
    for prefix in {key.rpartition(".")[0] for key in begun if "." in key}:
        assert tape.is_known(prefix)
