"""The table of `core_plus.coerce`, row by row."""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import enum
import math
import pathlib
import re
import types
import typing
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple, Optional, TypedDict, Union

import attrs
import msgspec
import numpy as np
import pydantic
import pytest
import typing_extensions

from core_plus.coerce import validate

UUID_TEXT = "12345678-1234-5678-1234-567812345678"


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Shade(enum.Enum):
    DARK = (0, 0, 0)
    LIGHT = (1, 1, 1)


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


@dataclass
class Positive:
    number: int

    def __post_init__(self) -> None:
        if self.number <= 0:
            raise ValueError("the number must be positive")


@attrs.define
class Parcel:
    weight: float
    _owner: str = "nobody"


class Reading(msgspec.Struct, rename="camel"):
    sensor_id: int
    unit: str | msgspec.UnsetType = msgspec.UNSET


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


class Loose(TypedDict, total=False):
    a: typing.Required[int]
    b: int


class Extended(typing_extensions.TypedDict):
    a: int


class Address(pydantic.BaseModel):
    street: str
    number: int


class Person(pydantic.BaseModel):
    name: str
    home: Address


T = typing.TypeVar("T")


@dataclass
class Box(typing.Generic[T]):
    inside: list[T]


Meters = typing.NewType("Meters", float)


class Alias:
    """What `type Json = ...` makes, on Pythons that have no such statement."""

    __name__ = "Json"

    @property
    def __value__(self):
        return dict[str, self] | list[self] | str | int | float | bool | None


Json = Alias()

SAME = [
    (int, 5),
    (int, 2**70),
    (float, 2.5),
    (float, math.inf),
    (str, "5"),
    (str, ""),
    (bool, True),
    (None, None),
    (Any, object()),
    (object, {1, 2}),
    (bytes, b"\x00"),
    (dt.date, dt.date(2024, 1, 1)),
    (dt.datetime, dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),
    (dt.time, dt.time(10)),
    (dt.timedelta, dt.timedelta(days=1)),
    (decimal.Decimal, decimal.Decimal("1.10")),
    (uuid.UUID, uuid.UUID(UUID_TEXT)),
    (pathlib.Path, pathlib.Path("a")),
    (Color, Color.RED),
    (Literal["a", 1, None], "a"),
    (Literal["a", 1, None], None),
    (Literal[Color.RED], Color.RED),
    (list, [1, "a"]),
    (list[int], [1, 2]),
    (Sequence[int], (1, 2)),
    (typing.Iterable[int], range(3)),
    (tuple, (1, "a")),
    (tuple[int, ...], (1, 2, 3)),
    (tuple[int, str], (1, "a")),
    (tuple[()], ()),
    (set[int], {1, 2}),
    (frozenset[str], frozenset("ab")),
    (typing.AbstractSet[int], frozenset({1})),
    (dict, {1: "a"}),
    (dict[str, int], {"a": 1}),
    (Mapping[int, str], types.MappingProxyType({1: "a"})),
    (Point, Point(1)),
    (Parcel, Parcel(1.0)),
    (Circle, Circle(1.0)),
    (Pair, Pair("a")),
    (Movie, {"title": "Heat"}),
    (Person, Person(name="Ann", home=Address(street="A", number=1))),
    (int | str, "5"),
    (dt.date | str, "2024-01-01"),
    (list[int] | list[str], ["a"]),
    (Union[int, float], 5),  # noqa: UP007 - the older spelling is another object
    (Optional[int], None),  # noqa: UP045 - as above
    (Json, {"a": [1, 2.5, {"b": None}]}),
    (Meters, 2.5),
]

