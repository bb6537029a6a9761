"""The tools that a code agent gets in place of a server's: to call, to describe, to search.

Every call of a server's tool is an effect of its own, under the tool's own name: what is denied, asked for or
counted by name is so here too.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core_plus import RunContext, Tool, ToolCall
from core_plus.effects import CallTool
from core_plus_mcp.code.directory import CALL, Directory

if TYPE_CHECKING:
    from core_plus_mcp.pool import Pool
    from core_plus_mcp.settings import Server


def prelude() -> str:
    """What makes the package `mcp_servers` in an interpreter; it leaves one name there, `mcp_servers`."""
    source = (Path(__file__).parent / "inside.py").read_text(encoding="utf-8")
    names = "{'__name__': 'core_plus_mcp_inside'}"
    return f"mcp_servers = (lambda names: (exec({source!r}, names), names['install'](mcp_servers))[1])({names})"


class CallTools(Tool):
    """Calls a function of a module.

    Args:
        directory: The modules.
    """

    name = CALL
    description = "Call a tool of a module."
    inputs = {
        "server": {"type": "string", "description": "The module."},
        "tool": {"type": "string", "description": "The function."},
        "arguments": {"type": "object", "description": "Its arguments by name.", "nullable": True},
    }
    output_type = "any"
    effect = "read"  # what the call does is the effect of the tool that it calls
    modules = ("mcp_servers.*",)

    def __init__(self, directory: Directory) -> None:
        self.directory, self.prelude = directory, prelude()

    def forward(
        self, context: RunContext[Any], server: str, tool: str, arguments: dict[str, Any] | None = None
    ) -> Generator[Any, Any, Any]:
        """Call it, as an effect of its own."""
        found = self.directory.find(server, tool)
        fitted = found.bind((), arguments or {}, context)
        visible = {name: value for name, value in fitted.items() if not isinstance(value, RunContext)}
        call = ToolCall(f"{context.call_id}.call", found.name, visible)
        return (yield CallTool(call=call, origin="code", tool=found, arguments=fitted))

    def to_code_prompt(self) -> str:
        """The modules: what a model that writes code is told instead of each tool."""
        return self.directory.prompt()


class DescribeTools(Tool):
    """Says how a function is called.

    Args:
        directory: The modules.
    """

    name = "mcp_servers.describe"
    description = "How a tool is called, as Python; or what a module has."
    inputs = {"name": {"type": "string", "description": "MODULE.TOOL, or MODULE."}}
    output_type = "string"
    effect = "read"
    thread = "caller"

    def __init__(self, directory: Directory) -> None:
        self.directory = directory

    def forward(self, name: str) -> str:
        """Describe it."""
        return self.directory.described(name)


class SearchTools(Tool):
    """Finds functions by words.

    Args:
        directory: The modules.
    """

    name = "search_tools"
    description = "Find tools in the modules by words; gives the lines to import them by, with what each does."
    inputs = {
        "query": {"type": "string", "description": "What the tool should do, in a few words."},
        "limit": {"type": "integer", "description": "How many at most; 10 if left out.", "nullable": True},
    }
    output_type = "string"
    effect = "read"
    planning = True
    thread = "caller"

    def __init__(self, directory: Directory) -> None:
        self.directory = directory

    def forward(self, query: str, limit: int | None = None) -> str:
        """Find them."""
        return self.directory.searched(query, 10 if limit is None else limit)


def gateway(pool: Pool, servers: Sequence[Server]) -> list[Tool]:
    """The three tools by which code reaches servers.

    Args:
        pool: Whose connections they are.
        servers: Which.

    Raises:
        ServerError: The only one can't be reached; of several, one that can't be is reported and left out.
    """
    pool.connected(servers, patient=len(servers) > 1)
    directory = Directory(pool, servers, pool.shown)
    return [CallTools(directory), DescribeTools(directory), SearchTools(directory)]
