"""What agents remember from run to run: the tools `remember`, `recall` and `forget` over a SQLite file."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from core_plus import Host
    from core_plus_recall.archive import Archive, Found
    from core_plus_recall.tools import ForgetTool, RecallTool, RememberTool, long_term_memory

__all__ = ["Archive", "ForgetTool", "Found", "RecallTool", "RememberTool", "long_term_memory"]
_HOMES = {"archive": "Archive Found", "tools": "ForgetTool RecallTool RememberTool long_term_memory"}
_HOME = {name: room for room, names in _HOMES.items() for name in names.split()}


@hookimpl
def register_tools(register: Register, host: Host) -> None:
    """Declare the tools; each takes `path`, `embedder` and `space`."""
    for name, made, summary in (
        ("remember", "RememberTool", "keeps a fact for later runs"),
        ("recall", "RecallTool", "finds what was kept in earlier runs"),
        ("forget", "ForgetTool", "deletes something that was kept"),
        ("long_term_memory", "long_term_memory", "remember, recall and forget, all at one place"),
    ):
        register(name, _Maker(made, host), summary=summary)


class _Maker:
    """Makes a tool when it is asked for."""

    def __init__(self, made: str, host: Host) -> None:
        self._made, self._host = made, host

    def __call__(self, **settings: Any) -> Any:
        return _found(self._made)(host=self._host, **settings)


def _found(name: str) -> Any:
    return getattr(import_module(f"core_plus_recall.{_HOME[name]}"), name)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return _found(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
