"""Type hints, read: the JSON Schema that a model is told of, and the `Shape` by which values are made to fit."""

from __future__ import annotations

import enum
import inspect
import os
import types
import typing
from collections import abc
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID

import attrs
import msgspec

from core_plus import coerce as fits
from core_plus.coerce import NONE, Shape

_JSON: Final[Mapping[type, str]] = {str: "string", int: "integer", float: "number", bool: "boolean", NONE: "null"}
# As msgspec writes them in JSON. Formats: JSON Schema 2020-12, validation, 7.3; decimal and base64 are our own words.
_FORMATS: Final = {datetime: "date-time", date: "date", time: "time", timedelta: "duration", UUID: "uuid"}
_SCALARS: Final[Mapping[type, dict[str, Any]]] = {
    **{cls: {"type": name} for cls, name in _JSON.items()},
    **{cls: {"type": "string", "format": name} for cls, name in _FORMATS.items()},
    Decimal: {"type": "string", "format": "decimal"},
    bytes: {"type": "string", "format": "base64", "contentEncoding": "base64"},
}
# What is built where a hint names no class of its own.
_LISTS: Final = (abc.Sequence, abc.MutableSequence, abc.Collection, abc.Iterable)
_SETS: Final = (abc.Set, abc.MutableSet)
_ARRAYS: Final[Mapping[Any, Any]] = {
    **{cls: cls for cls in (list, tuple, set, frozenset)},
    **dict.fromkeys(_LISTS, list),
    **dict.fromkeys(_SETS, set),
}
_MARKS: Final = ("required_keys", "dataclass_fields", "attrs_attrs", "struct_fields")  # of classes that are records
_LIMITS: Final = ("gt", "ge", "lt", "le", "multiple_of", "pattern", "min_length", "max_length", "tz")
_WAY_OUT: Final = (
    "can't be described to a model: use plain types, dataclasses or typed dicts, "
    "or take a text that stands for it (a path, an id) and look it up inside"
)


