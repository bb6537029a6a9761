"""Values made to fit a type, where nothing is lost by it.

Models send `"5"` for 5 and lists as JSON text; running code hands over tuples, dates and arrays. What fits is decided
here and nowhere else, in three stages. A union takes the first stage at which a member fits; where two members then
give different values, that's an error which names both.

exact: the value is what the hint says already, and stays the same object.

    any class           its instances; but True is no int, and a datetime is no date
    Literal, Enum       the member itself
    TypedDict           a dict of such values
    Any                 everything

natural: the value is JSON's way to write what the hint says, or a container of the same items.

    int, float          5.0 for 5 and 5 for 5.0, where they are equal (5.0 for 5 up to 2**53)
    Decimal             a number, or its text
    date, time, datetime, timedelta         ISO 8601 text; a datetime has both parts
    UUID, Path, bytes   text; base64 text for bytes, or any buffer
    Enum                its value; its name, where values aren't plain
    list, Sequence, …   an array, or any ordered collection; a tuple[int, str] one of its length
    set, frozenset      an array, or any collection
    dict, Mapping       an object; its keys are read as text may be
    dataclass, attrs, msgspec, TypedDict    an object without unknown keys; for a NamedTuple also an array
    pydantic model      what its own `model_validate` takes
    numpy and the like  arrays and scalars count as what their `tolist` gives

lossless: text and what it says.

    int, float, bool    "5", "2.5", "true" (and "True")
    str                 5, 2.5; but not True or None
    Literal, Enum       what is equal to one of the values after that
    array or object     its JSON text

Nothing else fits: 1 isn't True, "null" isn't None, 5 isn't [5], a set isn't a list.
"""

from __future__ import annotations

import contextlib
import operator
import os
import reprlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, TypeAlias

import msgspec

EXACT, NATURAL, LOSSLESS = 0, 1, 2
UNFIT: Final[Any] = msgspec.UNSET
# What is wrong and the value given, UNFIT where there is none; put in words only when they are needed for certain.
Problems: TypeAlias = list[tuple[str, Any]]
NONE: Final = type(None)
_NOT_THOUGH_SUBCLASS: Final[Mapping[type, type]] = {int: bool, date: datetime}


class Shape(msgspec.Struct, eq=False):
    """What a type hint means, free of the many ways to write it.

    Args:
        text: The hint as a model reads it.
        schema: Its JSON Schema.
        fit: Makes a value fit, or answers UNFIT: of the shape, the value, its path, the problems so far, the stage.
        cls: The class whose instances have this shape already.
        args: The shapes inside: items, key and value, members of a union.
        fields: Of a record, by their keys in JSON: the name when built ("" for a tag), the shape,
            whether it must be given.
        members: Of a Literal or Enum: what JSON says and what Python has.
        build: Makes the value from what is inside.
        limits: Bounds, as types that msgspec checks.
    """

    text: str
    schema: dict[str, Any]
    fit: Callable[[Shape, Any, str, Problems, int], Any]
    cls: Any = object
    args: Sequence[Shape] = ()
    fields: Mapping[str, tuple[str, Shape, bool]] = {}
    members: Sequence[tuple[Any, Any]] = ()
    build: Callable[..., Any] = list
    limits: Sequence[Any] = ()


def validate(value: Any, hint: Any, name: str = "value") -> Any:
    """A value as its type wants it.

    Args:
        value: Anything.
        hint: Any type of the table above.
        name: What errors call the value.

    Raises:
        ValueError: The value doesn't fit; every place where it doesn't is named.
        TypeError: The type is none that JSON can carry.
    """
    from core_plus.schema import Reader  # it makes shapes of what stands here

    problems: Problems = []
    found = coerce(Reader().shape(hint), value, name, problems)
    if problems:
        raise ValueError(in_words(problems))
    return found


def in_words(problems: Problems, secret: bool = False) -> str:
    """All problems in a sentence.

    Args:
        problems: What `coerce` noted.
        secret: Leave out the values.
    """

    def given(value: Any) -> str:
        if isinstance(value, Exception):
            return "" if secret else f": {value}"
        kind = "None" if value is None else type(value).__name__
        return f", got {kind}" if secret or value is None else f", got {kind} {reprlib.repr(value)}"

    return "; ".join(what if value is UNFIT else what + given(value) for what, value in problems)


