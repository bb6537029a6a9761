"""What code gets for modules, and for objects of the host."""

from __future__ import annotations

import asyncio
import importlib
import types
from collections.abc import Mapping
from typing import Any, Final

MODULES: Final[dict[str, tuple[str, ...] | None]] = {
    "asyncio": (
        "sleep", "gather", "wait_for", "wait", "as_completed", "create_task", "run", "shield", "Queue", "Event", "Lock",
        "Semaphore", "TimeoutError", "CancelledError", "FIRST_COMPLETED", "ALL_COMPLETED", "ensure_future", "timeout",
    ),
    "base64": None, "bisect": None, "cmath": None, "collections": None, "collections.abc": None,
    "abc": ("ABC", "abstractmethod"), "enum": ("Enum", "IntEnum", "StrEnum", "Flag", "auto", "unique"),
    "contextlib": ("suppress", "contextmanager", "closing", "nullcontext", "ExitStack"), "copy": ("copy", "deepcopy"),
    "dataclasses": ("dataclass", "field", "asdict", "astuple", "replace", "fields"), "datetime": None, "decimal": None,
    "difflib": ("SequenceMatcher", "get_close_matches", "ndiff", "unified_diff"), "fractions": None,
    "functools": ("partial", "reduce", "lru_cache", "cache", "wraps", "cmp_to_key", "total_ordering"), "hashlib": (
        "md5", "sha1", "sha256", "sha512", "blake2b",
    ),
    "heapq": None, "html": None, "itertools": None, "json": None, "math": None, "random": None, "re": None,
    "statistics": None, "string": ("ascii_letters", "ascii_lowercase", "ascii_uppercase", "digits", "punctuation",
                                   "whitespace", "hexdigits", "capwords"),
    "textwrap": None, "time": None, "unicodedata": None, "uuid": ("UUID", "uuid4"), "zoneinfo": ("ZoneInfo",),
    "sys": None, "typing": ("Any", "Callable", "Iterable", "Iterator", "Literal", "Optional", "Union"),
}  # fmt: skip
"""What code may import where nothing else is said, and the names in it; None is all that the module calls public."""


FORBIDDEN: Final = (types.ModuleType, types.FrameType, types.CodeType, types.TracebackType, asyncio.AbstractEventLoop)
"""Objects of which code gets no attribute, and which no attribute gives."""


class Module:
    """What code gets for a module: its public names, and no way to the rest.

    Args:
        name: Its name.
        names: What is in it.
    """

    __slots__ = ("__name__", "_names")

    def __init__(self, name: str, names: Mapping[str, Any]) -> None:
        self.__name__, self._names = name, dict(names)

    def get(self, name: str, *default: Any) -> Any:
        """One of its names.

        Args:
            name: The name.
            default: What is given where there is none.

        Raises:
            AttributeError: There is none.
        """
        if name == "__name__":
            return self.__name__
        if name in self._names:
            return self._names[name]
        if default:
            return default[0]
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r} here")

    def __getattr__(self, name: str) -> Any:
        return self.get(name)  # `from module import name` asks so

    def has(self, name: str) -> bool:
        """Whether it has that name."""
        return name in self._names

    def add(self, name: str, value: Any) -> None:
        """Give it another name: of a submodule."""
        self._names[name] = value

    def __repr__(self) -> str:
        return f"<module {self.__name__!r}>"


class HostObject:
    """An object of the host, of which code has the methods that were allowed.

    Args:
        name: Its name.
        methods: By their names.
    """

    __slots__ = ("__name__", "_methods")

    def __init__(self, name: str, methods: Mapping[str, Any]) -> None:
        self.__name__, self._methods = name, dict(methods)

    def get(self, name: str, *default: Any) -> Any:
        """One of its methods.

        Args:
            name: The method.
            default: What is given where there is none.

        Raises:
            AttributeError: There is none.
        """
        if name in self._methods:
            return self._methods[name]
        if default:
            return default[0]
        raise AttributeError(f"{self.__name__} has no {name!r} here; it has: {', '.join(self._methods)}")

    def __repr__(self) -> str:
        return f"<{self.__name__}: {', '.join(self._methods)}>"


def public(name: str) -> dict[str, Any]:
    """The names of a module that code may have: those it calls public, no modules among them.

    Args:
        name: The module.
    """
    module = importlib.import_module(name)
    listed = MODULES.get(name) or getattr(module, "__all__", None) or [one for one in dir(module) if one[0] != "_"]
    found = {one: getattr(module, one) for one in listed if hasattr(module, one)}
    return {one: value for one, value in found.items() if not isinstance(value, FORBIDDEN)}
