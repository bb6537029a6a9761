"""Values on their way into code and out of it."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any, Final
from uuid import UUID

import pytest

from core_plus.executors import Limits
from core_plus_testkit.executor_kit.base import Base, Open

OSLO: Final = dt.timezone(dt.timedelta(hours=1))

VALUES: Final[dict[str, Any]] = {
    "None": None,
    "a truth": True,
    "an int": -7,
    "the largest plain int": 2**63 - 1,
    "an int of many digits": 3**200,
    "an int beyond what str() writes": 10**5000,
    "a float": 0.1,
    "minus zero": -0.0,
    "infinity": -math.inf,
    "a complex number": 1 - 2j,
    "no text": "",
    "text of many scripts": 'ü漢字🦊\x00\r\n\u2028"\\',
    "half a surrogate pair": "a\ud800b",
    "a long text": "ü" * 100_000,
    "bytes": bytes(range(256)),
    "many bytes": b"\x00\xff" * 100_000,
    "a bytearray": bytearray(b"ab"),
    "a list": [1, "a", None, [2.5, []]],
    "many ints": list(range(-500, 500)),
    "many floats": [n / 7 for n in range(1000)],
    "many texts": ["a", "ü"] * 500,
    "ints of all sizes": [2**70, -(2**63), 0] * 200,
    "a tuple": (1, (2, ()), [3]),
    "a set": {1, "a", (2, 3)},
    "a frozenset": frozenset([1, frozenset()]),
    "a dict": {"a": 1, "b": {"c": [1, 2]}, "": None},
    "a dict of any keys": {1: "a", None: "b", (1, 2): "c", 2.5: "d"},
    "a dict with a sign": {"$": ["tuple", []]},
    "a range": range(1, 10, 3),
    "a day": dt.date(2026, 2, 28),
    "a time of day": dt.time(23, 59, 58, 7),
    "a naive moment": dt.datetime(2026, 2, 28, 1, 2, 3, 4),  # noqa: DTZ001  # naive is the point
    "a moment in UTC": dt.datetime(2026, 2, 28, tzinfo=dt.UTC),
    "a moment elsewhere": dt.datetime(2026, 2, 28, tzinfo=OSLO),
    "a duration": dt.timedelta(days=-1, microseconds=3),
    "a Decimal": Decimal("1.10"),
    "a Fraction": Fraction(1, 3),
    "a UUID": UUID(int=5),
}

SPELLED: Final = {
    "{'a': (1, {2}), 3: b'x'}": {"a": (1, {2}), 3: b"x"},
    "'\\ud800'": "\ud800",
    "2 ** 100": 2**100,
    "[i * i for i in range(3)]": [0, 1, 4],
    "dict(a=1).keys()": ["a"],
    "__import__('collections').OrderedDict(a=1)": {"a": 1},
    "__import__('collections').Counter('aab')": {"a": 2, "b": 1},
    "__import__('datetime').date(2026, 1, 2)": dt.date(2026, 1, 2),
    "__import__('decimal').Decimal('0.10')": Decimal("0.10"),
    "list(range(100_000))": list(range(100_000)),
    "'x' * 1_000_000": "x" * 1_000_000,
    "b'x' * 1_000_000": b"x" * 1_000_000,
}

UNSENDABLE: Final = {
    "a function": "lambda: 1",
    "a module": "import math\nmath",
    "a class": "class A: pass\nA",
    "a generator": "(i for i in range(3))",
    "an open file": "open('/dev/null')",
    "an object whose repr raises": "class A:\n    def __repr__(self): 1 / 0\nA()",
    "a list that contains itself": "x = []\nx.append(x)\nx",
    "a value nested too deeply": "x = []\nfor i in range(10_000): x = [x]\nx",
}


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal and of the same types."""
    return bool(one == other) and type(one) is type(other) and (not isinstance(one, float) or repr(one) == repr(other))


