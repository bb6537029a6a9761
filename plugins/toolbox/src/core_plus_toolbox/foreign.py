"""Tools that were written for something else: a module's functions, LangChain's tools, an agent."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any, Unpack

import attrs

from core_plus import Runnable, Tool, ToolDefinitionError, tool
from core_plus.delegates import AgentTool
from core_plus.tools import Repeating, ToolSettings


def from_module(
    module: ModuleType, only: Iterable[str] | None = None, *, prefix: str = "", **settings: Unpack[ToolSettings]
) -> list[Tool]:
    """A module's public functions as tools: those that it defines itself, or names in `__all__`. Its tools come along.

    Args:
        module: The module.
        only: The names of the functions to take, where not all are meant.
        prefix: What the names of the functions' tools begin with.
        **settings: For all of them, as in `Tool`: effect, timeout, thread, planning, secret.

    Raises:
        ToolDefinitionError: There are none, or a model can't be told of one; the text names each and what it lacks.
    """
    names = [*only] if only is not None else _public(module)
    found, wrong = list[Tool](), list[str]()
    for name in names:
        function: Any = getattr(module, name, None)
        if isinstance(function, Tool):
            found.append(function)
            continue
        if not callable(function):
            wrong.append(f"it has no function {name!r}")
            continue
        try:
            own: ToolSettings = {**settings, "name": f"{prefix}{name}"}
            found.append(tool(function, **own))
        except ToolDefinitionError as error:
            wrong.append(str(error))
    if wrong:
        way = "mend them, or name those that are meant: from_module(module, ['name', …])"
        raise ToolDefinitionError(f"the module {module.__name__}: {'; '.join(wrong)}. {way}")
    if not found:
        raise ToolDefinitionError(f"the module {module.__name__} defines no public functions")
    return found


def _public(module: ModuleType) -> list[str]:
    listed = getattr(module, "__all__", None)
    names = listed if listed is not None else [name for name in vars(module) if not name.startswith("_")]
    return [
        name
        for name in names
        if isinstance(one := getattr(module, name, None), Tool)
        or (inspect.isroutine(one) and (listed is not None or one.__module__ == module.__name__))
    ]


class LangChainTool(Tool):
    """A tool of LangChain's. It keeps its own checks of arguments.

    Args:
        tool: Any `BaseTool` of langchain-core.
        name: Instead of its own.
        effect: What repeating a call would do, as in `Tool`.

    Raises:
        ToolDefinitionError: It is no such tool.
    """

    output_type = "any"

    def __init__(self, tool: Any, *, name: str | None = None, effect: Repeating = "write") -> None:
        if not all(hasattr(tool, part) for part in ("name", "description", "invoke", "ainvoke")):
            raise ToolDefinitionError(f"{type(tool).__name__} is no tool of LangChain's: it has no invoke and ainvoke")
        self.name = name or identifier(tool.name)
        self.description = tool.description or tool.name
        self.parameters = _schema(tool)
        self.effect = effect
        self._tool = tool
        # LangChain's own way to say that there is no sync function: its `func` is None.
        only_async = getattr(tool, "coroutine", None) is not None and getattr(tool, "func", tool) is None
        self.forward = self._aforward if only_async else self._forward

    def _forward(self, **arguments: Any) -> Any:
        return self._tool.invoke(arguments)

    async def _aforward(self, **arguments: Any) -> Any:
        return await self._tool.ainvoke(arguments)


def from_langchain(tool: Any, *, name: str | None = None, effect: Repeating = "write") -> Tool:
    """A tool of LangChain's as one of ours.

    Args:
        tool: Any `BaseTool` of langchain-core.
        name: Instead of its own.
        effect: What repeating a call would do, as in `Tool`.

    Raises:
        ToolDefinitionError: It is no such tool.
    """
    return LangChainTool(tool, name=name, effect=effect)


def _schema(tool: Any) -> dict[str, Any]:
    """The JSON Schema of its arguments, without those that LangChain would fill in by itself."""
    told = getattr(tool, "tool_call_schema", None) or tool.args_schema
    schema: Any = told if isinstance(told, Mapping) else told.model_json_schema()
    properties = {
        key: {"description": key.replace("_", " "), **one} for key, one in schema.get("properties", {}).items()
    }
    return {"type": "object", "required": [], **schema, "properties": properties, "additionalProperties": False}


def identifier(name: str) -> str:
    """A name as code can say it.

    Args:
        name: Any.
    """
    found = re.sub(r"\W+", "_", name).strip("_").lower() or "tool"
    return found if found.isidentifier() else f"tool_{found}"


def from_agent(agent: Runnable[Any, Any], name: str | None = None, description: str | None = None) -> Tool:
    """An agent as a tool, as `managed_agents=` would make of it: its work is part of the run that calls it.

    Args:
        agent: An agent, or a chain of them.
        name: Instead of its own.
        description: Instead of its own.

    Raises:
        ConfigurationError: It has no name or description.
    """
    own = name or agent.name, description or agent.description
    if own == (agent.name, agent.description):
        return AgentTool(agent)
    return AgentTool(attrs.evolve(agent, name=own[0], description=own[1]))
