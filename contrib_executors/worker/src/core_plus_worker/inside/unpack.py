"""Tagged data back to values. What comes is never trusted: a tree that isn't one of `pack`'s is refused."""

from __future__ import annotations

import array
import base64
import builtins
import io
from typing import TYPE_CHECKING, Any

from core_plus_worker.inside.pack import LONGEST_FRACTION, MAX_DEPTH
from core_plus_worker.inside.records import CodecError, Failure, Opaque, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Way = Callable[..., Any]

SIMPLE = frozenset([type(None), bool, int, float, str])
"""Trees that are their own value."""


ALIKE = 50
"""Keys of one set or dict that may have the same hash: each is compared with all of them."""


class Unpacker:
    """Reads one tree.

    Args:
        blobs: The bytes that came beside it.
        more: Ways beside `WAYS`, by kind.
    """

    __slots__ = ("blobs", "depth", "more")

    def __init__(self, blobs: Sequence[Any], more: Mapping[str, Way]) -> None:
        self.blobs, self.more, self.depth = list(blobs), more, 0

    def unpack(self, tree: Any) -> Any:
        """The value of a tree.

        Args:
            tree: What `Packer.pack` made.
        """
        kind = type(tree)
        if kind is list:
            return tree if SIMPLE.issuperset(map(type, tree)) else self.nested(tree)
        if kind is not dict:
            return tree
        tag = tree.get("$")
        if tag is None:
            values = tree.values()
            return tree if SIMPLE.issuperset(map(type, values)) else dict(zip(tree, self.nested(values)))
        way = WAYS.get(tag[0]) or self.more[tag[0]]
        return way(self, *tag[1:])

    def nested(self, trees: Iterable[Any]) -> list[Any]:
        """The values of what stands in a container."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise CodecError(f"nested deeper than {MAX_DEPTH} levels")
        unpack = self.unpack
        values = [tree if type(tree) in SIMPLE else unpack(tree) for tree in trees]
        self.depth -= 1
        return values

    def blob(self, place: int | str) -> bytes:
        """The bytes that were put aside.

        Raises:
            CodecError: They have been taken already: a few bytes mustn't stand for many.
        """
        found = self._take(place)
        return found.getvalue() if type(found) is io.BytesIO else bytes(found)

    def buffer(self, place: int | str) -> Any:
        """The same as memory that may be written.

        Raises:
            CodecError: As above.
        """
        found = self._take(place)
        return found.getbuffer() if type(found) is io.BytesIO else bytearray(found)

    def _take(self, place: int | str) -> Any:
        if isinstance(place, str):
            return base64.b64decode(place)
        found, self.blobs[place] = self.blobs[place], None
        if found is None:
            raise CodecError(f"the bytes {place} are used twice")
        return found


def distinct(keys: list[Any]) -> list[Any]:
    """The keys of a set or dict, refused where so many share a hash that building it would take minutes.

    Args:
        keys: What will be hashed.
    """
    if len(keys) > ALIKE:
        hashes = sorted(map(hash, keys))
        if any(map(int.__eq__, hashes, hashes[ALIKE:])):
            raise CodecError(f"more than {ALIKE} keys of a set or dict have the same hash")
    return keys


def exactly(kind: type, value: Any) -> Any:
    """The value, refused if it is of another type."""
    if type(value) is not kind:
        raise CodecError(f"{kind.__name__} expected, {type(value).__name__} came")
    return value


def zone_of(name: str) -> Any:
    """The time zone of that name, or None if this side doesn't know it."""
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def numbers(code: str) -> Way:
    """A way for many numbers in one blob."""

    def read(unpacker: Unpacker, place: int | str) -> list[Any]:
        found = array.array(code)
        found.frombytes(unpacker.blob(place))
        return found.tolist()

    return read


def many(make: Callable[[list[Any]], Any], hashed: bool = False) -> Way:
    """A way for containers that came as a list."""

    def read(unpacker: Unpacker, tree: Any) -> Any:
        values = exactly(list, unpacker.unpack(tree))
        return make(distinct(values) if hashed else values)

    return read