NATURAL = [
    (int, 5.0, 5),
    (float, 5, 5.0),
    (float, 2**60, float(2**60)),
    (decimal.Decimal, 5, decimal.Decimal(5)),
    (decimal.Decimal, 0.1, decimal.Decimal("0.1")),
    (decimal.Decimal, "0.10", decimal.Decimal("0.10")),
    (dt.date, "2024-02-29", dt.date(2024, 2, 29)),
    (dt.datetime, "2024-01-01T10:00", dt.datetime.fromisoformat("2024-01-01T10:00:00")),
    (dt.datetime, "2024-01-01 10:00:00Z", dt.datetime(2024, 1, 1, 10, tzinfo=dt.UTC)),
    (dt.time, "10:30", dt.time(10, 30)),
    (dt.timedelta, "PT90S", dt.timedelta(seconds=90)),
    (uuid.UUID, UUID_TEXT, uuid.UUID(UUID_TEXT)),
    (pathlib.Path, "a/b", pathlib.Path("a/b")),
    (bytes, "aGk=", b"hi"),
    (bytes, bytearray(b"hi"), b"hi"),
    (bytes, memoryview(b"hi"), b"hi"),
    (Color, "red", Color.RED),
    (Level, 2, Level.HIGH),
    (Shade, "DARK", Shade.DARK),
    (Literal[1, 2], 2.0, 2),
    (Literal[Color.RED], "red", Color.RED),
    (list[int], (1, 2), [1, 2]),
    (list, range(2), [0, 1]),
    (list[str], {"a": 1}.keys(), ["a"]),
    (list[int], collections.deque([1]), [1]),
    (Sequence[float], (1, 2), [1.0, 2.0]),
    (tuple[int, ...], [1, 2], (1, 2)),
    (tuple[int, str], [1, "a"], (1, "a")),
    (set[int], [1, 2, 2], {1, 2}),
    (frozenset[int], {1}, frozenset({1})),
    (dict[int, str], {"1": "a"}, {1: "a"}),
    (dict[dt.date, int], {"2024-01-01": 1}, {dt.date(2024, 1, 1): 1}),
    (dict[str, int], types.MappingProxyType({"a": 1}), {"a": 1}),
    (Movie, types.MappingProxyType({"title": "Heat"}), {"title": "Heat"}),
    (Point, {"x": 1}, Point(1)),
    (Point, {"x": 1, "y": 2, "tags": ["a"]}, Point(1, 2.0, ["a"])),
    (Node, {"name": "a", "children": [{"name": "b"}]}, Node("a", [Node("b")])),
    (Parcel, {"weight": 1, "owner": "Ann"}, Parcel(1.0, "Ann")),
    (Reading, {"sensorId": 1}, Reading(1)),
    (Reading, {"sensorId": 1, "unit": "m"}, Reading(1, "m")),
    (Circle | Square, {"type": "Square", "size": 1}, Square(1.0)),
    (Circle, {"size": 1}, Circle(1.0)),
    (Pair, ["a", 1], Pair("a", 1)),
    (Pair, ["a"], Pair("a")),
    (Pair, {"key": "a", "value": 1}, Pair("a", 1)),
    (
        Person,
        {"name": "Ann", "home": {"street": "A", "number": 1}},
        Person(name="Ann", home=Address(street="A", number=1)),
    ),
    (list[Address], [{"street": "A", "number": 1}], [Address(street="A", number=1)]),
    (Box[int], {"inside": [1.0]}, Box([1])),
    (int, np.int64(5), 5),
    (float, np.float32(0.5), 0.5),
    (bool, np.True_, True),
    (list[int], np.array([1, 2]), [1, 2]),
    (list[list[float]], np.array([[1.0], [2.0]]), [[1.0], [2.0]]),
    (int | str, np.int64(5), 5),
    (dt.date | None, "2024-01-01", dt.date(2024, 1, 1)),
    (float | str, 5, 5.0),
    (int | str, 5.0, 5),
    (list[Point | Pair], [{"x": 1}, ["a", 1]], [Point(1), Pair("a", 1)]),
]

LOSSLESS = [
    (int, "5", 5),
    (int, "-5", -5),
    (int, "5.0", 5),
    (int, "1e3", 1000),
    (int, "123456789012345678901", 123456789012345678901),
    (float, "2.5", 2.5),
    (float, "5", 5.0),
    (bool, "true", True),
    (bool, "False", False),
    (str, 5, "5"),
    (str, 2.5, "2.5"),
    (Literal[1, 2], "2", 2),
    (Level, "2", Level.HIGH),
    (Literal["1", "2"], 2, "2"),
    (list[int], "[1, 2]", [1, 2]),
    (list[int], ["1", "2"], [1, 2]),
    (set[int], "[1]", {1}),
    (tuple[int, str], '[1, "a"]', (1, "a")),
    (dict[str, int], '{"a": "1"}', {"a": 1}),
    (Point, '{"x": "1"}', Point(1)),
    (Movie, '{"title": "Heat", "year": "1995"}', {"title": "Heat", "year": 1995}),
    (
        Person,
        '{"name": "Ann", "home": {"street": "A", "number": 1}}',
        Person(name="Ann", home=Address(street="A", number=1)),
    ),
    (int | None, "5", 5),
    (list[int] | None, "[1]", [1]),
    (int | float, "5", 5),
    (float | int, "2.5", 2.5),
    (bool | int, "1", 1),
]

