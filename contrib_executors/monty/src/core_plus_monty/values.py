"""Values on their way into Monty and out of it: what it has no type for is refused, never turned into text."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import PurePath, PurePosixPath
from typing import Any, Final

from core_plus_worker import Opaque, Record

MAX_DEPTH: Final = 100
"""Levels of containers in a value, as in the worker."""

MAX_NAME: Final = 200
"""Characters of a name that code has made up."""

ATOMS: Final = frozenset(
    [type(None), bool, int, float, complex, bytes, type(...), dt.date, dt.time, dt.datetime, dt.timedelta, Decimal]
)
"""Types that cross as they are."""

CONTAINERS: Final[tuple[type, ...]] = (list, tuple, set, frozenset)


class Unsendable(ValueError):
    """A value can't cross; the text says why."""


class Giver:
    """Makes host values ready for Monty."""

    def __init__(self) -> None:
        self._classes: dict[str, type] = {}

    def give(self, value: Any, depth: int = 0) -> Any:
        """The value as Monty takes it: a copy, where it is a container.

        Args:
            value: Of the host.
            depth: How many containers it lies in.

        Raises:
            Unsendable: Monty has no such type, or the value is too deep or contains itself.
        """
        kind = type(value)
        if kind in ATOMS:
            return value
        if depth > MAX_DEPTH:
            raise Unsendable(f"a value that contains itself, or is nested deeper than {MAX_DEPTH} levels, can't cross")
        if isinstance(value, str):
            if not value.isascii():
                encodable(value)
            return str(value)
        if isinstance(value, Record):
            return self._record(value.type_name, value, depth)
        if isinstance(value, dict):
            return {self.give(key, depth + 1): self.give(item, depth + 1) for key, item in value.items()}
        if kind in CONTAINERS:
            return kind(self.give(item, depth + 1) for item in value)
        return self._other(value, depth)

    def _other(self, value: Any, depth: int) -> Any:
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*(self.give(item, depth + 1) for item in value))
        if isinstance(value, list | tuple):
            return [self.give(item, depth + 1) for item in value]
        if isinstance(value, PurePath):
            return PurePosixPath(value.as_posix())
        fields = fields_of(value)
        if fields is not None:
            return self._record(type(value).__name__, fields, depth)
        if isinstance(value, int | float) and type(value).__module__ != "numpy":
            return int(value) if isinstance(value, int) else float(value)
        where = type(value).__module__
        name = type(value).__qualname__ if where == "builtins" else f"{where}.{type(value).__qualname__}"
        raise Unsendable(f"the executor 'monty' has no type for {name}: give it as numbers, text, lists or dicts")

    def _record(self, name: str, fields: Mapping[str, Any], depth: int) -> Any:
        """An object with attributes, of a class of that name that has nothing else."""
        from pydantic_monty import ClassInstance

        given = {key: self.give(item, depth + 1) for key, item in fields.items()}
        made = self._classes.setdefault(name, type(name, (Standing,), {}))()
        made.__dict__.update(given)
        return ClassInstance(made, eager_attrs=tuple(given))


class Standing:
    """Stands in Monty for an object of the host, with copies of its fields and no methods."""


def encodable(text: str) -> None:
    """See whether a text can cross.

    Args:
        text: Any.

    Raises:
        Unsendable: It has half a surrogate pair.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Unsendable(f"text with half a surrogate pair (at {error.start}) can't be given to Monty") from None


def fields_of(value: Any) -> dict[str, Any] | None:
    """The fields of an object that is a record: of a dataclass, attrs, msgspec or pydantic; else None.

    Args:
        value: Any object.
    """
    kind = type(value)
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
    elif hasattr(kind, "__attrs_attrs__"):
        names = [field.name for field in kind.__attrs_attrs__]
    else:
        names = list(getattr(kind, "__struct_fields__", None) or getattr(kind, "model_fields", None) or ())
    return {name: getattr(value, name) for name in names} if names else None


def take(value: Any, limit: int | None) -> Any:
    """A value of Monty's, as the host gets it.

    Values that lie in it several times are counted each time: what is one object in Monty may be a thousand
    when it is written down.

    Args:
        value: What came.
        limit: Bytes that it may have, written down; None is no limit.

    Raises:
        Unsendable: It is larger than that, or too deep.
    """
    taker = Taker()
    found = taker.take(value, 0)
    if limit is not None and taker.size > limit:
        raise Unsendable(f"a value of about {taker.size:,} bytes is more than the {limit:,} that may leave the code")
    return found


class Taker:
    """Reads one value. `size` is about how many bytes it has, written down."""

    def __init__(self) -> None:
        self.size = 0
        self._seen: dict[int, tuple[Any, int, Any]] = {}

    def take(self, value: Any, depth: int) -> Any:
        """The value as the host gets it.

        Args:
            value: What came.
            depth: How many containers it lies in.

        Raises:
            Unsendable: It is too deep.
        """
        kind = type(value)
        if kind is str or kind is bytes:
            self.size += len(value) + 2
        elif kind is int:
            self.size += value.bit_length() // 8 + 2
        elif kind in ATOMS:
            self.size += 8
        else:
            return self._large(value, depth)
        return value

    def _large(self, value: Any, depth: int) -> Any:
        """What may lie in a value several times: it is read once."""
        seen = self._seen.get(id(value))
        if seen is not None:
            self.size += seen[1]
            return seen[0]
        if depth > MAX_DEPTH:
            raise Unsendable(f"a value nested deeper than {MAX_DEPTH} levels can't cross")
        before = self.size
        self.size += 8
        found = self._container(value, lambda item: self.take(item, depth + 1))
        self._seen[id(value)] = (found, self.size - before, value)
        return found

    def _container(self, value: Any, take: Callable[[Any], Any]) -> Any:
        kind = type(value)
        if kind in CONTAINERS:
            return kind(take(item) for item in value)
        if kind is dict:
            return {take(key): take(item) for key, item in value.items()}
        if isinstance(value, tuple) and hasattr(kind, "_fields"):
            return kind(*(take(item) for item in value))
        if isinstance(value, Standing):
            return Record(kind.__name__, {name: take(item) for name, item in vars(value).items()})
        if isinstance(value, BaseException):
            self.size += sum(len(item) for item in value.args if isinstance(item, str))
            return value
        if isinstance(value, PurePath):
            self.size += len(str(value))
            return value
        return proxied(value, take)


def proxied(value: Any, take: Callable[[Any], Any]) -> Any:
    """What stands for an object that only Monty has: its fields, or its name.

    Args:
        value: One of Monty's proxies, or a class.
        take: Reads its fields.
    """
    from pydantic_monty import MontyClassProxy, MontyClassTypeProxy, MontyStdTypeProxy

    if isinstance(value, MontyClassProxy):
        return Record(value.name[:MAX_NAME], {name[:MAX_NAME]: take(item) for name, item in value.attributes.items()})
    if isinstance(value, type):
        return Opaque("type", f"<class '{value.__name__[:MAX_NAME]}'>")
    if isinstance(value, MontyStdTypeProxy | MontyClassTypeProxy):
        return Opaque("type", f"<{value.name[:MAX_NAME]}>")
    return Opaque(type(value).__name__, f"<{type(value).__name__}>")
