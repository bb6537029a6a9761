"""Tools that people need: files in a folder, databases, code, questions, sound, pictures; and tools from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from core_plus import Host
    from core_plus_toolbox.asking import UserInputTool
    from core_plus_toolbox.databases import SqlQueryTool, SqlSchemaTool, sql
    from core_plus_toolbox.failures import ToolboxError
    from core_plus_toolbox.filetools import ListFilesTool, ReadFileTool, SearchFilesTool, WriteFileTool, files
    from core_plus_toolbox.foreign import from_agent, from_langchain, from_module
    from core_plus_toolbox.interpreter import PythonInterpreterTool
    from core_plus_toolbox.media import SpeechToTextTool, TextToImageTool
    from core_plus_toolbox.spaces import from_space

__all__ = [
    "ListFilesTool",
    "PythonInterpreterTool",
    "ReadFileTool",
    "SearchFilesTool",
    "SpeechToTextTool",
    "SqlQueryTool",
    "SqlSchemaTool",
    "TextToImageTool",
    "ToolboxError",
    "UserInputTool",
    "WriteFileTool",
    "files",
    "from_agent",
    "from_langchain",
    "from_module",
    "from_space",
    "sql",
]
_HOMES = {
    "asking": "UserInputTool",
    "databases": "SqlQueryTool SqlSchemaTool sql",
    "failures": "ToolboxError",
    "filetools": "ListFilesTool ReadFileTool SearchFilesTool WriteFileTool files",
    "foreign": "from_agent from_langchain from_module",
    "interpreter": "PythonInterpreterTool",
    "media": "SpeechToTextTool TextToImageTool",
    "spaces": "from_space",
}
_HOME = {name: room for room, names in _HOMES.items() for name in names.split()}


@hookimpl
def register_tools(register: Register, host: Host) -> None:
    """Declare the tools; those that need an executor or a model look for it where they are asked for."""
    for name, kind, summary in (
        ("read_file", "ReadFileTool", "reads text files of a folder"),
        ("write_file", "WriteFileTool", "writes text files in a folder"),
        ("list_files", "ListFilesTool", "lists the files of a folder"),
        ("search_files", "SearchFilesTool", "finds words in the files of a folder"),
        ("sql_query", "SqlQueryTool", "asks a database, to read only unless more is allowed"),
        ("sql_schema", "SqlSchemaTool", "describes a database's tables"),
        ("user_input", "UserInputTool", "asks the user, wherever a UI is attached"),
    ):
        register(name, _Maker(kind), summary=summary)
    register("files", _Maker("files"), summary="all the file tools of a folder")
    register("sql", _Maker("sql"), summary="the tools of a database")
    code = _Maker("PythonInterpreterTool", host=host)
    register("python_interpreter", code, summary="runs Python where code of agents runs")
    sound = "writes down what is said in a sound"
    register("speech_to_text", _Maker("SpeechToTextTool", host=host), summary=sound)
    register(
        "transcriber", _Maker("SpeechToTextTool", host=host, name="transcriber"), summary=f"{sound} (another name)"
    )
    register("text_to_image", _Maker("TextToImageTool", host=host), summary="draws a picture of what is described")


@hookimpl
def resolve_tools(source: Any) -> Any:
    """Modules, agents, tools of LangChain's, and "space:owner/name" stand for tools."""
    if isinstance(source, str):
        kind, _, name = source.partition(":")
        return _later("from_space", name) if kind == "space" and name else None
    kinds = {f"{one.__module__}.{one.__qualname__}" for one in type(source).__mro__}
    return next((_later(make, source) for kind, make in _KINDS.items() if kind in kinds), None)


_KINDS = {
    "builtins.module": "from_module",
    "core_plus.agents.Runnable": "from_agent",
    "langchain_core.tools.base.BaseTool": "from_langchain",
}


def _later(make: str, source: Any) -> Iterator[Any]:
    """The tools of a source, when they are taken: what is wrong with them is then told to whoever wanted them."""
    found = _found(make)(source)
    yield from found if isinstance(found, list) else [found]


class _Maker:
    """Makes a tool when it is asked for.

    Args:
        maker: A class or function of this package.
        **settings: What the caller doesn't say.
    """

    def __init__(self, maker: str, /, **settings: Any) -> None:
        self._maker, self._settings = maker, settings

    def __call__(self, **settings: Any) -> Any:
        return _found(self._maker)(**{**self._settings, **settings})


def _found(name: str) -> Any:
    return getattr(import_module(f"core_plus_toolbox.{_HOME[name]}"), name)


def __getattr__(name: str) -> Any:
    if name in __all__:
        return _found(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