class Values(Base):
    """Values that cross."""

    @pytest.mark.parametrize("what", VALUES)
    def test_a_value_crosses_both_ways_unchanged(self, opened: Open, what: str) -> None:
        seen: list[Any] = []

        def swap(value: Any, *, named: Any) -> Any:
            seen.extend([value, named])
            return VALUES[what]

        session = opened({"swap": swap}, variables={"given": VALUES[what]})
        done = session.run("back = swap(given, named=given)\n(back, back == given, type(back) is type(given))")
        assert done.error is None
        back, equal, alike = done.value
        assert (equal, alike) == (True, True)
        assert all(same(value, VALUES[what]) for value in [back, *seen])

    def test_no_number_crosses_as_no_number(self, opened: Open) -> None:
        session = opened({"give": lambda value: value}, variables={"nan": math.nan})
        assert math.isnan(session.value("give(nan)"))

    def test_a_path_crosses(self, opened: Open) -> None:
        session = opened({"give": lambda value: value})
        assert session.value("from pathlib import Path\ngive(Path('/a/b'))").as_posix() == "/a/b"
        assert opened(variables={"p": PurePosixPath("/a")}).value("p.name") == "a"

    def test_an_exception_crosses_as_one(self, opened: Open) -> None:
        value = opened().value("ValueError('wrong')")
        assert isinstance(value, ValueError)
        assert str(value) == "wrong"

    @pytest.mark.parametrize("code", SPELLED)
    def test_what_code_makes_reaches_the_host(self, opened: Open, code: str) -> None:
        assert same(opened().value(code), SPELLED[code])

    def test_an_object_with_fields_keeps_their_names(self, opened: Open) -> None:
        code = "import dataclasses\n@dataclasses.dataclass\nclass P:\n    x: int\n    y: list\nP(1, [2])"
        value = opened().value(code)
        assert (value["x"], value["y"]) == (1, [2])

    @pytest.mark.parametrize("what", UNSENDABLE)
    def test_what_cant_be_sent_does_no_harm(self, opened: Open, what: str) -> None:
        session = opened()
        done = session.run(UNSENDABLE[what])
        assert done.error is None
        assert done.has_value
        assert isinstance(str(done.value), str)
        assert session.value("1 + 1") == 2

    def test_a_final_answer_that_cant_be_sent_is_an_error_and_no_answer(self, opened: Open) -> None:
        session = opened()
        done = session.run("x = []\nx.append(x)\nfinal_answer(x)")
        assert done.error is not None
        assert done.is_final is False
        assert session.run("final_answer(1)").value == 1

    def test_an_argument_that_cant_be_sent_is_an_error_that_code_can_catch(self, opened: Open) -> None:
        session = opened({"give": lambda value: value})
        code = "x = []\nx.append(x)\ntry:\n    give(x)\nexcept Exception as error:\n    caught = str(error)\n"
        assert session.value(f"{code}'give' in caught") is True

    def test_a_result_that_cant_be_sent_is_an_error_that_code_can_catch(self, opened: Open) -> None:
        loop: list[Any] = []
        loop.append(loop)
        session = opened({"give": lambda: loop})
        assert session.value("try:\n    give()\nexcept Exception as error:\n    caught = str(error)\n'give' in caught")

    def test_a_value_is_a_copy(self, opened: Open) -> None:
        mine: list[int] = [1]
        session = opened({"give": lambda: mine}, variables={"mine": mine})
        assert session.value("mine.append(2)\ngive().append(3)\n(mine, give())") == ([1, 2], [1])
        assert mine == [1]

    def test_a_value_larger_than_the_limit_stays_where_it_is(self, opened: Open) -> None:
        session = opened({"give": len}, limits=Limits(result=100_000, seconds=30))
        done = session.run("x = 'x' * 200_000\nx")
        assert done.error is None
        assert done.value != "x" * 200_000
        assert session.run("final_answer(x)").error is not None
        assert session.value("try:\n    give(x)\nexcept Exception as error:\n    found = 'caught'\nfound") == "caught"
        assert session.value("give(x[:50_000])") == 50_000