def closest(name: Any, names: Iterable[str]) -> str:
    """What to use instead of an unknown name."""
    import difflib

    known = list(names)
    near = difflib.get_close_matches(str(name), known, 1)
    return f"did you mean {near[0]!r}?" if near else f"there is {', '.join(known) or 'none'}"


def coerce(shape: Shape, value: Any, path: str, problems: Problems, stage: int = LOSSLESS) -> Any:
    """A value made to fit a shape. What doesn't fit is noted, and the value given back as it came.

    Args:
        shape: What it shall be.
        value: Anything.
        path: Where it stands, such as `items[2].price`.
        problems: Where to note what is wrong.
        stage: How much may be changed: EXACT, NATURAL or LOSSLESS.
    """
    before = len(problems)
    try:
        found = shape.fit(shape, value, path, problems, stage)
    except RecursionError:
        problems.append((f"{path[:80]}… is nested too deeply", UNFIT))
        found = UNFIT
    if found is UNFIT and len(problems) == before:
        form = shape.schema.get("format")
        problems.append((f"{path}: expected {shape.text}{f' ({form} text)' if form else ''}", value))
    return found if len(problems) == before else value


def as_any(_shape: Shape, value: Any, _path: str, _problems: Problems, _stage: int) -> Any:
    """Everything fits."""
    return value


def as_scalar(shape: Shape, value: Any, _path: str, _problems: Problems, stage: int) -> Any:
    """A number, a text, a date, ..., None."""
    return _read(shape.cls, value, stage)


def as_member(shape: Shape, value: Any, _path: str, _problems: Problems, stage: int) -> Any:
    """One of a Literal or Enum."""
    for _, member in shape.members:
        if type(member) is type(value) and member == value:
            return member
    tries = ((level, token, member) for level in range(NATURAL, stage + 1) for token, member in shape.members)
    return next((member for level, token, member in tries if _read(type(token), value, level) == token), UNFIT)


def _read(cls: Any, value: Any, stage: int) -> Any:
    value = _plain(value)
    if isinstance(value, cls) and not isinstance(value, _NOT_THOUGH_SUBCLASS.get(cls, ())):
        return value
    try:
        return _converted(cls, value, stage) if stage > EXACT and cls is not NONE else UNFIT
    except (ValueError, TypeError, OverflowError, RecursionError, msgspec.MsgspecError):
        return UNFIT  # each of these is one reader's way to say so


def _converted(cls: Any, value: Any, stage: int) -> Any:
    kind = type(value)
    if cls in (int, float, bool):
        if kind is str and stage == LOSSLESS:
            return _read(cls, msgspec.json.decode(value.lower() if cls is bool else value), NATURAL)
        number = kind is int or (kind is float and abs(value) <= 2**53)  # beyond, a float stands for several integers
        return cls(value) if number and cls is not bool and cls(value) == value else UNFIT
    if cls is str:
        return repr(value) if kind in (int, float) and stage == LOSSLESS else UNFIT
    if issubclass(cls, os.PathLike):
        return cls(value) if kind is str else UNFIT
    if hasattr(cls, "fromisoformat"):
        return UNFIT if cls is datetime and not {":", "T"} & {*value} else cls.fromisoformat(value)
    return msgspec.convert(value, cls)


def _plain(value: Any) -> Any:
    """The value, or what an array or scalar of numpy and the like stands for."""
    return value.tolist() if hasattr(value, "dtype") and hasattr(value, "tolist") else value


def _parsed(value: Any, stage: int) -> Any:
    """What the value is JSON text of, or else the value."""
    if isinstance(value, str) and stage == LOSSLESS:
        with contextlib.suppress(ValueError, RecursionError, msgspec.MsgspecError):
            return msgspec.json.decode(value)
    return _plain(value)


def as_array(shape: Shape, value: Any, path: str, problems: Problems, stage: int) -> Any:
    """A list, set or tuple: of any length where it builds from one shape, else of one length."""
    value = _parsed(value, stage)
    unordered = isinstance(value, set | frozenset) and shape.build not in (set, frozenset)
    right = isinstance(value, Collection) and (stage > EXACT or isinstance(value, shape.cls))
    if not right or unordered or isinstance(value, str | bytes | bytearray | memoryview | Mapping):
        return UNFIT
    fixed = "items" not in shape.schema
    if fixed and len(value) != len(shape.args):
        return UNFIT
    if not fixed and shape.args[0].fit is as_scalar and set(map(type, value)) <= {shape.args[0].cls}:
        found = list(value)  # nothing to look at one by one
    else:
        items = zip(shape.args if fixed else [shape.args[0]] * len(value), value, strict=True)
        found = [coerce(item, one, f"{path}[{index}]", problems, stage) for index, (item, one) in enumerate(items)]
    if isinstance(value, shape.cls) and all(map(operator.is_, found, value)):
        return value
    try:
        return shape.build(found)
    except TypeError:  # what can't be hashed is in no set
        return UNFIT


