"""Values as tagged data, the same at both ends of a wire and in a journal; nothing is ever pickled.

None, bool, text, finite numbers, lists, and dicts with text keys are JSON as it is. All else is an object with the
one key "$" and a list, the kind first:

    int 64 bits and more   ["int", hex]                     datetime   ["datetime", iso, fold, zone or null]
    nan, inf               ["float", text]                  date       ["date", iso]
    complex                ["complex", real, imag]          time       ["time", iso, fold]
    long text              ["text", blob]                   timedelta  ["timedelta", days, seconds, microseconds]
    bytes, bytearray       ["bytes" | "bytearray", blob]    Decimal    ["decimal", text]
    many ints, floats      ["ints" | "floats", blob]        Fraction   ["fraction", numerator, denominator]
    tuple, set, frozenset  [kind, list]                     UUID       ["uuid", hex]
    other dicts            ["dict", keys, values]           Path       ["path", text]
    range                  ["range", start, stop, step]     exception  ["exception", type name, text]
    dataclass, namedtuple, enum, attrs, msgspec, pydantic   ["record", type name, names, values]
    anything else          ["opaque", type name, text]; `repr` made the text on the side that has the object
    numpy, pandas, images  see `foreign`

A blob is a number, the place of its bytes beside the tree; or its base64 text where the tree stands alone.
"""

from __future__ import annotations

import array
import base64
import contextlib
import reprlib
from typing import TYPE_CHECKING, Any

from core_plus_worker.inside.records import CodecError, Opaque, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Way = Callable[["Packer", Any], Any]

MAX_DEPTH = 100
"""Containers within containers that may cross."""

LONG = 1 << 16
"""Texts longer than this travel as blobs: characters."""

MANY = 256
"""Lists of numbers longer than this travel as one blob."""

LONGEST_FRACTION = 1 << 14
"""Bits of a fraction's numerator or denominator that may cross."""

WIDE = 1 << 63
PLAIN = frozenset([type(None), bool])
SCALARS = frozenset([type(None), bool, str])


def describe(value: object, length: int = 4000) -> Opaque:
    """What an object that can't cross looks like.

    Args:
        value: An object of this side.
        length: Characters of text at most.
    """
    short = reprlib.Repr()
    short.maxlist = short.maxtuple = short.maxset = short.maxfrozenset = short.maxdeque = short.maxdict = 50
    short.maxstring = short.maxother = length
    name = type(value).__name__
    try:
        text = short.repr(value)
    except Exception as error:
        text = f"<{name} whose repr raised {type(error).__name__}>"
    return Opaque(name, text[:length])


def cyclic(value: Any, above: tuple[int, ...], seen: set[int]) -> bool:
    """Whether a list, tuple or dict contains itself; asked only once a value has turned out to be deep.

    Args:
        value: Where to look.
        above: The ids of what it stands in.
        seen: The ids of what was looked at.
    """
    if id(value) in above:
        return True
    if not isinstance(value, (list, tuple, dict)) or id(value) in seen or len(above) > 2 * MAX_DEPTH:
        return False
    seen.add(id(value))
    inner = value.values() if isinstance(value, dict) else value
    return any(cyclic(item, (*above, id(value)), seen) for item in inner)


def plain(values: Iterable[Any]) -> bool:
    """Whether all values are JSON as they are: the short way for the arguments of most calls.

    Args:
        values: The values.
    """
    for value in values:
        kind = type(value)
        if kind is int:
            if not -WIDE < value < WIDE:
                return False
        elif kind is str:
            if len(value) > LONG:
                return False
        elif kind not in PLAIN:
            return False
    return True


