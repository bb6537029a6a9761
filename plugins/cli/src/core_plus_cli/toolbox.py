"""What `-t` names: a tool that plugins offer, or functions in a file or module of the person's own."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from core_plus.errors import ConfigurationError, CorePlusError, PluginError
from core_plus.host import Host
from core_plus.tools import Tool, tool


@contextlib.contextmanager
def loaded(sources: list[str], host: Host) -> Iterator[list[Tool]]:
    """The tools that the command line names; the folders of files can be imported from for as long.

    Args:
        sources: Names that plugins offer, "FILE.py", "FILE.py:NAME" or "MODULE:NAME".
        host: Who knows the plugins.

    Yields:
        The tools.

    Raises:
        ConfigurationError: One can't be found or loaded; the text names it and what is near.
    """
    before = list(sys.path)
    try:
        yield [found for source in sources for found in _found(source, host)]
    finally:
        sys.path[:] = before


def _found(source: str, host: Host) -> list[Tool]:
    place, _, name = source.partition(":")
    if place.endswith(".py"):
        return _named(_module_of_file(place, source), name, source)
    try:
        return host.tools(source)
    except PluginError as error:
        if name and _is_module(place):
            return _named(_imported(place, source), name, source)
        hint = "" if name else " (a function of your own is FILE.py:NAME or MODULE:NAME)"
        raise PluginError(f"-t {source}: {error}{hint}") from error


def _is_module(place: str) -> bool:
    """Whether there is such a module, looked for from the working folder as `python -m` does."""
    if not all(part.isidentifier() for part in place.split(".")):
        return False
    sys.path.insert(0, str(Path.cwd()))
    return importlib.util.find_spec(place.partition(".")[0]) is not None


def _imported(place: str, source: str) -> ModuleType:
    try:
        return importlib.import_module(place)
    except Exception as error:
        raise ConfigurationError(f"-t {source}: importing {place} raised {type(error).__name__}: {error}") from error


def _module_of_file(place: str, source: str) -> ModuleType:
    path = Path(place).expanduser().resolve()
    if not path.is_file():
        raise ConfigurationError(f"-t {source}: there is no file {place} (from {Path.cwd()})")
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(str(path), path)  # a name that no other module has
    assert spec is not None  # the suffix is .py
    assert spec.loader is not None
    sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)  # hints and dataclasses look there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[spec.name]
        kind = "" if isinstance(error, CorePlusError) else f"{type(error).__name__}: "
        raise ConfigurationError(f"-t {source}: {place} can't be loaded: {kind}{error}") from error
    return module


def _named(module: ModuleType, name: str, source: str) -> list[Tool]:
    """The tool of that name in a module; without a name, all its tools, or else all its own functions."""
    if name:
        if not hasattr(module, name):
            near = difflib.get_close_matches(name, _public(module), 3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(_public(module)) or 'none'}"
            raise ConfigurationError(f"-t {source}: there is no {name!r}; {hint}")
        return [_as_tool(getattr(module, name), source)]
    values = list(vars(module).values())
    tools = [value for value in values if isinstance(value, Tool)]
    if not tools:
        tools = [tool(value) for value in values if _is_own_function(value, module)]
    if not tools:
        raise ConfigurationError(f"-t {source}: it holds no tool; mark a typed function with @tool")
    return list({id(each): each for each in tools}.values())


def _public(module: ModuleType) -> list[str]:
    return [name for name, value in vars(module).items() if isinstance(value, Tool) or _is_own_function(value, module)]


def _is_own_function(value: Any, module: ModuleType) -> bool:
    return inspect.isfunction(value) and value.__module__ == module.__name__ and not value.__name__.startswith("_")


def _as_tool(value: Any, source: str) -> Tool:
    if isinstance(value, type) and issubclass(value, Tool):
        value = value()
    if isinstance(value, Tool):
        return value
    if not callable(value):
        raise ConfigurationError(f"-t {source}: that is {type(value).__name__} {value!r:.60}, not a tool or a function")
    return tool(value)
