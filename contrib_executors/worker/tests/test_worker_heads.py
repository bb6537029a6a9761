"""Heads of messages: JSON, and MessagePack for large ones where both sides have it."""

import json
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_plus.executors import Paused
from core_plus_worker import messages
from core_plus_worker.inside import heads
from core_plus_worker.messages import Decoder

TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
ROWS = "[{'n': i, 'name': f'row {i}', 'f': i / 7, 'of': [i, None, True]} for i in range(500)]"
VALUE = [{"n": i, "name": f"row {i}", "f": i / 7, "of": [i, None, True]} for i in range(500)]


@settings(deadline=None, max_examples=40)
@given(TREES)
def test_the_fast_writer_writes_what_json_writes(tree):
    text = heads.json_writer()(tree)
    assert json.loads(text) == tree
    assert text.isascii()


@pytest.mark.parametrize("stands", [None, lambda: None])
def test_without_the_encoder_in_c_it_is_jsons_own(monkeypatch, stands):
    with monkeypatch.context() as patch:
        patch.setattr("json.encoder.c_make_encoder", stands)
        write = heads.json_writer()
    assert write([1, "ü"]) == '[1,"\\u00fc"]'


@pytest.fixture
def seen(monkeypatch):
    """The first bytes of all that comes."""
    found: list[bytes] = []
    decode = Decoder.decode

    def spy(self: Decoder, frame: bytes) -> Any:
        found.append(frame[:1])
        return decode(self, frame)

    monkeypatch.setattr(Decoder, "decode", spy)
    return found


def test_large_values_and_calls_come_in_messagepack_once_there_was_a_large_one(opened, finished, seen):
    session = opened(functions=("f",))
    for _ in range(2):
        assert finished(session, ROWS).value == VALUE
        turn = session.start(f"f({ROWS}, k=2)")
        assert isinstance(turn, Paused)
        assert (turn.requests[0].args, turn.requests[0].kwargs) == ((VALUE,), {"k": 2})
        session.interrupt()
        session.resume([])
    assert seen.count(heads.DONE[:1]) == 1
    assert seen.count(heads.CALL[:1]) == 2
    assert finished(session, "1 + 1").value == 2
    assert finished(session, "x = ['\\ud800'] * 1000\nx").value == ["\ud800"] * 1000


def test_an_interpreter_without_a_library_for_it_goes_on_in_json(opened, finished, seen):
    session = opened("/usr/bin/env", sys.executable, "-S")
    for _ in range(3):
        assert finished(session, ROWS).value == VALUE
    assert set(seen) == {b"["}


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (b"\x97" + b"\x90" * (heads.MOST + 5000), "in MessagePack; at most"),
        (b"\x97\xa4done", "truncated"),
        (b"\x97\xa4exec" + b"\xc0" * 6, "Invalid"),
        (b"\x97\xa4done" + b"\x91" * 5000 + b"\xc0" * 10, "."),
        (b"\x96\xa4call" + b"\xc0" * 5, "Expected"),
    ],
)
def test_messagepack_that_is_no_message_is_refused(frame, text):
    with pytest.raises(ValueError, match=text):
        Decoder().decode(frame)


def test_both_spellings_say_the_same():
    done = ["done", [1, {"a": None}], True, False, None, [0, 0], False]
    packed = msgspec.msgpack.encode(done)
    assert packed.startswith(heads.DONE)
    assert Decoder().decode(packed) == Decoder().decode(messages.encoded(done))
    call = ["call", 7, "f", [1], {"k": 2}, True]
    assert msgspec.msgpack.encode(call).startswith(heads.CALL)
    assert Decoder().decode(msgspec.msgpack.encode(call)) == messages.Call(7, "f", [1], {"k": 2}, True)
