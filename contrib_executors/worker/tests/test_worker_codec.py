"""Values as tagged data: there and back, and nothing forged gets through."""

import collections
import dataclasses
import datetime as dt
import enum
import json
import math
import types
import zoneinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any

import attrs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_plus.messages import Audio, Image
from core_plus.secret import Secret
from core_plus_worker import Codec, CodecError, Failure, Opaque, Record
from core_plus_worker.inside.pack import MAX_DEPTH
from core_plus_worker.session import media

ZONES = st.sampled_from(
    [None, dt.UTC, dt.timezone(dt.timedelta(hours=-3, minutes=30)), zoneinfo.ZoneInfo("Europe/Oslo")]
)
HASHABLE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(2**70), max_value=2**70),
    st.floats(allow_nan=False),
    st.complex_numbers(allow_nan=False),
    st.text(st.characters()),
    st.binary(),
    st.dates(),
    st.times(),
    st.datetimes(timezones=ZONES),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.uuids(),
    st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 3)),
)
KEYS = st.recursive(HASHABLE, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=5)
VALUES = st.recursive(
    HASHABLE | st.binary().map(bytearray),
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        st.sets(KEYS),
        st.dictionaries(st.text(), inner),
        st.dictionaries(KEYS, inner),
    ),
    max_leaves=20,
)


def there_and_back(value: Any) -> Any:
    codec = Codec(media)
    tree, blobs = codec.encode(value)
    return codec.decode(json.loads(json.dumps(tree)), blobs)


def typed(value: Any) -> Any:
    """The value with the types of all in it, so that 1, 1.0 and True differ."""
    if isinstance(value, (list, tuple)):
        return (type(value), [typed(item) for item in value])
    if isinstance(value, dict):
        return (type(value), [(typed(key), typed(item)) for key, item in value.items()])
    return (type(value), repr(value) if isinstance(value, (float, complex, dt.datetime)) else value)


@settings(deadline=None)
@given(VALUES)
def test_any_value_comes_back_as_it_was(value):
    assert typed(there_and_back(value)) == typed(value)


@settings(deadline=None)
@given(VALUES)
def test_a_tree_that_stands_alone_is_json_and_comes_back_too(value):
    codec = Codec(inline=True)
    tree, blobs = codec.encode(value)
    assert blobs == []
    assert typed(codec.decode(json.loads(json.dumps(tree)))) == typed(value)


@settings(deadline=None)
@given(st.lists(st.floats(), min_size=1).map(lambda values: values * 300))
def test_many_floats_keep_every_bit(values):
    assert [math.copysign(1, value) for value in there_and_back(values)] == [
        math.copysign(1, value) for value in values
    ]
    assert list(map(repr, there_and_back(values))) == list(map(repr, values))


class Colour(enum.Enum):
    RED = 1


class Size(enum.IntEnum):
    BIG = 7


class Word(str, enum.Enum):  # noqa: UP042  # the old way of it is what this tests
    YES = "yes"


@dataclasses.dataclass
class Place:
    x: int
    tags: list[str]


@attrs.frozen
class Settled:
    n: int


class Struct(msgspec.Struct):
    a: int


class Model:
    """Looks like pydantic's."""

    model_fields = {"a": None}

    def __init__(self) -> None:
        self.a = 1

    def model_validate(self) -> None: ...


Point = collections.namedtuple("Point", "x y")

RECORDS = [
    (Place(1, ["a"]), "Place", {"x": 1, "tags": ["a"]}),
    (Point(1, (2,)), "Point", {"x": 1, "y": (2,)}),
    (Colour.RED, "Colour", {"name": "RED", "value": 1}),
    (Settled(3), "Settled", {"n": 3}),
    (Struct(4), "Struct", {"a": 4}),
    (Model(), "Model", {"a": 1}),
    (types.SimpleNamespace(q=1), "SimpleNamespace", {"q": 1}),
    (Image(url="https://x"), "Image", {"url": "https://x", "media_type": "image/png", "name": None}),
]


