"""What stands for objects whose class only the other side has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class CodecError(ValueError):
    """A value can't cross, or what came isn't a value; the text says why."""


class Record(dict):  # type: ignore[type-arg]  # a subscript would need Python 3.9 where the worker runs
    """An object of a class that only the other side has: its fields, as items and as attributes.

    Args:
        type_name: The class's name.
        fields: Names and values.
    """

    def __init__(self, type_name: str, fields: Mapping[str, Any]) -> None:
        super().__init__(fields)
        self.__dict__["type_name"] = type_name

    type_name: str

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"this {self.type_name} has no {name!r}; it has: {', '.join(self)}") from None

    def __repr__(self) -> str:
        return f"{self.type_name}({', '.join(f'{name}={value!r}' for name, value in self.items())})"

    def __reduce__(self) -> Any:
        return Record, (self.type_name, dict(self))


class Opaque:
    """An object that can't cross; what is left is what it looked like.

    Args:
        type_name: Its class's name.
        text: Its `repr`, perhaps cut.
    """

    __slots__ = ("text", "type_name")

    def __init__(self, type_name: str, text: str) -> None:
        self.type_name, self.text = type_name, text

    def __repr__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opaque) and (self.type_name, self.text) == (other.type_name, other.text)

    def __hash__(self) -> int:
        return hash((self.type_name, self.text))


class Failure(Exception):  # it stands for exceptions of any name
    """An exception of a class that only the other side has.

    Args:
        type_name: The class's name.
        text: What it said.
    """

    def __init__(self, type_name: str, text: str) -> None:
        super().__init__(type_name, text)
        self.type_name, self.text = type_name, text

    def __str__(self) -> str:
        return f"{self.type_name}: {self.text}"