def schema_of(hint: Any) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a type.

    Args:
        hint: Any type of the table in `core_plus.coerce`.

    Raises:
        TypeError: JSON can't carry the type; the text says which one, and what to use.
    """
    reader = Reader()
    return reader.closed(reader.shape(hint).schema)


def documented(text: str | None) -> tuple[str, dict[str, str], str]:
    """What a docstring in Google, NumPy or reST form says of the whole, of each parameter, of what is returned."""
    import docstring_parser

    doc = docstring_parser.parse(text or "")
    params = {param.arg_name: " ".join((param.description or "").split()) for param in doc.params}
    words = "\n\n".join(part for part in (doc.short_description, doc.long_description) if part)
    return words.strip(), params, " ".join(((doc.returns and doc.returns.description) or "").split())


def described(schema: dict[str, Any], words: str | None) -> dict[str, Any]:
    """A copy of a schema, with a description of its own."""
    return {**schema, "description": words} if words else {**schema}


def shown(default: Any) -> dict[str, Any]:
    """The `default` entry of a schema; nothing where JSON has no such value."""
    try:
        return {} if default is msgspec.UNSET or default is attrs.NOTHING else {"default": msgspec.to_builtins(default)}
    except (TypeError, ValueError):  # an object of the program's own: the function knows it, a model needn't
        return {}


class Reader:
    """Reads hints. What it reads shares its `$defs`, which hold only what contains itself.

    Args:
        names: Local names, for the hints of classes that were written as text.
    """

    def __init__(self, names: Mapping[str, Any] | None = None) -> None:
        self.names, self.defs = dict(names or {}), dict[str, Any]()
        self.named = dict[Any, Shape]()  # records and aliases
        self._open = dict[Any, bool]()  # those being read, and whether they were met again inside themselves

    def closed(self, schema: dict[str, Any]) -> dict[str, Any]:
        """A schema with the definitions that it refers to."""
        return {**schema, "$defs": self.defs} if self.defs else schema

    def shape(self, hint: Any) -> Shape:
        """The shape of a hint.

        Raises:
            TypeError: JSON can't carry the type.
        """
        origin, args = typing.get_origin(hint) or hint, typing.get_args(hint)
        if hint is Any or hint is object:
            return Shape("Any", {}, fits.as_any)
        if origin is typing.Union or origin is types.UnionType:
            return _union([self.shape(arg) for arg in args if arg is not msgspec.UnsetType])
        if origin is Literal:
            return _members([(arg.value if isinstance(arg, enum.Enum) else arg, arg) for arg in args])
        if origin is typing.Annotated:
            return _limited(self.shape(args[0]), hint.__metadata__)
        if hasattr(origin, "__value__"):  # type Name = ...
            return self._named(hint, origin, args, self._read_alias)
        if hasattr(hint, "__supertype__") or isinstance(hint, typing.TypeVar):
            return self.shape(getattr(hint, "__supertype__", None) or hint.__bound__ or Any)
        if getattr(origin, "_name", None) in ("Required", "NotRequired", "ReadOnly", "Final"):
            return self.shape(args[0])
        if hint is None or isinstance(origin, type):
            return self._class(hint, NONE if hint is None else origin, args)
        raise TypeError(f"{hint!r} {_WAY_OUT}")

    def _class(self, hint: Any, cls: Any, args: tuple[Any, ...]) -> Shape:
        if issubclass(cls, enum.Enum):
            plain = all(type(member.value) in _JSON for member in cls)
            return _members([(member.value if plain else member.name, member) for member in cls])
        if cls in _SCALARS or issubclass(cls, os.PathLike):
            text = "None" if cls is NONE else cls.__name__
            return Shape(text, _SCALARS.get(cls, {"type": "string"}), fits.as_scalar, cls)
        if cls is tuple and hint is not tuple and args[1:] != (...,):
            return _tuple([self.shape(arg) for arg in args])
        if cls in _ARRAYS:
            return _array(cls, self.shape(args[0] if args else Any))
        if cls in (dict, abc.Mapping, abc.MutableMapping):
            return _mapping(cls, *map(self.shape, args or (Any, Any)))
        if hasattr(cls, "model_json_schema") and hasattr(cls, "model_validate"):  # pydantic's own words for it
            return self._named(hint, cls, args, self._read_foreign)
        if hasattr(cls, "_field_defaults") or any(hasattr(cls, f"__{mark}__") for mark in _MARKS):
            return self._named(hint, cls, args, self._read_record)
        raise TypeError(f"the class {cls.__qualname__} {_WAY_OUT}")

    def _named(self, hint: Any, cls: Any, args: tuple[Any, ...], read: Callable[..., dict[str, Any]]) -> Shape:
        """The shape of what may contain itself: met again inside, it refers to its definition."""
        if hint in self._open:
            self._open[hint] = True
        if hint in self.named:
            return self.named[hint]
        name = cls.__name__
        while any(name == shape.text for shape in self.named.values()):
            name += "_"
        shape = self.named[hint] = Shape(name, {"$ref": f"#/$defs/{name}"}, fits.as_record, cls)
        self._open[hint] = False
        schema = read(shape, args)
        if self._open.pop(hint):
            self.defs[name] = schema
        else:
            shape.schema = schema
        return shape

    def _read_alias(self, shape: Shape, args: tuple[Any, ...]) -> dict[str, Any]:
        value, inside = shape.cls.__value__, list[Shape]()
        shape.fit, shape.args = fits.as_limited, inside
        inside.append(self.shape(value[args] if args else value))
        return inside[0].schema

    def _read_foreign(self, shape: Shape, _args: tuple[Any, ...]) -> dict[str, Any]:
        shape.fit, shape.build = fits.as_foreign, shape.cls.model_validate
        schema: dict[str, Any] = shape.cls.model_json_schema(ref_template=f"#/$defs/{shape.text}.{{model}}")
        self.defs |= {f"{shape.text}.{name}": found for name, found in schema.pop("$defs", {}).items()}
        return schema

    def _read_record(self, shape: Shape, args: tuple[Any, ...]) -> dict[str, Any]:
        cls, fields, properties = shape.cls, dict[str, Any](), dict[str, Any]()
        shape.build, shape.fields = dict if hasattr(cls, "__required_keys__") else cls, fields
        try:
            hints = typing.get_type_hints(cls, None, {**self.names, cls.__name__: cls}, include_extras=True)
        except Exception as exc:  # a hint can be any text, and raise anything
            raise TypeError(f"a hint of {cls.__name__} can't be read ({exc}): import what it names") from exc
        variables = dict(zip(getattr(cls, "__parameters__", ()), args, strict=False))
        kept = (getattr(cls, name, ()) for name in ("__struct_fields__", "__struct_encode_fields__"))
        keys = dict(zip(*kept, strict=True))  # what msgspec's classes are called in JSON
        told, config = documented(cls.__doc__)[1], getattr(cls, "__struct_config__", None)
        if config and config.tag is not None:
            fields[config.tag_field] = ("", _members([(config.tag, config.tag)]), False)
            properties[config.tag_field] = fields[config.tag_field][1].schema
        for name, required, default in _entries(cls, hints):
            hint, key = _substituted(hints.get(name, hints.get(f"_{name}", Any)), variables), keys.get(name, name)
            try:
                fields[key] = (name, self.shape(hint), required)
            except TypeError as exc:
                raise TypeError(f"{cls.__name__}.{name}: {exc}") from None
            properties[key] = described(fields[key][1].schema, told.get(name)) | shown(default)
        required_keys = [key for key, (name, _, required) in fields.items() if required or not name]
        if issubclass(cls, tuple):
            items = [{"title": key, **schema} for key, schema in properties.items()]
            return {"type": "array", "prefixItems": items, "minItems": len(required_keys), "maxItems": len(items)}
        return {"type": "object", "properties": properties, "required": required_keys, "additionalProperties": False}


def _entries(cls: Any, hints: Mapping[str, Any]) -> Iterator[tuple[str, bool, Any]]:
    """Of each field of a record: the name by which it is built, whether it must be given, its default."""
    if hasattr(cls, "__required_keys__"):
        for name, hint in hints.items():  # what a hint written as text marks, the class doesn't know
            said = {"Required": True, "NotRequired": False}.get(getattr(typing.get_origin(hint), "_name", ""))
            yield name, name in cls.__required_keys__ if said is None else said, attrs.NOTHING
    else:
        for one in inspect.signature(cls).parameters.values():
            if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD):
                yield one.name, one.default is one.empty, one.default


def _substituted(hint: Any, variables: Mapping[Any, Any]) -> Any:
    """A generic class's hint, with what the class was given for its variables."""
    if isinstance(hint, typing.TypeVar):
        return variables.get(hint, hint)
    inside = getattr(hint, "__parameters__", ()) if not isinstance(hint, type) else ()
    return hint[tuple(variables.get(one, one) for one in inside)] if inside else hint


