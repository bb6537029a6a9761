import pytest

from core_plus.messages import Message, Text, ToolCall, ToolResult, encoded, message
from core_plus_http import call_id, call_name, called_names, settled

ASKED = message("user", "add")
CALL = message("assistant", ["so", ToolCall("c1", "add", {})])
CALLS = message("assistant", [ToolCall("c1", "add", {}), ToolCall("c2", "now", {})])
ONE = ToolResult("c1", "add", (Text("3"),))
TWO = ToolResult("c2", "now", (Text("noon"),), is_error=True)
MORE = message("user", "go on")
SOUND = {
    "nothing": (),
    "words": (ASKED, message("assistant", "so"), MORE),
    "a call and its result": (ASKED, CALL, message("tool", ONE), MORE),
    "results in one message": (ASKED, CALLS, message("tool", [ONE, TWO])),
    "results in another order": (ASKED, CALLS, message("tool", [TWO, ONE])),
    "results in messages of their own": (ASKED, CALLS, message("tool", TWO), message("tool", ONE), MORE),
    "words after the last result": (ASKED, CALLS, message("tool", ONE), message("tool", [TWO, "see?"])),
    "an id in two turns": (CALL, message("tool", ONE), CALL, message("tool", ONE)),
}


def lost(id, name):
    return ToolResult(id, name, (Text("no result was kept"),), is_error=True)


def words(text, *parts):
    return Message("user", (Text(f"An earlier call of {text}:\n"), *parts))


TWINS = message("assistant", [ToolCall("c1", "add", {}), ToolCall("c1", "add", {"a": 1})])
MENDED = {
    "a result without its call": ((message("tool", ONE), MORE), [words("add gave", Text("3")), MORE]),
    "an error without its call": ((message("tool", TWO),), [words("now failed with", Text("noon"))]),
    "a call without its result": ((ASKED, CALL), [ASKED, CALL, message("tool", lost("c1", "add"))]),
    "one of two results": (
        (CALLS, message("tool", TWO), MORE),
        [CALLS, message("tool", [lost("c1", "add"), TWO]), MORE],
    ),
    "a result that came late": ((CALL, MORE, message("tool", ONE)), [CALL, message("tool", ONE), MORE]),
    "words between results": (
        (CALLS, message("tool", [ONE, "hm"]), message("tool", TWO)),
        [CALLS, message("tool", [ONE, TWO]), message("user", "hm")],
    ),
    "a result given twice": (
        (CALL, message("tool", ONE), message("tool", ONE)),
        [CALL, message("tool", ONE), words("add gave", Text("3"))],
    ),
    "an id that is used again before it was answered": (
        (CALL, CALL, message("tool", ONE)),
        [CALL, message("tool", lost("c1", "add")), CALL, message("tool", ONE)],
    ),
    "results in the user's name": (
        (CALL, message("user", ["hm", ONE])),
        [CALL, message("tool", ONE), message("user", "hm")],
    ),
    "two calls of one id": (
        (TWINS, message("tool", ONE), message("tool", ToolResult("c1", "add", (Text("4"),)))),
        [
            message("assistant", [ToolCall("c1", "add", {}), ToolCall("c1_2", "add", {"a": 1})]),
            message("tool", [ONE, ToolResult("c1_2", "add", (Text("4"),))]),
        ],
    ),
}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_conversation_stays_as_it_is(name):
    assert settled(SOUND[name]) is SOUND[name]


@pytest.mark.parametrize("name", MENDED)
def test_a_broken_one_is_mended(name):
    broken, mended = MENDED[name]
    assert settled(broken) == mended
    assert settled(settled(broken)) == mended


def test_what_was_mended_is_encoded_once():
    for broken, _ in MENDED.values():
        first = [encoded(each, "test", lambda found: repr(found).encode()) for each in settled(broken)]
        again = [encoded(each, "test", lambda _: b"again") for each in settled(broken)]
        assert again == first


def test_a_message_that_is_mended_in_two_ways_says_the_right_thing_each_time():
    alone, answered = (ASKED, CALLS, message("tool", ONE)), (ASKED, CALLS, message("tool", TWO))
    for _ in range(2):
        assert settled(alone)[2].parts == (ONE, lost("c2", "now"))
        assert settled(answered)[2].parts == (lost("c1", "add"), TWO)


@pytest.mark.parametrize("given", ["call_1", "a-b_C9", "x" * 64])
def test_an_id_of_the_strictest_form_is_kept(given):
    assert call_id(given) == given


@pytest.mark.parametrize("given", ["", "functions.add:0", "x" * 65, "\ud800", "a b"])
def test_another_id_becomes_one_of_that_form_always_the_same(given):
    found = call_id(given, 40)
    assert (len(found), found.isalnum(), found) == (40, True, call_id(given, 40))


def test_a_made_up_name_is_written_in_letters_that_all_take():
    assert [call_name(name) for name in ("add", "ns.add", "", "é" * 70)] == ["add", "ns_add", "_", "_" * 64]


def test_the_names_of_what_was_called_come_each_once():
    assert called_names((CALLS, MORE, CALL)) == ["add", "now"]
