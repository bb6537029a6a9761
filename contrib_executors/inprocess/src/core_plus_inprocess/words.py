"""What stands in the place of some of Python's own words."""

from __future__ import annotations

import string
import weakref
from typing import Any


class ToolError(Exception):
    """A call of one of the host's functions failed."""


class Metaclass:
    """Makes the classes that the code defines, whose objects it may change.

    Args:
        made: Gets them.
    """

    def __init__(self, made: weakref.WeakSet[type]) -> None:
        self._made = made

    def __prepare__(self, name: str, bases: tuple[type, ...]) -> Any:
        """Where a class's names are gathered."""
        return kind_of(bases).__prepare__(name, bases)

    def __call__(self, name: str, bases: tuple[type, ...], names: Any) -> type:
        """A class.

        Args:
            name: Its name.
            bases: Its bases.
            names: What stands in it.
        """
        made = kind_of(bases)(name, bases, names)
        self._made.add(made)
        return made


def kind_of(bases: tuple[type, ...]) -> type[type]:
    """What classes with these bases are made by.

    Args:
        bases: Their bases.
    """
    found: type[type] = type
    for base in bases:
        found = type(base) if issubclass(type(base), found) else found
    return found


def pass_on() -> None:
    """Called first in handlers that catch everything: what ends the code passes them.

    Raises:
        Stop: If that is what was caught.
    """
    import sys

    from core_plus_inprocess.calls import Stop

    error = sys.exc_info()[1]
    if isinstance(error, Stop):
        raise error


class Format:
    """`text.format`, which looks into no object.

    Args:
        text: What is filled in.
    """

    def __init__(self, text: str) -> None:
        self._text = str(text)

    def __call__(self, *args: Any, **kwargs: Any) -> str:
        """The text with its fields filled in."""
        return _Fields().vformat(self._text, args, kwargs)


class _Fields(string.Formatter):
    def get_field(self, field_name: str, args: Any, kwargs: Any) -> Any:
        if "." in field_name or "[" in field_name:
            raise ValueError(f"format can't look into {{{field_name}}} here: use an f-string")
        return super().get_field(field_name, args, kwargs)


def type_of(value: Any) -> type:
    """`type` with one argument.

    Args:
        value: Any object.
    """
    return type(value)


def later(function: Any) -> Any:
    """A function of the host as one that gives an awaitable; anything else as it is.

    Args:
        function: What is called where an awaitable is wanted.
    """
    from core_plus_inprocess.calls import HostFunction

    return function.later if type(function) is HostFunction else function


def no_input(*_: Any) -> str:
    """`input`.

    Raises:
        EOFError: Always.
    """
    raise EOFError("there is nobody here to type an answer")


def leave(code: object = None) -> None:
    """`exit` and `quit`.

    Args:
        code: What is said at the end.

    Raises:
        SystemExit: Always.
    """
    raise SystemExit(code)
