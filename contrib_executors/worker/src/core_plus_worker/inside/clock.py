"""A calendar that stands still, for code that must do the same when it is run again.

What measures durations (`monotonic`, `perf_counter`, `sleep`) goes on as ever.
"""

from __future__ import annotations

import builtins
import time
import types
from typing import Any

MOMENTS = ("localtime", "gmtime", "ctime")
"""Functions of `time` that take a moment, and without one take now."""


class Kind(type):
    """The class of classes that stand for one of `datetime`'s: values of either are instances of both."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, cls.__mro__[1])

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, cls.__mro__[1])


def freeze(at: float, names: dict[str, Any]) -> None:
    """Let it be the same moment from now on.

    `time` stands still for everyone. `datetime` is changed for the code alone: compiled modules look at the size of its
    classes when they are imported.

    Args:
        at: Seconds since 1970, UTC.
        names: The code's own globals.
    """
    import datetime  # 1 ms, for those who want it

    changed: Any = time
    changed.time, changed.time_ns = (lambda: at), (lambda: round(at * 1e9))
    for name in MOMENTS:
        setattr(time, name, _at(getattr(time, name), at))
    write = time.strftime
    changed.strftime = lambda form, moment=None: write(form, time.localtime() if moment is None else moment)
    module: Any = types.ModuleType("datetime", datetime.__doc__)
    module.__dict__.update(vars(datetime))
    module.date, module.datetime = _date(at, datetime.date), _datetime(at, datetime.datetime, datetime.timezone.utc)
    plain = builtins.__import__

    def importing(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        found = plain(name, globals, locals, fromlist, level)
        return module if found is datetime and globals is names else found

    builtins.__import__ = importing


def _at(function: Any, at: float) -> Any:
    return lambda moment=None: function(at if moment is None else moment)


def _date(at: float, real: Any) -> Any:

    class date(real, metaclass=Kind):  # type: ignore[misc]  # noqa: N801 (it stands for that one)
        """`datetime.date` on the day that it is. Its values are `datetime`'s own."""

        def __new__(cls, *args: Any, **named: Any) -> Any:
            return real(*args, **named)

        @classmethod
        def today(cls) -> Any:
            """The day that it is."""
            return real.fromtimestamp(at)

    return _named(date, real)


def _datetime(at: float, real: Any, utc: Any) -> Any:

    class moment(real, metaclass=Kind):  # type: ignore[misc]  # noqa: N801 (it stands for that one)
        """`datetime.datetime` at the moment that it is. Its values are `datetime`'s own."""

        def __new__(cls, *args: Any, **named: Any) -> Any:
            return real(*args, **named)

        @classmethod
        def now(cls, tz: Any = None) -> Any:
            """The moment that it is."""
            return real.fromtimestamp(at, tz)

        @classmethod
        def utcnow(cls) -> Any:
            """The same in UTC, without saying so."""
            return real.fromtimestamp(at, utc).replace(tzinfo=None)

        @classmethod
        def today(cls) -> Any:
            """The moment that it is."""
            return real.fromtimestamp(at)

    return _named(moment, real)


def _named(made: Any, real: type) -> Any:
    made.__name__, made.__qualname__, made.__module__ = real.__name__, real.__qualname__, real.__module__
    return made
