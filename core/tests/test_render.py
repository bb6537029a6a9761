"""Values as a model reads them: long ones lose their middle and say how much of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_plus.render import cut, show


@given(st.text(), st.integers(0, 50))
def test_a_text_is_whole_or_says_how_much_is_left_out(text, most):
    shown = cut(text, most)
    if len(text) <= most:
        assert shown == text
    else:
        mark = f"\n[… {len(text) - most} characters left out …]\n"
        head, tail = text[: most // 2], text[len(text) - (most - most // 2) :]
        assert shown == head + mark + tail
        assert len(shown) == most + len(mark)


@pytest.mark.parametrize(("value", "words"), [("a\nb", "a\nb"), ("", ""), (5, "5"), (None, "None"), (["a"], "['a']")])
def test_words_are_shown_as_they_are_and_values_as_python_writes_them(value, words):
    assert show(value) == words


def test_a_value_whose_repr_is_long_is_cut():
    assert re.fullmatch(r"\[0, 0.*\n\[… \d+ characters left out …\]\n.*0, 0\]", show([0] * 1000, 100))
