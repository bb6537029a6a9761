"""The JSON Schema of every supported type, checked by an independent validator."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import pathlib
import typing
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple, Optional, TypedDict

import attrs
import msgspec
import pydantic
import pytest
import typing_extensions
from jsonschema import Draft202012Validator, ValidationError

from core_plus.coerce import validate
from core_plus.schema import schema_of


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Shade(enum.Enum):
    DARK = (0, 0, 0)


@dataclass
class Point:
    """A place.

    Attributes:
        x: Steps to the right.
        y: Steps up.
    """

    x: int
    y: float = 0.5
    tags: list[str] = field(default_factory=list)
    seen: bool = field(default=False, init=False)
    _: None = field(default=None, kw_only=True, init=False)


@dataclass
class Node:
    name: str
    children: list[Node] = field(default_factory=list)


@dataclass
class Tree:
    left: Node
    right: Node | None = None


@dataclass(kw_only=True)
class Keyed:
    a: int
    b: Color = Color.RED


@attrs.define
class Parcel:
    weight: float
    _owner: str = "nobody"
    lines: list[str] = attrs.Factory(list)


class Reading(msgspec.Struct, rename="camel", kw_only=True):
    sensor_id: int
    unit: str | msgspec.UnsetType = msgspec.UNSET
    notes: list[str] = []


class Circle(msgspec.Struct, tag=True):
    size: float


class Square(msgspec.Struct, tag="sq", tag_field="kind"):
    size: float


class Pair(NamedTuple):
    key: str
    value: int = 0


class Movie(TypedDict):
    title: str
    year: typing.NotRequired[int]


class Address(pydantic.BaseModel):
    street: str
    number: int = 1


class Person(pydantic.BaseModel):
    name: str
    home: Address
    friends: list[Person] = []


T = typing.TypeVar("T")


@dataclass
class Box(typing.Generic[T]):
    inside: list[T]
    spare: T | None = None


class Other:
    @dataclass
    class Node:
        size: int
        inner: list[Other.Node] = field(default_factory=list)


class Alias:
    """What `type Json = ...` makes, on Pythons that have no such statement."""

    __name__ = "Json"

    @property
    def __value__(self):
        return dict[str, self] | list[self] | str | int | float | bool | None


Json = Alias()
POINT = {
    "type": "object",
    "properties": {
        "x": {"type": "integer", "description": "Steps to the right."},
        "y": {"type": "number", "description": "Steps up.", "default": 0.5},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["x"],
    "additionalProperties": False,
}
NODE = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}}},
    "required": ["name"],
    "additionalProperties": False,
}

SCHEMAS = [
    (str, {"type": "string"}),
    (int, {"type": "integer"}),
    (float, {"type": "number"}),
    (bool, {"type": "boolean"}),
    (None, {"type": "null"}),
    (Any, {}),
    (object, {}),
    (bytes, {"type": "string", "format": "base64", "contentEncoding": "base64"}),
    (dt.date, {"type": "string", "format": "date"}),
    (dt.datetime, {"type": "string", "format": "date-time"}),
    (dt.time, {"type": "string", "format": "time"}),
    (dt.timedelta, {"type": "string", "format": "duration"}),
    (decimal.Decimal, {"type": "string", "format": "decimal"}),
    (uuid.UUID, {"type": "string", "format": "uuid"}),
    (pathlib.Path, {"type": "string"}),
    (Color, {"type": "string", "enum": ["red", "blue"]}),
    (Shade, {"type": "string", "enum": ["DARK"]}),
    (Literal["a", 1, None], {"type": ["integer", "null", "string"], "enum": ["a", 1, None]}),
    (Literal[Color.RED], {"type": "string", "enum": ["red"]}),
    (Optional[int], {"anyOf": [{"type": "integer"}, {"type": "null"}]}),  # noqa: UP045 - the older spelling
    (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
    (int | str, {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
    (list, {"type": "array", "items": {}}),
    (list[int], {"type": "array", "items": {"type": "integer"}}),
    (Sequence[int], {"type": "array", "items": {"type": "integer"}}),
    (set[int], {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}),
    (tuple, {"type": "array", "items": {}}),
    (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
    (
        tuple[int, str],
        {"type": "array", "minItems": 2, "maxItems": 2, "prefixItems": [{"type": "integer"}, {"type": "string"}]},
    ),
    (tuple[()], {"type": "array", "minItems": 0, "maxItems": 0}),
    (dict, {"type": "object", "additionalProperties": {}}),
    (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
    (Mapping[dt.date, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
    (Annotated[int, "how many"], {"type": "integer", "description": "how many"}),
    (Annotated[int, typing_extensions.Doc("how many")], {"type": "integer", "description": "how many"}),
    (Annotated[int, pydantic.Field(description="how many")], {"type": "integer", "description": "how many"}),
    (
        Annotated[int, msgspec.Meta(ge=1, description="how many", examples=[3])],
        {"type": "integer", "minimum": 1, "description": "how many", "examples": [3]},
    ),
    (
        Annotated[list[int], msgspec.Meta(min_length=1, extra_json_schema={"x-unit": "m"})],
        {"type": "array", "items": {"type": "integer"}, "minItems": 1, "x-unit": "m"},
    ),
    (
        Annotated[int | None, msgspec.Meta(description="how many")],
        {"anyOf": [{"type": "integer"}, {"type": "null"}], "description": "how many"},
    ),
    (typing.NewType("Meters", float), {"type": "number"}),
    (Point, POINT),
    (
        Keyed,
        {
            "type": "object",
            "properties": {
                "a": {"type": "integer"},
                "b": {"type": "string", "enum": ["red", "blue"], "default": "red"},
            },
            "required": ["a"],
            "additionalProperties": False,
        },
    ),
    (
        Parcel,
        {
            "type": "object",
            "properties": {
                "weight": {"type": "number"},
                "owner": {"type": "string", "default": "nobody"},
                "lines": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["weight"],
            "additionalProperties": False,
        },
    ),
    (
        Reading,
        {
            "type": "object",
            "properties": {
                "sensorId": {"type": "integer"},
                "unit": {"type": "string"},
                "notes": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["sensorId"],
            "additionalProperties": False,
        },
    ),
    (
        Square,
        {
            "type": "object",
            "properties": {"kind": {"type": "string", "enum": ["sq"]}, "size": {"type": "number"}},
            "required": ["kind", "size"],
            "additionalProperties": False,
        },
    ),
    (
        Pair,
        {
            "type": "array",
            "prefixItems": [{"title": "key", "type": "string"}, {"title": "value", "type": "integer", "default": 0}],
            "minItems": 1,
            "maxItems": 2,
        },
    ),
    (
        Movie,
        {
            "type": "object",
            "properties": {"title": {"type": "string"}, "year": {"type": "integer"}},
            "required": ["title"],
            "additionalProperties": False,
        },
    ),
    (Node, {"$ref": "#/$defs/Node", "$defs": {"Node": NODE}}),
    (
        Tree,
        {
            "type": "object",
            "properties": {
                "left": {"$ref": "#/$defs/Node"},
                "right": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}], "default": None},
            },
            "required": ["left"],
            "additionalProperties": False,
            "$defs": {"Node": NODE},
        },
    ),
    (
        Box[int],
        {
            "type": "object",
            "properties": {
                "inside": {"type": "array", "items": {"type": "integer"}},
                "spare": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
            },
            "required": ["inside"],
            "additionalProperties": False,
        },
    ),
]


@pytest.mark.parametrize(("hint", "expected"), SCHEMAS)
def test_a_type_has_this_schema(hint, expected):
    assert schema_of(hint) == expected


SAMPLES = [
    *[(hint, value) for hint, value in ((int, 5), (Color, "red"), (int | None, None), (tuple[int, str], [1, "a"]))],
    (Point, {"x": 1, "tags": ["a"]}),
    (Node, {"name": "a", "children": [{"name": "b", "children": []}]}),
    (Tree, {"left": {"name": "a"}, "right": {"name": "b", "children": [{"name": "c"}]}}),
    (Node | Other.Node, {"size": 1, "inner": [{"size": 2}]}),
    (Circle | Square, {"kind": "sq", "size": 1.5}),
    (Pair, ["a", 1]),
    (Movie, {"title": "Heat"}),
    (Person, {"name": "Ann", "home": {"street": "A"}, "friends": [{"name": "Bob", "home": {"street": "B"}}]}),
    (list[Person | Address], [{"street": "A"}, {"name": "Ann", "home": {"street": "A"}}]),
    (dict[str, Person], {"a": {"name": "Ann", "home": {"street": "A"}}}),
    (Json, {"a": [1, 2.5, None, {"b": "c"}]}),
    (Box[Point], {"inside": [{"x": 1}]}),
]


@pytest.mark.parametrize(("hint", "sample"), SAMPLES)
def test_what_the_schema_allows_is_what_validation_takes_and_gives(hint, sample):
    validator = Draft202012Validator(schema_of(hint))
    validator.validate(sample)
    found = validate(sample, hint)
    validator.validate(msgspec.json.decode(msgspec.json.encode(found, enc_hook=lambda model: model.model_dump())))


@pytest.mark.parametrize("hint", [hint for hint, _ in SCHEMAS])
def test_every_schema_is_a_valid_one(hint):
    Draft202012Validator.check_schema(schema_of(hint))


@pytest.mark.parametrize(
    ("hint", "wrong"),
    [
        (Node, {"name": "a", "children": [{"nome": "b"}]}),
        (Tree, {"left": {"name": []}}),
        (Person, {"name": "Ann", "home": {}}),
        (Json, {"a": object()}),
        (Circle | Square, {"kind": "Circle", "size": 1}),
    ],
)
def test_what_the_schema_forbids_is_what_validation_refuses(hint, wrong):
    with pytest.raises((ValidationError, TypeError)):
        Draft202012Validator(schema_of(hint)).validate(wrong)
    with pytest.raises(ValueError, match="value"):
        validate(wrong, hint)


def test_two_classes_of_one_name_keep_their_own_definitions():
    schema = schema_of(tuple[Node, Other.Node])
    assert sorted(schema["$defs"]) == ["Node", "Node_"]
    assert schema["prefixItems"] == [{"$ref": "#/$defs/Node"}, {"$ref": "#/$defs/Node_"}]


def test_the_definitions_of_a_pydantic_model_are_moved_to_the_root():
    schema = schema_of(list[Person])
    assert schema["items"]["$ref"] == "#/$defs/Person.Person"
    assert sorted(schema["$defs"]) == ["Person.Address", "Person.Person"]
