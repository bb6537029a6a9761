"""Prompts as sandboxed Jinja2 templates, in YAML files of smolagents' form."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from core_plus import Host
    from core_plus_prompts.applying import rendered, with_prompts
    from core_plus_prompts.files import dump, load
    from core_plus_prompts.own import defaults
    from core_plus_prompts.templates import render

__all__ = ["defaults", "dump", "load", "render", "rendered", "with_prompts"]
_HOMES = {"applying": "rendered with_prompts", "files": "dump load", "own": "defaults", "templates": "render"}
_HOME = {name: room for room, names in _HOMES.items() for name in names.split()}


@hookimpl
def register_commands(register: Register) -> None:
    """Declare `prompts`."""
    register("prompts", _command, summary="show, compare and edit the prompts of agents")


def _command(arguments: list[str], host: Host) -> int:
    from core_plus_prompts.command import main

    return main(arguments, host)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"core_plus_prompts.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
