"""What no schema can be made of, and how docstrings are read."""

from __future__ import annotations

import sys
import types
import typing
from dataclasses import InitVar, dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import pytest

from core_plus.schema import documented, schema_of

if TYPE_CHECKING:
    from nowhere import Missing


class Picture:
    pass


@dataclass
class Album:
    pictures: list[Picture]


@dataclass
class Prepared:
    seed: InitVar[int]


@dataclass
class Unreadable:
    what: Missing


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (Picture, "the class Picture can't be described to a model: use plain types, dataclasses or typed dicts"),
        (list[Picture], "the class Picture can't"),
        (Album, "Album.pictures: the class Picture can't"),
        (Unreadable, "a hint of Unreadable can't be read .*'Missing' is not defined.*: import what it names"),
        (Prepared, "Prepared.seed: .*InitVar"),
        (types.FunctionType, "the class function can't"),
        (typing.Callable[[int], int], "Callable can't be described"),
        (typing.Iterator[int], "the class Iterator can't be described"),
        (complex, "the class complex can't"),
        (type[int], "the class type can't"),
        (dict[tuple[int, int], str], r"dict\[tuple\[int, int\], str\] can't .* keys in JSON are text"),
        (Literal[b"a"], r"Literal\[b'a'\] can't"),
        (5, "5 can't be described"),
        ("int", "'int' can't be described"),
        (Annotated[str, msgspec.Meta(ge=1)], "Can only set `ge` on a numeric type"),
    ],
)
def test_a_type_that_json_cannot_carry_is_refused_by_name_with_the_way_out(hint, words):
    with pytest.raises(TypeError, match=words):
        schema_of(hint)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the statement is new in 3.12")
def test_a_type_statement_may_speak_of_itself():
    names: dict[str, Any] = {}
    exec("type Tree = dict[str, Tree] | int\ntype Many[T] = list[T]", names)
    assert schema_of(names["Tree"])["$defs"]["Tree"]["anyOf"][0]["additionalProperties"] == {"$ref": "#/$defs/Tree"}
    assert schema_of(names["Many"][int]) == {"type": "array", "items": {"type": "integer"}}


GOOGLE = """Search.

More words.

Args:
    query: What to
        look for.
    limit (int): How many.

Returns:
    The titles.
"""
NUMPY = """Search.

More words.

Parameters
----------
query : str
    What to
    look for.
limit : int
    How many.

Returns
-------
list
    The titles.
"""
REST = """Search.

More words.

:param query: What to
    look for.
:param limit: How many.
:returns: The titles.
"""


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, REST], ids=["google", "numpy", "rest"])
def test_a_docstring_is_read_in_all_three_forms(text):
    assert documented(text) == (
        "Search.\n\nMore words.",
        {"query": "What to look for.", "limit": "How many."},
        "The titles.",
    )


@pytest.mark.parametrize("text", [None, "", "\n   \n"])
def test_no_docstring_says_nothing(text):
    assert documented(text) == ("", {}, "")
