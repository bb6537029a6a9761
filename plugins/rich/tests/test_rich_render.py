"""The pieces that all output is made of."""

import io

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from core_plus_rich.render import Beside, code, markdown, value

SIGNS = st.text(st.sampled_from("abcdefg[]*_`#東京😀é"), max_size=300)


def printed(renderable, width):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(renderable)
    return console.file.getvalue()


def signs(text):
    return "".join(text.split())


@given(SIGNS, st.integers(12, 60), st.integers(0, 4), st.integers(0, 4))
def test_nothing_is_lost_beside_a_margin(text, width, first, rest):
    shown = printed(Beside(Text(text), Text("|" * first), Text(":" * rest)), width)
    assert signs(shown.replace("|", "").replace(":", "")) == signs(text)


@given(st.lists(st.text(st.sampled_from("abc()=+ é東"), max_size=120), max_size=5), st.integers(20, 80))
def test_no_code_is_lost_beside_its_numbers(lines, width):
    text = "\n".join(lines)
    shown = "".join(printed(part, width) for part in code(text, numbers=False))
    assert signs(shown) == signs(text)


def test_long_code_keeps_its_numbers_in_line():
    shown = [printed(part, 40) for part in code("\n".join(["x"] * 10))]
    assert shown[0] == "   1  x\n"
    assert shown[9] == "  10  x\n"


def test_code_in_a_language_that_nobody_knows_is_shown_plainly():
    assert printed(code("a b", "no such language", numbers=False)[0], 40) == "  a b\n"


@pytest.mark.parametrize("words", ["plain words", "2 < 3 and 4 > 3", "a_b_c", "1. one\n2. two", "- a\n- b"])
def test_words_are_the_same_whether_they_need_markdown_or_not(words):
    assert signs(printed(markdown(words), 40)).replace("•", "-").replace(".", "") == signs(words).replace(".", "")


class Point(msgspec.Struct):
    x: int


class Unspeakable:
    def __str__(self):
        raise RuntimeError("no")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        ("as it is", "as it is"),
        (4.5, "4.5"),
        ([1, 2], "[\n  1,\n  2\n]"),
        (Point(1), '{\n  "x": 1\n}'),
        ({"a": {1, 2} - {2}}, '{\n  "a": [\n    1\n  ]\n}'),
        ([object], "[<class 'object'>]"),
        (Unspeakable(), "<Unspeakable that can't be shown: no>"),
        ([Unspeakable()], "<list that can't be shown: no>"),
    ],
)
def test_an_answer_is_shown_whatever_it_is(item, shown):
    assert value(item) == shown