def _union(members: list[Shape]) -> Shape:
    text = " | ".join(dict.fromkeys(member.text for member in members))
    schema = {"anyOf": [member.schema for member in members]}
    return Shape(text, schema, fits.as_union, args=members) if len(members) > 1 else members[0]


def _members(pairs: list[tuple[Any, Any]]) -> Shape:
    tokens = [token for token, _ in pairs]
    if unknown := [token for token in tokens if type(token) not in _JSON]:
        raise TypeError(f"Literal[{unknown[0]!r}] {_WAY_OUT}")
    names = sorted({_JSON[type(token)] for token in tokens})
    schema = {"type": names[0] if len(names) == 1 else names, "enum": tokens}
    return Shape(f"Literal[{', '.join(map(repr, tokens))}]", schema, fits.as_member, members=pairs)


def _tuple(items: list[Shape]) -> Shape:
    schema = {"type": "array", "minItems": len(items), "maxItems": len(items)}
    prefix = {"prefixItems": [item.schema for item in items]} if items else {}
    text = f"tuple[{', '.join(item.text for item in items) or '()'}]"
    return Shape(text, schema | prefix, fits.as_array, tuple, items, build=tuple)


def _array(cls: Any, item: Shape) -> Shape:
    build = _ARRAYS[cls]
    schema = {"type": "array", "items": item.schema} | ({"uniqueItems": True} if build in (set, frozenset) else {})
    text = f"{build.__name__}[{item.text}{', ...' if build is tuple else ''}]".removesuffix("[Any]")
    return Shape(text, schema, fits.as_array, cls, [item], build=build)


def _mapping(cls: Any, key: Shape, value: Shape) -> Shape:
    text = f"dict[{key.text}, {value.text}]".removesuffix("[Any, Any]")
    if key.fit in (fits.as_array, fits.as_mapping, fits.as_record, fits.as_foreign):
        raise TypeError(f"{text} can't be described to a model: keys in JSON are text, use str or what text can say")
    return Shape(text, {"type": "object", "additionalProperties": value.schema}, fits.as_mapping, cls, [key, value])


def _limited(inner: Shape, metadata: tuple[Any, ...]) -> Shape:
    bases: dict[Any, Any] = {fits.as_scalar: inner.cls, fits.as_array: list, fits.as_mapping: dict}
    base = bases.get(inner.fit, Any)
    limits, schema = [], inner.schema
    for meta in metadata:
        if isinstance(meta, msgspec.Meta):
            bounded = any(getattr(meta, name) is not None for name in _LIMITS)
            limits += [typing.Annotated[base, meta]] if bounded else []
            schema = schema | msgspec.json.schema(typing.Annotated[base if bounded else Any, meta])
        else:  # a plain text, or pydantic's Field, or typing's Doc
            words = getattr(meta, "description", getattr(meta, "documentation", None))
            schema = described(schema, meta if isinstance(meta, str) else words)
    if limits:
        return Shape(inner.text, schema, fits.as_limited, args=[inner], limits=limits)
    return msgspec.structs.replace(inner, schema=schema)
