"""Tools as they are defined: what a model is told, and what is refused with which words."""

from __future__ import annotations

import asyncio
import enum
import functools
import textwrap
import typing
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import pydantic
import pytest
from jsonschema import Draft202012Validator

from core_plus.context import RunContext
from core_plus.tools import FunctionTool, ToolSpec, tool


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Point:
    x: int
    y: int = 0


class Address(pydantic.BaseModel):
    street: str


def search(query: str, limit: int = 10, *, kind: Literal["web", "news"] = "web") -> list[str]:
    """Search the web.

    It is fast.

    Args:
        query: What to look for,
            in words.
        limit: How many.
        kind: Where.

    Returns:
        The titles.
    """
    return [query] * limit


SEARCH = {
    "type": "object",
    "properties": {
        "query": {"type": "string", "description": "What to look for, in words."},
        "limit": {"type": "integer", "description": "How many.", "default": 10},
        "kind": {"type": "string", "enum": ["web", "news"], "description": "Where.", "default": "web"},
    },
    "required": ["query"],
    "additionalProperties": False,
}


def test_a_function_tells_a_model_everything_by_its_hints_and_docstring():
    output = {"type": "array", "items": {"type": "string"}, "description": "The titles."}
    assert tool(search).spec == ToolSpec("search", "Search the web.\n\nIt is fast.", SEARCH, output)


def test_the_spec_is_always_the_same_object_and_keeps_what_codecs_put_there():
    made = tool(search)
    made.spec.__dict__["encoded"] = b"{}"
    assert made.spec is made.spec
    assert made.spec.__dict__ == {"encoded": b"{}"}


def test_a_tool_of_a_function_keeps_the_function_s_name_docstring_and_wrapped():
    made = tool(search)
    assert (made.__name__, made.__doc__, made.__wrapped__) == ("search", search.__doc__, search)
    assert (made.name, made.description) == ("search", "Search the web.\n\nIt is fast.")
    assert repr(made) == "<FunctionTool 'search'>"


def test_settings_of_the_decorator_are_the_tool_s():
    @tool(
        name="find",
        description="Find it.",
        effect="read",
        timeout=2.5,
        thread="caller",
        secret=True,
        final=True,
        planning=True,
    )
    def anything(query: Annotated[str, "words"]) -> str:
        return query

    assert isinstance(anything, FunctionTool)
    assert (anything.name, anything.description, anything.effect) == ("find", "Find it.", "read")
    assert (anything.timeout, anything.thread) == (2.5, "caller")
    assert (anything.secret, anything.final, anything.planning) == (True, True, True)


def test_a_tool_is_written_for_code_as_a_function_with_its_docstring():
    assert tool(search).to_code_prompt() == textwrap.dedent('''\
        def search(query: str, limit: int = 10, *, kind: Literal['web', 'news'] = 'web') -> list[str]:
            """Search the web.

            It is fast.

            Args:
                query: What to look for, in words.
                limit: How many.
                kind: Where.

            Returns:
                The titles.
            """''')


def test_a_tool_is_written_for_tool_calls_in_one_line():
    line = tool(search).to_tool_calling_prompt()
    assert line == (
        "search(query: str, limit: int = 10, *, kind: Literal['web', 'news'] = 'web') -> list[str]: "
        "Search the web. It is fast."
    )


def test_the_code_prompt_says_what_records_are():
    @tool
    def move(start: Point, home: Address, color: Color = Color.RED) -> list[Point]:
        """Move.

        Args:
            start: From where.
            home: To where.
            color: In which color.
        """
        return [start]

    text = move.to_code_prompt()
    assert "def move(start: Point, home: Address, color: Literal['red', 'blue'] = 'red') -> list[Point]:" in text
    assert "    Types:\n        Point: a dict of x: int, y: int\n        Address: a dict of street" in text
    compile(text, "prompt", "exec")


def test_a_default_that_json_cannot_carry_is_not_told():
    marker = object()

    @tool
    def wait(seconds: Any = marker) -> None:
        """Wait.

        Args:
            seconds: How long.
        """

    assert wait.spec.parameters["properties"]["seconds"] == {"description": "How long."}
    assert wait.signature() == "wait(seconds: Any = ...) -> None"


