"""What runs in the sandbox: the package `mcp_servers`, whose modules ask the host for each function when it is used.

The host runs this file's text there, so it uses nothing but the standard library and what it is given.
"""

from __future__ import annotations

import functools
import importlib.machinery
import inspect
import re
import sys
import types
import typing
from typing import Any

PACKAGE = "mcp_servers"


def install(host: Any) -> Any:
    """Make `from mcp_servers.SERVER import TOOL` work.

    Args:
        host: Has the host's functions `call(server, tool, arguments)` and `describe(name)`.

    Returns:
        The package.
    """
    package: Any = types.ModuleType(PACKAGE, "The tools of MCP servers: from mcp_servers.SERVER import TOOL.")
    package.__path__ = []
    package.call, package.describe = host.call, host.describe
    sys.modules[PACKAGE] = package
    sys.meta_path.insert(0, Finder(host))
    return package


class Finder:
    """Finds the modules of the package, and is their loader.

    Args:
        host: As for `install`.
    """

    def __init__(self, host: Any) -> None:
        self._host = host

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """What Python's import asks."""
        head, _, server = name.partition(".")
        if head != PACKAGE or not server or "." in server:
            return None
        return importlib.machinery.ModuleSpec(name, self)  # type: ignore[arg-type]  # it has what a loader needs

    def create_module(self, spec: Any) -> Any:
        """A module for a server."""
        return Tools(spec.name, self._host)

    def exec_module(self, module: Any) -> None:
        """Fill it: its text says what there is."""
        try:
            text = self._host.describe(module.__name__.partition(".")[2])
        except Exception as error:
            raise ModuleNotFoundError(str(error), name=module.__name__) from None
        module.__doc__ = text
        module.__all__ = re.findall(r"^(\w+)\(", text, re.MULTILINE)


class Tools(types.ModuleType):
    """A server's tools as functions, each made when it is asked for.

    Args:
        name: The module's.
        host: As for `install`.
    """

    def __init__(self, name: str, host: Any) -> None:
        super().__init__(name)
        self.__dict__["_host"] = host

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        host, server = self.__dict__["_host"], self.__name__.partition(".")[2]
        try:
            source = host.describe(f"{server}.{name}")
        except Exception as error:
            raise AttributeError(str(error)) from None
        made = function(source, name, self.__name__, functools.partial(_arguments, host.call, server, name))
        setattr(self, name, made)
        return made

    def __dir__(self) -> list[str]:
        names: list[str] = self.__dict__.get("__all__", [])
        return names


def function(source: str, name: str, module: str, call: Any) -> Any:
    """A function with the signature, hints and text of a stub.

    Args:
        source: The stub.
        name: Which function of it.
        module: Where it seems to be from.
        call: Makes the call: gets whether it is awaited, and the arguments by name.
    """
    names = {
        "__name__": module,
        **{each: getattr(typing, each) for each in ("Any", "Literal", "NotRequired", "TypedDict")},
    }
    exec(compile(f"from __future__ import annotations\n{source}", f"<{module}.{name}>", "exec"), names)
    shown: Any = names[name]
    signature = inspect.signature(shown)

    @functools.wraps(shown)
    def tool(*args: Any, **kwargs: Any) -> Any:
        return call(False, dict(signature.bind(*args, **kwargs).arguments))

    def later(*args: Any, **kwargs: Any) -> Any:
        return call(True, dict(signature.bind(*args, **kwargs).arguments))

    tool.__core_plus_later__ = later  # type: ignore[attr-defined]  # what an `await` of the call becomes
    return tool


def _arguments(call: Any, server: str, name: str, awaited: bool, arguments: dict[str, Any]) -> Any:
    later = getattr(call, "__core_plus_later__", None) if awaited else None
    return (later or call)(server, name, arguments)