def fitting(make: Callable[..., Any], kind: type | None = None) -> Way:
    """A way for values whose parts are values, all of one type if it is given."""

    def read(unpacker: Unpacker, *trees: Any) -> Any:
        parts = [unpacker.unpack(tree) for tree in trees]
        return make(*parts if kind is None else [exactly(kind, part) for part in parts])

    return read


def read_dict(unpacker: Unpacker, keys: list[Any], values: list[Any]) -> dict[Any, Any]:
    """Dicts of any keys."""
    return dict(zip(distinct(unpacker.nested(keys)), unpacker.nested(values)))


def read_record(unpacker: Unpacker, type_name: str, names: list[str], values: list[Any]) -> Record:
    """Objects of unknown classes."""
    if not all(isinstance(name, str) for name in [type_name, *names]):
        raise CodecError("a record's names are texts")
    return Record(type_name, dict(zip(names, unpacker.nested(values))))


def read_opaque(unpacker: Unpacker, type_name: str, text: str) -> Opaque:
    """What couldn't cross."""
    return Opaque(str(type_name), str(text))


def read_exception(unpacker: Unpacker, type_name: str, text: str) -> Exception:
    """Exceptions: Python's own by name, if a text is all they need; else a `Failure`."""
    kind = getattr(builtins, type_name, None)
    if not isinstance(kind, type) or not issubclass(kind, Exception) or type_name.endswith("Group"):
        return Failure(type_name, text)
    return Failure(type_name, text) if issubclass(kind, UnicodeError) else kind(text)


def read_datetime(unpacker: Unpacker, iso: str, fold: int, zone: str | None) -> Any:
    """Moments. A zone that this side doesn't know leaves the offset."""
    import datetime

    moment = datetime.datetime.fromisoformat(iso).replace(fold=fold)
    known = zone_of(zone) if zone else None
    return moment.replace(tzinfo=known) if known else moment


def read_time(unpacker: Unpacker, iso: str, fold: int) -> Any:
    """Times of day."""
    import datetime

    return datetime.time.fromisoformat(iso).replace(fold=fold)


def made(module: str, name: str, kind: type) -> Way:
    """A way for values that a class of the standard library makes from plain parts of one type."""

    def read(unpacker: Unpacker, *trees: Any) -> Any:
        maker = getattr(__import__(module), name)
        return maker(*[exactly(kind, unpacker.unpack(tree)) for tree in trees])

    return read


def read_fraction(unpacker: Unpacker, *trees: Any) -> Any:
    """Fractions. To shorten one costs the square of its length, and minutes in which nothing can stop it."""
    import fractions

    numerator, denominator = [exactly(int, unpacker.unpack(tree)) for tree in trees]
    if max(numerator.bit_length(), denominator.bit_length()) > LONGEST_FRACTION:
        raise CodecError(f"a fraction of more than {LONGEST_FRACTION:,} bits")
    return fractions.Fraction(numerator, denominator)


def read_date(unpacker: Unpacker, iso: str) -> Any:
    """Days."""
    import datetime

    return datetime.date.fromisoformat(iso)


WAYS: Mapping[str, Way] = {
    "int": lambda unpacker, text: int(text, 16),
    "float": lambda unpacker, text: float(exactly(str, text)),
    "complex": fitting(complex, float),
    "text": lambda unpacker, place: str(unpacker.blob(place), "utf-8", "surrogatepass"),
    "bytes": lambda unpacker, place: unpacker.blob(place),
    "bytearray": lambda unpacker, place: bytearray(unpacker.blob(place)),
    "ints": numbers("q"),
    "floats": numbers("d"),
    "tuple": many(tuple),
    "set": many(set, hashed=True),
    "frozenset": many(frozenset, hashed=True),
    "dict": read_dict,
    "range": fitting(range, int),
    "record": read_record,
    "opaque": read_opaque,
    "exception": read_exception,
    "datetime": read_datetime,
    "date": read_date,
    "time": read_time,
    "timedelta": made("datetime", "timedelta", int),
    "decimal": made("decimal", "Decimal", str),
    "fraction": read_fraction,
    "uuid": made("uuid", "UUID", str),
    "path": made("pathlib", "Path", str),
}
