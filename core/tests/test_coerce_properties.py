"""What holds for every value that is made to fit a type."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import typing
import uuid
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypedDict

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_plus.coerce import validate


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclass
class Point:
    x: int
    y: float = 0.0
    tags: list[str] = field(default_factory=list)


@dataclass
class Node:
    name: str
    children: list[Node] = field(default_factory=list)
    above: Node | None = None


class Reading(msgspec.Struct, rename="camel"):
    sensor_id: int
    unit: str = "m"


class Circle(msgspec.Struct, tag=True):
    size: float


class Square(msgspec.Struct, tag=True):
    size: float


class Pair(NamedTuple):
    key: str
    value: int = 0


class Movie(TypedDict):
    title: str
    year: typing.NotRequired[int]


plain_text = st.text(st.characters(codec="utf-8"))
zones = st.sampled_from([None, dt.UTC, dt.timezone(dt.timedelta(hours=-5, minutes=-30))])
STRATEGIES: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**63), 2**63),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: plain_text,
    bool: st.booleans(),
    bytes: st.binary(),
    dt.date: st.dates(),
    dt.datetime: st.datetimes(timezones=zones),
    dt.time: st.times(),
    dt.timedelta: st.timedeltas(dt.timedelta(days=-1000), dt.timedelta(days=1000)),
    decimal.Decimal: st.decimals(allow_nan=False, allow_infinity=False),
    uuid.UUID: st.uuids(),
    Color: st.sampled_from(Color),
    Level: st.sampled_from(Level),
    Literal["a", 1, None]: st.sampled_from(["a", 1, None]),
    list[int]: st.lists(st.integers(-(2**63), 2**63)),
    tuple[int, str]: st.tuples(st.integers(-(2**63), 2**63), plain_text),
    tuple[bool, ...]: st.lists(st.booleans()).map(tuple),
    set[dt.date]: st.sets(st.dates()),
    frozenset[uuid.UUID]: st.frozensets(st.uuids()),
    dict[str, list[float]]: st.dictionaries(plain_text, st.lists(st.floats(allow_nan=False, allow_infinity=False))),
    dict[int, bytes]: st.dictionaries(st.integers(-(2**63), 2**63), st.binary()),
    bool | None: st.none() | st.booleans(),
    int | None: st.none() | st.integers(-(2**63), 2**63),
    int | str | None: st.none() | st.integers(-(2**63), 2**63) | plain_text,
    Point: st.builds(
        Point, st.integers(-(2**63), 2**63), st.floats(allow_nan=False, allow_infinity=False), st.lists(plain_text)
    ),
    Pair: st.builds(Pair, plain_text, st.integers(-(2**63), 2**63)),
    Reading: st.builds(Reading, st.integers(0, 100), plain_text),
    Circle | Square: st.builds(Circle, st.floats(0, 1)) | st.builds(Square, st.floats(0, 1)),
    Movie: st.fixed_dictionaries({"title": plain_text}, optional={"year": st.integers(0, 3000)}),
    Node: st.recursive(
        st.builds(Node, plain_text), lambda more: st.builds(Node, plain_text, st.lists(more, max_size=2))
    ),
}
pairs = st.sampled_from(list(STRATEGIES)).flatmap(lambda hint: STRATEGIES[hint].map(lambda value: (hint, value)))


@given(pairs)
def test_a_value_comes_back_equal_from_json(pair):
    hint, value = pair
    assert validate(msgspec.json.decode(msgspec.json.encode(value)), hint) == value


@given(pairs)
def test_no_value_of_the_right_type_is_changed(pair):
    hint, value = pair
    assert validate(value, hint) is value


@given(pairs)
def test_json_text_of_anything_but_a_text_is_read_as_it(pair):
    hint, value = pair
    text = msgspec.json.encode(value).decode()
    if isinstance(value, list | dict | tuple | set | Point | Pair | Reading | Node):
        assert validate(text, hint) == value


@given(
    st.sampled_from(list(STRATEGIES)),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
)
def test_any_json_value_either_fits_or_is_a_value_error(hint, value):
    try:
        found = validate(value, hint)
    except ValueError:
        return
    assert validate(found, hint) is found


def test_what_is_nested_too_deeply_is_refused_as_any_other_value():
    value: dict[str, Any] = {"name": "a"}
    for _ in range(5000):
        value = {"name": "a", "children": [value]}
    with pytest.raises(ValueError, match="nested too deeply"):
        validate(value, Node)


def test_a_wrong_value_deep_inside_is_found_in_reasonable_time():
    value: Any = {"name": 5.5j}
    for _ in range(60):
        value = {"name": "a", "above": value}
    with pytest.raises(ValueError, match=r"above.name: expected str, got complex"):
        validate(value, Node)
