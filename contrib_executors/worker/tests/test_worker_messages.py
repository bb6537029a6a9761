"""What a worker may say."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_plus_worker import messages
from core_plus_worker.messages import Decoder, encoded

SAID = {
    '["hello",1,[3,11,7],5,[]]': messages.Hello(1, (3, 11, 7), 5, []),
    '["ready"]': messages.Ready(),
    '["refused","why"]': messages.Refused("why"),
    '["call",1,"f",[1],{},false]': messages.Call(1, "f", [1], {}, False),
    '["waits"]': messages.Waits(),
    '["print",1,"a\\n"]': messages.Print(1, "a\n"),
    '["done",{"$":["int","0x5"]},true,false,null,[0,0],false]': messages.Done(
        {"$": ["int", "0x5"]}, True, False, None, (0, 0), False
    ),
    '["done",null,false,false,["E","m","t",3],[0,0],false,"later versions may say more"]': messages.Done(
        None, False, False, ("E", "m", "t", 3), (0, 0), False
    ),
    '["print",1,"\\ud800"]': messages.Print(1, "\ud800"),
    '["refused","\\ud83e\\udd8a ü"]': messages.Refused("🦊 ü"),
}

GARBAGE = [
    b"",
    b"null",
    b"{}",
    b"[]",
    b'["eval","1"]',
    b'["call"]',
    b'["call","1","f",[],{},false]',
    b'["call",1,"f",[],{}]',
    b'["done",1]',
    b'["hello",1,[3],5,[]]',
    b'["print",1,"a"',
    b'["print",1,"\xff"]',
    b'["print",1,"\\ud800"',
    b'["call",1,"f",[NaN],{},false]'[:-1],
    b"\x00\x01\x02",
    b"[" * 100_000,
    b'["call",1,"f",' + b"[" * 50_000 + b"]" * 50_000 + b",{},false]",
    b'["refused",' + b"9" * 5000 + b"]",
]


@pytest.mark.parametrize("text", SAID)
def test_a_message_is_read(text):
    assert Decoder().decode(text.encode()) == SAID[text]


@pytest.mark.parametrize("frame", GARBAGE, ids=lambda frame: repr(frame[:30]))
def test_garbage_is_no_message(frame):
    with pytest.raises(ValueError):  # noqa: PT011  # whatever the reason, it is of this kind
        Decoder().decode(frame)


@settings(deadline=None)
@given(st.binary())
def test_whatever_comes_is_a_message_or_refused(frame):
    with pytest.raises(ValueError):  # noqa: PT011  # as above
        Decoder().decode(frame)


def test_a_message_of_too_many_values_is_refused_before_it_takes_memory():
    frame = b'["call",1,"f",[' + b"[]," * (messages.MAX_NODES // 2) + b"[]],{},false]"
    with pytest.raises(ValueError, match="4,000,000 values"):
        Decoder().decode(frame)


@settings(deadline=None)
@given(st.text(st.characters()))
def test_a_message_for_the_worker_is_json_whatever_the_text(text):
    assert json.loads(encoded(["run", 1, text])) == ["run", 1, text]