REFUSED = [
    (int, True, "expected int, got bool True"),
    (int, 2.5, "expected int, got float 2.5"),
    (int, 2.0**60, "expected int, got float"),
    (int, "five", "expected int, got str 'five'"),
    (int, "007", "expected int, got str '007'"),
    (int, "5_0", "expected int"),
    (int, "true", "expected int"),
    (int, "\ud800", "expected int"),
    (int, None, "expected int, got None"),
    (int, math.nan, "expected int, got float nan"),
    (float, True, "expected float"),
    (float, 2**53 + 1, "expected float"),
    (float, 10**400, "expected float"),
    (float, "1e400", "expected float"),
    (float, "nan", "expected float"),
    (bool, 1, "expected bool, got int 1"),
    (bool, "1", "expected bool"),
    (bool, "yes", "expected bool"),
    (str, True, "expected str, got bool True"),
    (str, None, "expected str, got None"),
    (str, b"a", "expected str, got bytes"),
    (None, "null", "expected None, got str 'null'"),
    (int | None, "null", "expected int, got str 'null'"),
    (dt.date, dt.datetime(2024, 1, 1, tzinfo=dt.UTC), r"expected date \(date text\), got datetime"),
    (dt.date, "tomorrow", r"expected date \(date text\), got str 'tomorrow'"),
    (dt.datetime, "2024-01-01", r"expected datetime \(date-time text\)"),
    (dt.timedelta, 5, r"expected timedelta \(duration text\)"),
    (decimal.Decimal, True, "expected Decimal"),
    (uuid.UUID, "x", "expected UUID"),
    (bytes, "***", r"expected bytes \(base64 text\)"),
    (pathlib.Path, 5, "expected .*Path, got int 5"),
    (Color, "green", r"expected Literal\['red', 'blue'\], got str 'green'"),
    (Color, "RED", "expected Literal"),
    (Literal[1], True, "expected Literal"),
    (list[int], 5, r"expected list\[int\], got int 5"),
    (list[str], "abc", r"expected list\[str\], got str 'abc'"),
    (list[int], {1, 2}, r"expected list\[int\], got set"),
    (list[int], {"a": 1}, r"expected list\[int\], got dict"),
    (typing.Iterable[int] | None, iter([1]), r"expected list\[int\], got list_iterator"),
    (list[int], b"ab", r"expected list\[int\], got bytes"),
    (list[int], "[" * 100_000, r"expected list\[int\], got str"),
    (tuple[int, str], [1], r"expected tuple\[int, str\], got list"),
    (set[Any], [[1]], r"expected set, got list"),
    (dict[str, int], [1], r"expected dict\[str, int\], got list"),
    (dict[int, int], {"1": 1, 1: 2}, r"expected dict\[int, int\]"),
    (dict[int, int], {"a": 1}, "key of value: expected int, got str 'a'"),
    (dict[str, int], {"a": "b"}, r"value\['a'\]: expected int, got str 'b'"),
    (Point, 5, "expected Point, got int 5"),
    (Point, {}, "value.x is missing"),
    (Point, {"x": 1, "z": 1}, "value has no 'z': there is x, y, tags"),
    (Point, {"x": 1, "tag": []}, "value has no 'tag': did you mean 'tags'"),
    (Positive, {"number": -1}, "value can't be made a Positive: the number must be positive"),
    (Circle | Square, {"size": 1}, "it could be Circle or Square, make clear which"),
    (Circle, {"type": "Square", "size": 1}, r"value.type: expected Literal\['Circle'\]"),
    (Movie, {"year": 1}, "value.title is missing"),
    (Loose, {}, "value.a is missing"),
    (Extended, {"a": "x"}, "value.a: expected int"),
    (Person, {"name": "Ann", "home": {"street": "A"}}, "value.home.number: Field required"),
    (Person, {"name": "Ann", "home": 5}, "value.home: .*, got int 5"),
    (list[Point], [{"x": 1}, {"x": 1, "y": "high"}], r"value\[1\].y: expected float, got str 'high'"),
    (pathlib.Path | uuid.UUID, UUID_TEXT, "it could be .*Path or UUID"),
    (int | list[int], "x", r"expected int \| list\[int\], got str 'x'"),
    (Point | None, {"x": "a"}, "value.x: expected int, got str 'a'"),
    (Annotated[int, msgspec.Meta(ge=1)], 0, "value: Expected `int` >= 1, got int 0"),
    (Annotated[list[int], msgspec.Meta(max_length=1)], "[1, 2]", "length <= 1"),
    (Annotated[str, msgspec.Meta(pattern="^a")], "b", "matching regex"),
]


@pytest.mark.parametrize(("hint", "value"), SAME)
def test_a_value_of_the_right_type_stays_the_same_object(hint, value):
    assert validate(value, hint) is value


@pytest.mark.parametrize(("hint", "value", "expected"), NATURAL)
def test_what_json_writes_for_a_type_becomes_that_type(hint, value, expected):
    found = validate(value, hint)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(("hint", "value", "expected"), LOSSLESS)
def test_a_text_becomes_what_it_says(hint, value, expected):
    found = validate(value, hint)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(("hint", "value", "words"), REFUSED)
def test_what_would_lose_something_is_refused_with_what_was_expected_and_given(hint, value, words):
    with pytest.raises(ValueError, match=words):
        validate(value, hint)


def test_every_problem_is_named_with_its_path():
    words = "items[0].x: expected int, got str 'a'; items[1].x is missing; items[1].y: expected float, got str 'b'"
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        validate([{"x": "a"}, {"y": "b"}], list[Point], "items")


def test_a_long_value_is_shown_in_short():
    with pytest.raises(ValueError, match=r"^.{,100}$"):
        validate("x" * 100_000, int)


def test_a_type_that_json_cannot_carry_is_a_type_error():
    with pytest.raises(TypeError, match="the class Thread can't be described to a model: use plain types"):
        validate(1, __import__("threading").Thread)