class Packer:
    """Makes one tree.

    Args:
        known: How values of a type are packed, filled as types are met; shared between trees.
        more: Ways beside `WAYS`, by "package.class".
        inline: Whether blobs are base64 within the tree.
        views: Whether blobs may be the objects' own memory.
    """

    __slots__ = ("blobs", "depth", "inline", "known", "more", "views")

    def __init__(
        self, known: dict[type, Way], more: Mapping[str, Way], inline: bool = False, views: bool = False
    ) -> None:
        self.known, self.more, self.inline, self.views = known, more, inline, views
        self.blobs: list[Any] = []
        self.depth = 0

    def pack(self, value: Any) -> Any:
        """The tree of a value.

        Args:
            value: Anything.

        Raises:
            CodecError: It is nested too deeply or contains itself.
        """
        kind = type(value)
        if kind in PLAIN:
            return value
        way = self.known.get(kind) or self.find(kind)
        return way(self, value)

    def find(self, kind: type) -> Way:
        """How values of a type are packed: its own way, or that of the nearest class above it."""
        way: Way = pack_object
        for base in kind.__mro__:
            name = f"{base.__module__.partition('.')[0]}.{base.__qualname__}"
            if name in WAYS or name in self.more:
                way = WAYS[name] if name in WAYS else guarded(self.more[name])
                break
        if len(self.known) < 1000:
            self.known[kind] = way
        return way

    def nested(self, values: Iterable[Any]) -> list[Any]:
        """The trees of what stands in a container."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise CodecError(f"nested deeper than {MAX_DEPTH} levels")
        pack = self.pack
        packed = [
            value
            if (
                ((kind := type(value)) is str and len(value) <= LONG)
                or (kind is int and -WIDE < value < WIDE)
                or (kind is float and value - value == 0)
                or kind in PLAIN
            )
            else pack(value)  # what is said above is what `pack` does, without the calls: half the time of a table
            for value in values
        ]
        self.depth -= 1
        return packed

    def blob(self, data: Any) -> int | str:
        """Put bytes aside."""
        if self.inline:
            return base64.b64encode(data).decode("ascii")
        self.blobs.append(data)
        return len(self.blobs) - 1


def guarded(way: Way) -> Way:
    """A way that falls back on the object's `repr`, for libraries whose objects may refuse."""

    def pack(packer: Packer, value: Any) -> Any:
        depth = packer.depth
        try:
            return way(packer, value)
        except CodecError:
            raise
        except Exception:
            packer.depth = depth
            return pack_opaque(packer, value)

    return pack


def tagged(kind: str, *parts: Any) -> dict[str, Any]:
    """A tagged tree."""
    return {"$": [kind, *parts]}


def pack_int(packer: Packer, value: int) -> Any:
    """Integers; bool's cousins from an IntEnum too."""
    plain = int(value)
    return plain if -WIDE < plain < WIDE else tagged("int", hex(plain))


def pack_float(packer: Packer, value: float) -> Any:
    """Floats; what JSON has no word for is tagged."""
    plain = float(value)
    return plain if plain - plain == 0 else tagged("float", repr(plain))


def pack_str(packer: Packer, value: str) -> Any:
    """Text, lone surrogates too."""
    plain = value if type(value) is str else str.__str__(value)
    return plain if len(plain) <= LONG else tagged("text", packer.blob(plain.encode("utf-8", "surrogatepass")))


def pack_list(packer: Packer, value: Sequence[Any]) -> Any:
    """Lists and what behaves like one."""
    if len(value) > MANY:
        kinds = set(map(type, value))
        if kinds == {float}:
            return tagged("floats", packer.blob(array.array("d", value).tobytes()))
        if kinds == {int}:
            with contextlib.suppress(OverflowError):  # one of them has more than 64 bits
                return tagged("ints", packer.blob(array.array("q", value).tobytes()))
        if kinds <= SCALARS and type(value) is list:
            return value
    return packer.nested(value)


def pack_tuple(packer: Packer, value: tuple[Any, ...]) -> Any:
    """Tuples; named ones are records."""
    if type(value) is not tuple and hasattr(value, "_fields"):
        return pack_record(packer, type(value).__name__, dict(zip(value._fields, value)))
    return tagged("tuple", pack_list(packer, value))


def pack_dict(packer: Packer, value: Mapping[Any, Any]) -> Any:
    """Dicts and what behaves like one; pairs, where a key is no text."""
    if not value:
        return {}
    if isinstance(value, Record):
        return pack_record(packer, value.type_name, value)
    if "$" not in value and set(map(type, value)) <= {str}:
        return dict(zip(value, packer.nested(value.values())))
    return tagged("dict", packer.nested(value), packer.nested(value.values()))


def pack_record(packer: Packer, type_name: str, fields: Mapping[str, Any]) -> Any:
    """Named fields."""
    return tagged("record", type_name, list(fields), packer.nested(fields.values()))


def pack_opaque(packer: Packer, value: Any) -> Any:
    """What an object looks like."""
    seen = describe(value)
    return tagged("opaque", seen.type_name, seen.text)