@pytest.mark.parametrize(("value", "name", "fields"), RECORDS, ids=lambda value: str(value)[:20])
def test_objects_with_fields_become_records(value, name, fields):
    found = there_and_back({"it": [value]})["it"][0]
    assert type(found) is Record
    assert (found.type_name, dict(found)) == (name, fields)
    assert there_and_back(found) == found
    assert there_and_back(found).type_name == name


def test_a_records_fields_are_items_and_attributes():
    record = Record("Place", {"x": 1, "items": 2})
    assert (record.x, record["items"], repr(record)) == (1, 2, "Place(x=1, items=2)")
    with pytest.raises(AttributeError, match="this Place has no 'y'; it has: x, items"):
        _ = record.y


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Size.BIG, 7),
        (Word.YES, "yes"),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.Counter("aa"), {"a": 2}),
        (collections.deque([1, 2]), [1, 2]),
        ({"a": 1}.items(), [("a", 1)]),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (memoryview(b"ab"), b"ab"),
        (b"", b""),
    ],
    ids=lambda value: type(value).__name__,
)
def test_relatives_of_plain_types_become_the_plain_type(value, expected):
    assert typed(there_and_back(value)) == typed(expected)


def test_exceptions_keep_name_and_text():
    assert repr(there_and_back(KeyError("k"))) == "KeyError('k')"
    unknown = there_and_back(Failure("OddError", "why"))
    assert (type(unknown), str(unknown)) == (Failure, "OddError: why")
    assert str(there_and_back(unknown)) == str(unknown)
    assert there_and_back(UnicodeDecodeError("utf-8", b"x", 0, 1, "bad")).type_name == "UnicodeDecodeError"
    assert there_and_back(SystemExit(3)).type_name == "SystemExit"
    assert there_and_back(ExceptionGroup("many", [ValueError()])).type_name == "ExceptionGroup"


def test_what_cant_cross_becomes_what_it_looks_like():
    found = there_and_back([print, Place, Secret("key")])
    assert [type(item) for item in found] == [Opaque] * 3
    assert [item.text for item in found] == ["<built-in function print>", repr(Place), "***"]
    assert found[0] == Opaque("builtin_function_or_method", "<built-in function print>")
    assert len(there_and_back(type("Big", (), {"__repr__": lambda self: "x" * 10**6})()).text) <= 4000
    assert there_and_back(found[0]) == found[0]


@pytest.mark.parametrize("make", [lambda inner: [inner], lambda inner: (inner,), lambda inner: {"a": inner}])
def test_depth_is_bounded(make):
    value: Any = 1
    for _ in range(MAX_DEPTH):
        value = make(value)
    assert there_and_back(value) == value
    with pytest.raises(CodecError, match=f"deeper than {MAX_DEPTH}"):
        Codec().encode(make(value))


def test_a_value_that_contains_itself_is_refused_as_that():
    value: Any = {"a": [1]}
    value["a"].append((value,))
    with pytest.raises(CodecError, match="contains itself"):
        Codec().encode(value)


def test_a_value_that_contains_another_twice_at_each_level_isnt_taken_for_one_that_contains_itself():
    value: Any = []
    for _ in range(10_000):
        value = [value]
    with pytest.raises(CodecError, match="deeper than"):
        Codec().encode([value, value])


def test_pictures_and_sounds_become_the_frameworks_own():
    assert there_and_back(Image(data=b"png", name="a.png")) == Image(data=b"png", name="a.png")
    assert there_and_back(Audio(data=b"wav")) == Audio(data=b"wav")
    assert there_and_back(media("application/pdf", b"pdf", None)) == media("application/pdf", b"pdf", None)


DEEP: Any = 1
for _ in range(MAX_DEPTH + 1):
    DEEP = [DEEP, {}]

