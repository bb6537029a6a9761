"""Tools written as classes: with `inputs`, with a typed `forward`, with a ready schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest
from jsonschema import Draft202012Validator

from core_plus.context import RunContext
from core_plus.errors import ToolDefinitionError
from core_plus.tools import Tool, ToolSpec


@dataclass
class Point:
    x: int
    y: int = 0


class Weather(Tool):
    name = "weather"
    description = "The weather."
    inputs = {
        "city": {"type": "string", "description": "Where."},
        "days": {"type": "integer", "description": "How many.", "nullable": True, "minimum": 1},
    }
    output_type = "string"

    def forward(self, city: str, days: int | None = None) -> str:
        return f"{city} {days}"


def test_a_class_with_inputs_tells_a_model_what_they_say():
    assert Weather().spec == ToolSpec(
        "weather",
        "The weather.",
        {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Where."},
                "days": {
                    "anyOf": [{"type": "integer"}, {"type": "null"}],
                    "description": "How many.",
                    "minimum": 1,
                    "default": None,
                },
            },
            "required": ["city"],
            "additionalProperties": False,
        },
        {"type": "string"},
    )


def test_a_class_with_a_typed_forward_needs_no_inputs():
    class Typed(Tool):
        name = "typed"

        def forward(self, run: RunContext[Any], point: Point, kind: Literal["a"] = "a") -> list[int]:
            """Do it.

            Args:
                point: Where.
                kind: How.
            """
            return [point.x]

    made = Typed()
    assert made.description == "Do it."
    assert made.inputs.keys() == {"point", "kind"}
    assert made.output_type == "array"
    assert made(None, {"x": 1}) == [1]


INPUT_TYPES = [
    ("string", {"type": "string"}, "str"),
    ("boolean", {"type": "boolean"}, "bool"),
    ("integer", {"type": "integer"}, "int"),
    ("number", {"anyOf": [{"type": "integer"}, {"type": "number"}]}, "int | float"),
    ("image", {}, "Any"),
    ("audio", {}, "Any"),
    ("array", {"type": "array", "items": {}}, "list"),
    ("object", {"type": "object", "additionalProperties": {}}, "dict"),
    ("any", {}, "Any"),
    ("null", {"type": "null"}, "None"),
    (["string", "integer"], {"anyOf": [{"type": "string"}, {"type": "integer"}]}, "str | int"),
]


@pytest.mark.parametrize(("kind", "schema", "text"), INPUT_TYPES)
def test_every_type_of_inputs_has_a_valid_schema(kind, schema, text):
    class Anything(Tool):
        name, description, output_type = "anything", "Do.", "any"
        inputs = {"x": {"type": kind, "description": "It."}}

        def forward(self, x): ...

    made = Anything()
    assert made.spec.parameters["properties"]["x"] == {**schema, "description": "It."}
    assert made.signature() == f"anything(x: {text}) -> Any"
    Draft202012Validator.check_schema(made.spec.parameters)


def test_items_and_enum_of_inputs_are_told_and_checked():
    class Tags(Tool):
        name, description, output_type = "tags", "Tag.", "null"
        inputs = {
            "tags": {"type": "array", "items": {"type": "string"}, "description": "Which."},
            "more": {"type": "array", "items": {"type": "any"}, "description": "What else."},
            "mode": {"type": "string", "enum": ["add", "drop"], "description": "How."},
        }

        def forward(self, tags, more, mode): ...

    made = Tags()
    assert made.signature() == "tags(tags: list[str], more: list, mode: Literal['add', 'drop']) -> None"
    assert made.bind((), {"tags": ["a", 5], "more": "[1]", "mode": "add"})["tags"] == ["a", "5"]
    Draft202012Validator.check_schema(made.spec.parameters)


def test_a_forward_of_any_names_takes_what_inputs_say():
    class Remote(Tool):
        name, description, output_type = "remote", "Call.", "any"
        inputs = {
            "a": {"type": "integer", "description": "A.", "nullable": True},
            "b": {"type": "string", "description": "B."},
        }

        def forward(self, **arguments):
            return arguments

    made = Remote()
    assert made.spec.parameters["required"] == ["b"]
    assert made(b="x") == {"b": "x"}
    assert made("5", "x") == {"a": 5, "b": "x"}


def test_a_ready_schema_is_told_as_it_is_and_its_plain_types_are_checked():
    class Remote(Tool):
        name, description, output_type = "remote", "Call.", "object"
        parameters = {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"$ref": "#/$defs/B"}, "c": {"enum": [[1]]}},
            "required": ["a"],
            "$defs": {"B": {"type": "string"}},
        }

        def forward(self, **arguments):
            return arguments

    made = Remote()
    assert made.spec.parameters is Remote.parameters
    assert made(a="5", b={"free": 1}) == {"a": 5, "b": {"free": 1}}
    assert made.to_code_prompt().startswith("def remote(a: int, b: Any = ..., c: Any = ...) -> dict:")


def test_an_output_schema_of_a_class_is_told():
    class Structured(Weather):
        output_type = "object"
        output_schema = {"type": "object", "properties": {"celsius": {"type": "number"}}}

    assert Structured().spec.output_schema == Structured.output_schema


def test_attributes_may_be_set_by_init_without_calling_super():
    class Late(Tool):
        output_type = "string"

        def __init__(self, name: str) -> None:
            self.name, self.description = name, "Late."
            self.inputs = {"x": {"type": "string", "description": "It."}}

        def forward(self, x: str) -> str:
            return x

    class Later(Late):
        def __init__(self) -> None:
            super().__init__("later")
            self.description = "Even later."

    assert Late("one").spec.name == "one"
    assert Later().spec.description == "Even later."


def test_a_subclass_that_is_never_made_is_never_checked():
    class Abstract(Tool): ...

    with pytest.raises(ToolDefinitionError, match="tool 'Abstract' needs a function"):
        Abstract()