def pack_object(packer: Packer, value: Any) -> Any:
    """Objects of classes that aren't known: a record, if the class says which fields it has."""
    kind = type(value)
    names: Iterable[Any] | None = None
    if isinstance(value, type):
        pass
    elif hasattr(kind, "__dataclass_fields__"):
        names = kind.__dataclass_fields__
    elif hasattr(kind, "__struct_fields__"):
        names = kind.__struct_fields__
    elif hasattr(kind, "__attrs_attrs__"):
        names = [field.name for field in kind.__attrs_attrs__]
    elif isinstance(getattr(kind, "model_fields", None), dict) and hasattr(kind, "model_validate"):
        names = kind.model_fields
    if names is None:
        return pack_opaque(packer, value)
    return pack_record(packer, kind.__name__, {name: getattr(value, name, None) for name in names})


def pack_exception(packer: Packer, value: BaseException) -> Any:
    """Exceptions, as name and text."""
    text = value.args[0] if len(value.args) == 1 and type(value.args[0]) is str else str(value)
    return tagged("exception", type(value).__name__, text)


def pack_datetime(packer: Packer, value: Any) -> Any:
    """Moments, with the zone's name where it has one; other zones become their offset."""
    return tagged("datetime", value.isoformat(), value.fold, getattr(value.tzinfo, "key", None))


def pack_fraction(packer: Packer, value: Any) -> Any:
    """Fractions; one that the other side would refuse for its length is what it looks like."""
    parts = [value.numerator, value.denominator]
    if max(part.bit_length() for part in parts) > LONGEST_FRACTION:
        sizes = " and ".join(f"{part.bit_length():,}" for part in parts)
        return tagged("opaque", "Fraction", f"<Fraction of {sizes} bits>")
    return tagged("fraction", *map(packer.pack, parts))


def alike(kind: str, *fields: str) -> Way:
    """A way for values that a few of their fields say."""

    def pack(packer: Packer, value: Any) -> Any:
        return tagged(kind, *[packer.pack(getattr(value, field)) for field in fields])

    return pack


def listed(kind: str) -> Way:
    """A way for containers that become a tagged list."""

    def pack(packer: Packer, value: Any) -> Any:
        return tagged(kind, pack_list(packer, list(value)))

    return pack


def spelled(kind: str) -> Way:
    """A way for values that their text says."""
    return lambda packer, value: tagged(kind, str(value))


def copied(kind: str) -> Way:
    """A way for bytes."""
    return lambda packer, value: tagged(kind, packer.blob(bytes(value) if type(value) is not bytes else value))


def as_list(packer: Packer, value: Any) -> Any:
    """Containers that the other side may have as a list."""
    return pack_list(packer, list(value))


WAYS: Mapping[str, Way] = {
    "builtins.bool": lambda packer, value: value,
    "builtins.int": pack_int,
    "builtins.float": pack_float,
    "builtins.complex": alike("complex", "real", "imag"),
    "builtins.str": pack_str,
    "builtins.bytes": copied("bytes"),
    "builtins.bytearray": copied("bytearray"),
    "builtins.memoryview": copied("bytes"),
    "builtins.list": pack_list,
    "builtins.tuple": pack_tuple,
    "builtins.set": listed("set"),
    "builtins.frozenset": listed("frozenset"),
    "builtins.dict": pack_dict,
    "builtins.mappingproxy": pack_dict,
    "builtins.dict_keys": as_list,
    "builtins.dict_values": as_list,
    "builtins.dict_items": as_list,
    "builtins.range": alike("range", "start", "stop", "step"),
    "builtins.BaseException": pack_exception,
    "array.array": as_list,
    "collections.deque": as_list,
    "collections.UserDict": pack_dict,
    "collections.UserList": as_list,
    "datetime.datetime": pack_datetime,
    "datetime.date": lambda packer, value: tagged("date", value.isoformat()),
    "datetime.time": lambda packer, value: tagged("time", value.isoformat(), value.fold),
    "datetime.timedelta": alike("timedelta", "days", "seconds", "microseconds"),
    "decimal.Decimal": spelled("decimal"),
    "fractions.Fraction": pack_fraction,
    "uuid.UUID": lambda packer, value: tagged("uuid", value.hex),
    "pathlib.PurePath": spelled("path"),
    "enum.Enum": lambda packer, value: pack_record(
        packer, type(value).__name__, {"name": value.name, "value": value.value}
    ),
    "types.SimpleNamespace": lambda packer, value: pack_record(packer, type(value).__name__, vars(value)),
    "core_plus_worker.Failure": lambda packer, value: tagged("exception", value.type_name, value.text),
    "core_plus_worker.Opaque": lambda packer, value: tagged("opaque", value.type_name, value.text),
}