def as_mapping(shape: Shape, value: Any, path: str, problems: Problems, stage: int) -> Any:
    """A dict."""
    value = _parsed(value, stage)
    if not isinstance(value, shape.cls if stage == EXACT else Mapping):
        return UNFIT
    key, item = shape.args
    keys = [coerce(key, one, f"key of {path}", problems, stage and LOSSLESS) for one in value]
    items = [coerce(item, one, f"{path}[{name!r}]", problems, stage) for name, one in value.items()]
    if isinstance(value, shape.cls) and all(map(operator.is_, (*keys, *items), (*value, *value.values()))):
        return value
    found = dict(zip(keys, items, strict=True))
    return found if len(found) == len(value) else UNFIT  # "1" and 1 are two keys, and would be one


def as_record(shape: Shape, value: Any, path: str, problems: Problems, stage: int) -> Any:
    """A dataclass and its like; a TypedDict where `build` is dict."""
    before, typed_dict = len(problems), shape.build is dict
    if not typed_dict and (stage == EXACT or isinstance(value, shape.cls)):
        return value if isinstance(value, shape.cls) else UNFIT
    value = _parsed(value, stage)
    if isinstance(value, list | tuple) and issubclass(shape.cls, tuple) and len(value) <= len(shape.fields):
        value = dict(zip(shape.fields, value, strict=False))
    if not isinstance(value, Mapping):
        return UNFIT
    found = {}
    for key, (name, inner, required) in shape.fields.items():
        if key in value:
            found[name] = coerce(inner, value[key], f"{path}.{key}", problems, stage)
        elif required:
            problems.append((f"{path}.{key} is missing", UNFIT))
    unknown = (key for key in value if key not in shape.fields)
    problems += [(f"{path} has no {key!r}: {closest(key, shape.fields)}", UNFIT) for key in unknown]
    found.pop("", None)  # a tag says which class it is, and is no part of it
    same = typed_dict and isinstance(value, dict) and all(value[key] is one for key, one in found.items())
    if same or len(problems) > before:
        return value
    try:
        return shape.build(**found)
    except Exception as exc:  # the class's own checks: their words say best what is wrong
        problems.append((f"{path} can't be made a {shape.text}", exc))
        return UNFIT


def as_foreign(shape: Shape, value: Any, path: str, problems: Problems, stage: int) -> Any:
    """A pydantic model, or whatever else validates itself as one does."""
    if stage == EXACT or isinstance(value, shape.cls):
        return value if isinstance(value, shape.cls) else UNFIT
    try:
        return shape.build(_parsed(value, stage))
    except Exception as exc:  # as for a record
        errors = exc.errors() if hasattr(exc, "errors") else [{"loc": (), "msg": exc, "input": value}]
        for error in errors:
            where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"])
            problems.append((f"{path}{where}: {error['msg']}", error["input"]))
        return UNFIT


def as_union(shape: Shape, value: Any, path: str, problems: Problems, stage: int) -> Any:
    """The member of the first stage at which one fits."""
    last = Problems()
    for level in range(stage + 1):
        fits = []
        for member in shape.args:
            noted = Problems()
            found = coerce(member, value, path, noted, level)
            if not noted:
                fits.append((member.text, found))
            elif member.cls is not NONE:
                last = noted
        if fits:
            text, found = fits[0]
            if level > EXACT and (rivals := [other for other, its in fits if its != found]):
                problems.append((f"{path}: it could be {text} or {rivals[0]}, make clear which", value))
            return found
    if sum(member.cls is not NONE for member in shape.args) == 1:
        problems += last  # of an Optional: what is wrong inside says more
    return UNFIT


def as_limited(shape: Shape, value: Any, path: str, problems: Problems, stage: int) -> Any:
    """What the shape inside takes, within bounds."""
    before, found = len(problems), coerce(shape.args[0], value, path, problems, stage)
    for limit in shape.limits if len(problems) == before else ():
        try:
            msgspec.convert(found, limit)
        except msgspec.ValidationError as exc:
            problems.append((f"{path}: {exc}", found))
    return found
