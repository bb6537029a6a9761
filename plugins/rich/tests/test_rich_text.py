"""Texts made fit for a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_plus.messages import Image, Text, ToolCall, Usage
from core_plus_rich import text as words


@pytest.mark.parametrize(
    ("raw", "fit"),
    [
        ("plain, with\ttab\nand 東京 😀", "plain, with\ttab\nand 東京 😀"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("\x1b[2J", "␛[2J"),
        ("a\r\nb", "a\nb"),
        ("a\rb", "a␍b"),
        ("\x7f\x00", "␡␀"),
        ("\x9b2J", "\\x9b2J"),
        ("access\u202e\u2066", "access\\u202e\\u2066"),
        ("half \ud83d", "half \ufffd"),
        ("one\u2028line", "one\\u2028line"),
    ],
)
def test_what_acts_on_a_terminal_is_shown_instead(raw, fit):
    assert words.clean(raw) == fit


@given(st.text(st.characters(categories=None)))
def test_no_text_keeps_anything_that_acts_on_a_terminal(raw):
    fit = words.clean(raw)
    assert not words.UNSAFE.search(fit)
    assert words.clean(fit) == fit
    fit.encode()


@pytest.mark.parametrize(
    ("printed", "left"), [("10%\r50%\r100%", "100%"), ("100%\r", "100%"), ("plain", "plain"), ("a\r\x1b[1mb", "b")]
)
def test_a_progress_bar_leaves_what_it_wrote_last(printed, left):
    assert words.printed_line(printed) == left


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("two\nlines", "two ⏎ lines"),
        (Text("words"), "words"),
        (4.5, "4.5"),
        (None, "None"),
        ({"a": [1, 2]}, "{'a': [1, 2]}"),
        (b"\x00" * 5_000, "<5.0 kB>"),
        (Image(data=b"1234", name="cat.png"), "<cat.png, image/png, 4 bytes>"),
        (Image(url="https://example.org/a.png"), "<image/png, https://example.org/a.png>"),
        ([b"\x00" * 2_000_000], "[<2.0 MB>]"),
    ],
)
def test_a_value_is_described_on_one_line(value, shown):
    assert words.describe(value) == shown


def test_a_value_whose_repr_fails_is_described_all_the_same():
    class Broken:
        def __repr__(self):
            raise RuntimeError("no")

    assert "Broken" in words.describe(Broken())


def test_a_long_value_is_cut_and_never_walked_through():
    class Endless(list):
        def __iter__(self):
            for number in range(1_000_000):
                assert number < 1_000, "walked through all of it"
                yield number

    assert len(words.describe(Endless([0] * 1_000_000))) < 2_000
    assert words.describe("x" * 1_000_000, 10) == "x" * 10 + "…"


def test_a_call_shows_its_arguments_by_name():
    assert words.call(ToolCall("1", "go", {"to": "Oslo\n", "days": 2})) == ("go", "to='Oslo\\n', days=2")


def test_a_call_whose_arguments_are_no_json_shows_them_as_they_are():
    assert words.call(ToolCall("1", "go", '{"to": "Os')) == ("go", '{"to": "Os')


@pytest.mark.parametrize(
    ("error", "brief"),
    [
        ("no such city", "no such city"),
        ("Traceback (most recent call last):\n  File x, line 2\nValueError: no", "ValueError: no"),
        ("It failed.\nTraceback (most recent call last):\n  x\nKeyError: 1", "It failed.\nKeyError: 1"),
        ("a\nb\nc\nd", "a\nb\n… 2 more lines"),
        (
            "KeyError: 1\nTraceback (most recent call last):\n"
            '  File "<code 2>", line 7, in <module>\n  File "<code 1>", line 2, in f\nKeyError: 1',
            "KeyError: 1 (line 7)",
        ),
        (
            'SyntaxError: no\n  File "<code 3>", line 1\n    x = (\n        ^\nSyntaxError: no',
            "SyntaxError: no (line 1)",
        ),
    ],
)
def test_an_error_is_shown_without_its_traceback(error, brief):
    assert words.brief_error(error, 2) == brief


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0.0 s"), (0.34, "0.3 s"), (59.94, "59.9 s"), (59.96, "1 m 00 s"), (125, "2 m 05 s"), (3720, "1 h 02 m")],
)
def test_a_duration_is_told_in_the_unit_that_suits_it(seconds, shown):
    assert words.seconds(seconds) == shown


@pytest.mark.parametrize(
    ("usage", "details", "shown"),
    [
        (Usage(), False, ""),
        (Usage(1204, 88), False, "1,204 in · 88 out"),
        (Usage(1204, 88, unknown_calls=1), False, "≈1,204 in · ≈88 out"),
        (Usage(1204, 88, cached_tokens=900), False, "1,204 in · 88 out"),
        (
            Usage(1204, 88, cached_tokens=900, reasoning_tokens=40),
            True,
            "1,204 in (900 cached) · 88 out (40 reasoning)",
        ),
    ],
)
def test_tokens_are_told_with_their_estimates_marked(usage, details, shown):
    assert words.tokens(usage, details) == shown


@pytest.mark.parametrize(("number", "shown"), [(1, "1 step"), (0, "0 steps"), (1200, "1,200 steps")])
def test_things_are_counted_in_words(number, shown):
    assert words.count(number, "step") == shown