HINTS = [
    (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
    ("int | None", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
    (list["Point"], None),
    ("Point", None),
    (Annotated[int, msgspec.Meta(ge=0)], {"type": "integer", "minimum": 0}),
    (dict[str, list[Color]], None),
    (Address, None),
]


@pytest.mark.parametrize(("hint", "expected"), HINTS)
def test_a_parameter_s_schema_is_valid_whatever_its_hint(hint, expected):
    def function(value):
        """Do.

        Args:
            value: The value.
        """

    function.__annotations__ = {"value": hint}
    parameters = tool(function).spec.parameters
    Draft202012Validator.check_schema(parameters)
    if expected is not None:
        assert parameters["properties"]["value"] == {**expected, "description": "The value."}


def test_a_description_may_stand_in_annotated():
    @tool
    def double(
        number: Annotated[int, "The number."], by: Annotated[int, msgspec.Meta(description="How often.")] = 2
    ) -> int:
        """Double it."""
        return number * by

    properties = double.spec.parameters["properties"]
    assert [one["description"] for one in properties.values()] == ["The number.", "How often."]


def test_a_default_of_none_makes_a_parameter_optional():
    @tool
    def greet(name: str = None) -> str:  # noqa: RUF013
        """Greet.

        Args:
            name: Whom.
        """
        return f"hello {name}"

    assert greet.spec.parameters["properties"]["name"]["anyOf"][1] == {"type": "null"}


def test_a_missing_return_hint_means_anything():
    @tool
    def anything(x: int):
        """Do.

        Args:
            x: It.
        """

    assert anything.spec.output_schema is None
    assert anything.signature() == "anything(x: int) -> Any"


def test_a_return_hint_may_be_any_class():
    class Picture: ...

    @tool
    def draw(words: Annotated[str, "What."]) -> Picture:
        """Draw."""
        return Picture()

    assert draw.spec.output_schema is None
    assert draw.signature() == "draw(words: str) -> Picture"


def test_a_generator_of_effects_gives_the_last_of_its_types():
    @tool
    def ask(words: Annotated[str, "What."]) -> Generator[Any, Any, int]:
        """Ask."""
        yield words
        return 1

    assert ask.is_generator
    assert ask.spec.output_schema == {"type": "integer"}


def test_an_async_function_is_told_as_any_other():
    @tool
    async def fetch(url: Annotated[str, "Where."]) -> str:
        """Fetch."""
        return url

    assert fetch.is_async
    assert fetch.spec.output_schema == {"type": "string"}
    assert asyncio.run(fetch("a")) == "a"


def test_a_function_made_by_exec_is_a_tool_though_it_has_no_source():
    names: dict[str, Any] = {"tool": tool}
    source = '''
        from __future__ import annotations

        @tool
        def shout(text: str, n: "int" = 1) -> str:
            """Shout.

            Args:
                text: What.
                n: How often.
            """
            return text.upper() * n
    '''
    exec(textwrap.dedent(source), names)
    assert names["shout"]("a", n="2") == "AA"


def test_hints_may_name_what_is_local_to_the_place_of_definition():
    @dataclass
    class Inner:
        other: Inner | None = None

    @tool
    def use(value: Inner) -> Inner:
        """Use.

        Args:
            value: It.
        """
        return value

    assert use({"other": {}}) == Inner(Inner())


def test_hints_may_name_what_a_closure_has():
    def make() -> Callable[..., Any]:
        class Inner(enum.Enum):
            A = "a"

        def use(value: Inner) -> Any:
            """Use.

            Args:
                value: It.
            """
            return Inner(value)

        return use

    assert tool(make()).spec.parameters["properties"]["value"]["enum"] == ["a"]


def test_a_wrapped_function_is_told_as_the_one_inside():
    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def inner(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return inner

    made = tool(logged(search))
    assert made.spec.parameters == SEARCH
    assert made("a", limit=1) == ["a"]


def test_a_bound_method_is_a_tool():
    class Shop:
        def __init__(self, prices: dict[str, int]) -> None:
            self.prices = prices

        def price(self, item: str) -> int:
            """The price.

            Args:
                item: Of what.
            """
            return self.prices[item]

    made = tool(Shop({"tea": 3}).price)
    assert made("tea") == 3
    assert list(made.spec.parameters["properties"]) == ["item"]


@pytest.mark.parametrize(
    "annotation", [RunContext, RunContext[int], "RunContext", "RunContext[int]", "core_plus.RunContext"]
)
def test_the_run_s_context_is_never_shown_to_the_model(annotation):
    def function(run, query: str):
        """Do.

        Args:
            query: What.
        """

    function.__annotations__["run"] = annotation
    assert list(tool(function).spec.parameters["properties"]) == ["query"]


def test_the_type_of_a_call_is_the_function_s_own():
    made = tool(search)
    assert typing.get_type_hints(made.__wrapped__)["return"] == list[str]
    titles: list[str] = made("a", limit=1)
    assert titles == ["a"]