FORGED: dict[str, Any] = {
    "an unknown kind": {"$": ["eval", "1"]},
    "no list": {"$": 5},
    "an empty list": {"$": []},
    "a kind that is no text": {"$": [[], 1]},
    "too many parts": {"$": ["int", "1", "2"]},
    "no number": {"$": ["int", "zz"]},
    "a number that isn't text": {"$": ["int", 5]},
    "a blob that isn't there": {"$": ["bytes", 7]},
    "half an int": {"$": ["ints", 0]},
    "no UTF-8": {"$": ["text", 0]},
    "a tuple of a range": {"$": ["tuple", {"$": ["range", 0, 10**12, 1]}]},
    "a set of a dict": {"$": ["set", {"a": 1}]},
    "a set of lists": {"$": ["set", [[]]]},
    "a dict with a list as key": {"$": ["dict", [[]], [1]]},
    "a fraction of a power": {"$": ["fraction", "1e999999999", 1]},
    "a fraction by zero": {"$": ["fraction", 1, 0]},
    "a range of floats": {"$": ["range", 0.5, 1, 1]},
    "a duration beyond time": {"$": ["timedelta", 10**12, 0, 0]},
    "a day that isn't": {"$": ["date", "2026-02-30"]},
    "a path of a number": {"$": ["path", 1]},
    "a record without names": {"$": ["record", "A", [1], [1]]},
    "an array of objects": {"$": ["ndarray", "|O", [1], 0]},
    "an array of records": {"$": ["ndarray", "i4,i4", [1], 0]},
    "an array of another size": {"$": ["ndarray", "<i8", [1000], 0]},
    "too deep": DEEP,
}


@pytest.mark.parametrize("what", FORGED)
def test_a_forged_tree_is_refused(what):
    with pytest.raises(CodecError):
        Codec(media).decode(FORGED[what], [b"\xff\xff\xff"])


def test_keys_that_share_a_hash_are_refused_before_they_cost_minutes():
    same = [{"$": ["int", hex((2**61 - 1) * n)]} for n in range(1, 3000)]
    with pytest.raises(CodecError, match="same hash"):
        Codec().decode({"$": ["set", same]})
    with pytest.raises(CodecError, match="same hash"):
        Codec().decode({"$": ["dict", same, same]})
    assert len(there_and_back(set(range(3000)))) == 3000


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.integers() | st.text() | st.sampled_from(["tuple", "dict", "set", "record", "int"]),
        lambda inner: (
            st.lists(inner) | st.fixed_dictionaries({"$": st.lists(inner)}) | st.dictionaries(st.text(), inner)
        ),
    )
)
def test_whatever_comes_is_a_value_or_refused(tree):
    try:
        Codec(media).decode(tree, [b"12345678"])
    except CodecError as error:
        refused = str(error)
    else:
        refused = "no"
    assert refused


@pytest.mark.parametrize("kind", ["text", "bytes", "ints"])
def test_bytes_that_came_once_are_used_once(kind):
    tree = {"$": [kind, 0]}
    assert Codec().decode(tree, [b"12345678"])
    with pytest.raises(CodecError, match="used twice"):
        Codec().decode([tree, tree], [b"12345678"])


def test_numbers_stay_exact():
    assert there_and_back(Decimal("1.10")) == Decimal("1.10")
    assert str(there_and_back(Decimal("NaN"))) == "NaN"
    assert there_and_back(Fraction(10**50, 3)) == Fraction(10**50, 3)


def test_a_zone_this_side_doesnt_know_leaves_the_offset():
    tree, _ = Codec().encode(dt.datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Oslo")))
    tree["$"][3] = "Mars/Base"
    assert Codec().decode(tree).utcoffset() == dt.timedelta(hours=2)
    tree["$"][3] = "../../etc/passwd"
    assert Codec().decode(tree).utcoffset() == dt.timedelta(hours=2)
