"""Cutting a reply into blocks while it streams in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_plus_rich.blocks import Block, Splitter, blocks_of, thought_of


def text(words):
    return Block("text", words)


def code(words, language="python"):
    return Block("code", words, language)


@pytest.mark.parametrize(
    ("reply", "blocks"),
    [
        ("", []),
        ("one\ntwo\n\nthree", [text("one\ntwo"), text("three")]),
        ("# Head\nwords", [text("# Head"), text("words")]),
        ("say\n```python\na = 1\n\nb = 2\n```\nso", [text("say"), code("a = 1\n\nb = 2"), text("so")]),
        ("```\nplain\n```", [code("plain", "")]),
        ("````md\n```\n````", [code("```", "md")]),
        ("~~~js\nx\n~~~", [code("x", "js")]),
        ("```python\nnever closed", [code("never closed")]),
        ("say\n<code>\na = 1\n</code>", [text("say"), code("a = 1")]),
        ("<code>a = 1</code>", [code("a = 1")]),
        ("<code>a = 1</code> and so", [code("a = 1"), text(" and so")]),
        ("<python>\na < b\n</python>", [code("a < b")]),
        ("use ```inline``` fences", [text("use ```inline``` fences")]),
        ("1. one\n\n   more\n\n2. two\n\nend", [text("1. one\n\n   more"), text("2. two"), text("end")]),
        ("- a\n- b\n\nend", [text("- a\n- b"), text("end")]),
        ("a\r\nb\r\n\r\nc", [text("a\nb"), text("c")]),
        ('{"thought": "x",\n\n"code": "y"}', [code('{"thought": "x",\n\n"code": "y"}', "json")]),
    ],
)
def test_a_reply_is_cut_into_paragraphs_lists_headings_and_code(reply, blocks):
    assert blocks_of(reply) == blocks


WORDS = ("word ", "- a", "1. b", "# h", "{")
BREAKS = ("\n", "\n\n", "```python\n", "\n```\n", "<code>", "</code>", "  ", "\r\n")
PIECES = st.sampled_from((*WORDS, *BREAKS, "```"))


@given(st.lists(PIECES, max_size=30), st.data())
def test_however_a_reply_is_cut_its_blocks_are_the_same(pieces, data):
    reply = "".join(pieces)
    splitter, found = Splitter(), []
    rest = reply
    while rest:
        size = data.draw(st.integers(1, 5))
        found += splitter.feed(rest[:size])
        rest = rest[size:]
    assert found + splitter.finish() == blocks_of(reply)


@given(st.lists(st.sampled_from((*WORDS, *BREAKS)), max_size=30))
def test_no_word_of_a_reply_is_lost(pieces):
    shown = "".join(block.text for block in blocks_of("".join(pieces)))
    for word in WORDS:
        assert shown.count(word.strip()) >= pieces.count(word)


def test_a_block_is_given_as_soon_as_it_is_whole():
    splitter = Splitter()
    assert splitter.feed("one\n") == []
    assert splitter.feed("\n") == [text("one")]
    assert splitter.feed("two") == []
    assert splitter.tail(100) == "two"
    assert splitter.finish() == [text("two")]
    assert splitter.tail(100) == ""


def test_the_tail_is_the_end_of_what_is_open():
    splitter = Splitter()
    splitter.feed("```\nfirst\nsecond\nthi")
    splitter.feed("rd")
    assert splitter.in_code
    assert splitter.open_lines == 3
    assert splitter.tail(12) == "second\nthird"


def test_a_splitter_can_be_used_for_the_next_reply():
    splitter = Splitter()
    splitter.feed('{"a": 1}')
    splitter.finish()
    splitter.feed("words")
    assert splitter.finish() == [text("words")]


@pytest.mark.parametrize(
    ("reply", "thought"),
    [
        ('{"thought": "First.", "code": "x"}', "First."),
        ('{"code": "x"}', ""),
        ('{"answer": 42}', None),
        ('{"thought": "cut', None),
        ("words", None),
    ],
)
def test_the_thought_of_a_reply_in_json_is_found(reply, thought):
    assert thought_of(reply) == thought
