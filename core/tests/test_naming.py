"""What is said for a name that nobody knows."""

from __future__ import annotations

import pytest

from core_plus.naming import closest


@pytest.mark.parametrize(
    ("word", "names", "words"),
    [
        ("cuont", ["count", "items"], "did you mean count?"),
        ("opnai", ["openai", "openai2", "rich"], "did you mean openai or openai2?"),
        ("x", {"items", "count"}, "there are count, items"),
        ("x", [], "there is none"),
    ],
)
def test_the_closest_names_are_said_or_else_all(word, names, words):
    assert closest(word, names) == words


def test_what_is_said_where_nothing_is_known_can_be_chosen():
    assert closest("x", (), "nothing installed") == "nothing installed"
