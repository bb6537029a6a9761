"""Frames that nobody wrote: whatever comes, the host is told of it by one error, and keeps its memory."""

import contextlib
import json
import struct
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core_plus.executors import Done, Limits, Paused, Setup
from core_plus_worker import Codec, CodecError, WorkerSession
from core_plus_worker.inside.frames import BLOB, LENGTH
from core_plus_worker.inside.pack import LONGEST_FRACTION
from core_plus_worker.inside.unpack import ALIKE, WAYS
from core_plus_worker.messages import Decoder
from core_plus_worker.session import media

HONEST = [
    b'["call",1,"f",[1,"a",{"$":["tuple",[1,2]]}],{"k":{"$":["bytes",0]}},false]',
    b'["done",{"$":["dict",[1,2],["a","b"]]},true,false,null,[0,0],false]',
    b'["done",{"$":["ndarray","<i8",[2],0]},true,false,["ValueError","x","t",3],[0,7],true]',
    b'["print",1,"text"]',
    b'["waits"]',
    b'["hello",1,[3,11,7],5,[]]',
]
KINDS = sorted([*WAYS, *Codec(media)._ways])

PARTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["<i8", "<f8", "|O", "<U4", "<M8[ns]", "int64", "category", "range", "tuples", "UTC", "0x1f"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.builds(lambda kind, parts: {"$": [kind, *parts]}, st.sampled_from(KINDS), st.lists(inner, max_size=5))
    ),
    max_leaves=12,
)


@st.composite
def mutated(draw: Any) -> bytes:
    """An honest message with a few bytes changed, doubled or missing."""
    data = bytearray(draw(st.sampled_from(HONEST)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        piece = draw(st.binary(max_size=3) | st.sampled_from([b"[", b"]", b'"', b",", b"{", b"1e999", b"\\ud800"]))
        data[place : place + draw(st.integers(0, 3))] = piece
    return bytes(data)


@settings(deadline=None, max_examples=150)
@given(mutated() | st.binary(max_size=60))
def test_a_message_is_read_or_refused(frame):
    codec, blobs = Codec(media), [b"12345678" * 2]
    with contextlib.suppress(ValueError):
        said = Decoder().decode(frame)
        for name in ("value", "args", "kwargs"):
            with contextlib.suppress(CodecError):
                codec.decode(getattr(said, name, None), blobs)


@settings(deadline=None, max_examples=150)
@given(PARTS, st.lists(st.sampled_from([b"", b"12345678", b"\xff" * 24]), max_size=3))
def test_a_tree_of_real_kinds_with_forged_parts_is_read_or_refused(tree, blobs):
    with contextlib.suppress(CodecError):
        Codec(media).decode(tree, blobs)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(mutated().map(lambda frame: LENGTH.pack(len(frame)) + frame) | st.binary(max_size=30), max_size=4))
def test_a_session_told_nonsense_ends_the_snippet_and_nothing_else(scripted, chunks):
    process = scripted(scripted.HELLO, scripted.READY)
    session = WorkerSession(process, Setup(functions=("f",), limits=Limits(seconds=5)), restart=refuse)
    for chunk in chunks:
        process._theirs.sendall(chunk)
    process._theirs.shutdown(1)
    turn = session.start("code")
    for _ in range(20):
        if isinstance(turn, Done):
            break
        assert isinstance(turn, Paused)
        turn = session.resume([])
    assert isinstance(turn, Done)
    session.close()


def refuse() -> Any:
    raise AssertionError("no other worker should be started")


BOMBS = {
    "a text many times over": [{"$": ["text", 0]}] * 1000,
    "bytes many times over": [{"$": ["bytes", 0]}] * 1000,
    "a fraction that takes minutes to shorten": {
        "$": [
            "fraction",
            {"$": ["int", "0x3" + "5" * LONGEST_FRACTION]},
            {"$": ["int", "0x7" + "1" * LONGEST_FRACTION]},
        ]
    },
    "keys of one hash": {"$": ["set", [{"$": ["int", hex((2**61 - 1) * n)]} for n in range(1, ALIKE + 3)]]},
    "a list of a range": {"$": ["tuple", {"$": ["range", 0, 10**15, 1]}]},
    "a column of a range": {
        "$": [
            "series",
            "s",
            ["int64", {"$": ["range", 0, 10**15, 1]}, None],
            {"$": ["index", ["int64", [], None], [None]]},
        ]
    },
    "dates of a range": {"$": ["index", ["<M8[ns]", {"$": ["range", 0, 10**15, 1]}, "UTC"], [None]]},
    "rows beyond counting": {
        "$": [
            "series",
            "s",
            ["int64", [], None],
            {"$": ["index", ["range", {"$": ["range", 0, 10**15, 1]}, None], [None]]},
        ]
    },
    "an array larger than its bytes": {"$": ["ndarray", "<f8", [10**9, 10**9], 0]},
    "a polars column of a range": {"$": ["polars", ["a"], [["Int64", {"$": ["range", 0, 10**15, 1]}]]]},
}


@pytest.mark.parametrize("what", BOMBS)
def test_little_that_stands_for_much_is_refused(what):
    with pytest.raises(CodecError):
        Codec(media).decode(BOMBS[what], [b"x" * 1000])


def test_a_promise_of_much_takes_no_memory(scripted):
    import resource

    def peak() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    process = scripted(scripted.HELLO, scripted.READY)
    session = WorkerSession(process, Setup(limits=Limits(seconds=0.2, result=None)), restart=refuse)
    before = peak()
    process._theirs.sendall(struct.pack("<I", (BLOB - 1) | BLOB) + b"x" * 100)
    done = session.start("code")
    assert isinstance(done, Done)
    assert done.error is not None
    assert peak() - before < 200_000  # kilobytes, of two gigabytes that were promised
    session.close()


def test_a_long_fraction_is_shown_and_not_sent():
    from fractions import Fraction

    tree, blobs = Codec().encode(Fraction(3**20000, 2**20000))
    assert repr(Codec().decode(json.loads(json.dumps(tree)), blobs)) == "<Fraction of 31,700 and 20,001 bits>"


def test_a_call_flood_is_bounded_by_the_limit_of_calls(opened):
    session = opened(functions=("f",), limits=Limits(calls=50, seconds=20))
    code = "import asyncio\nawait asyncio.gather(*[f(i) for i in range(5_000)])"
    turn, seen = session.start(code), 0
    while isinstance(turn, Paused):
        seen += len(turn.requests)
        turn = session.resume([])
    assert turn.error is not None
    assert turn.error.kind == "CallLimit"
    assert seen <= 50
