"""The servers of a code agent as modules: which there are, what is in them, and how they are told to a model."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from core_plus import AgentToolCallError, Tool
from core_plus.naming import closest
from core_plus_mcp import schemas

if TYPE_CHECKING:
    from core_plus_mcp.pool import Member, Pool
    from core_plus_mcp.settings import Server

CALL: Final = "mcp_servers.call"
"""The function by which code calls a tool of a module."""
SHOWN: Final = 20
"""Tools up to which a model is told of each; beyond, only of the modules."""
LITTLE: Final = frozenset("a an and by for from in is it of on or the to what with".split())  # noqa: SIM905
"""Words that say nothing of a tool."""
SUMMARY: Final = 100
"""Characters of what is said of a module or a tool."""


class Directory:
    """Servers as modules.

    Args:
        pool: Whose connections they are.
        servers: Which; those that have been connected by now are modules.
        shown: Tools up to which a model is told of each.
    """

    def __init__(self, pool: Pool, servers: Iterable[Server], shown: int = SHOWN) -> None:
        self._pool, self._servers, self._shown = pool, tuple(servers), shown

    @property
    def modules(self) -> dict[str, Member]:
        """The servers that are there, by the names of their modules."""
        names: dict[str, str] = {}
        for server in self._servers:
            names[schemas.identifier(server.name, names)] = server.name
        up = {member.connection.server.name: member for member in self._pool.up(self._servers)}
        return {module: up[name] for module, name in names.items() if name in up}

    def tools(self, module: str) -> dict[str, Tool]:
        """A module's functions, as the server lists its tools now.

        Args:
            module: Its name.

        Raises:
            AgentToolCallError: There is no such module.
        """
        if module not in self.modules:
            raise AgentToolCallError(f"there is no module mcp_servers.{module}: {closest(module, self.modules)}")
        return {tool.name.partition(".")[2]: tool for tool in self._pool.current(self.modules[module], module=True)}

    def find(self, module: str, name: str) -> Tool:
        """A function.

        Args:
            module: The name of its module.
            name: Its own.

        Raises:
            AgentToolCallError: There is none; the text names the closest.
        """
        tools = self.tools(module)
        if name not in tools:
            raise AgentToolCallError(f"mcp_servers.{module} has no {name!r}: {closest(name, tools)}")
        return tools[name]

    def described(self, name: str) -> str:
        """A function as the source of a stub; a module as its list; all modules for "".

        Args:
            name: "MODULE.FUNCTION", "MODULE" or "".
        """
        module, _, function = name.removeprefix("mcp_servers.").partition(".")
        if not module:
            return "\n".join(self._lines())
        if not function:
            lines = [line_of(name, tool) for name, tool in self.tools(module).items()]
            return "\n".join([f"{self._summary(module)}", "", *lines])
        return stub_of(function, self.find(module, function))

    def searched(self, query: str, limit: int) -> str:
        """The functions whose names and texts have most of the words.

        Rare words count more: the weight of a word is the logarithm of how few functions have it.

        Args:
            query: Words.
            limit: Functions at most.
        """
        found = [(module, name, tool) for module in self.modules for name, tool in self.tools(module).items()]
        texts = [_words(f"{module} {name} {name} {tool.description}") for module, name, tool in found]
        wanted = set(_words(query))
        weights = {word: math.log(1 + len(texts) / (1 + sum(word in text for text in texts))) for word in wanted}
        scores = [sum(weights[word] * min(text.count(word), 2) for word in wanted) for text in texts]
        order = sorted(range(len(found)), key=lambda n: (-scores[n], n))
        best = [found[n] for n in order if scores[n] > 0][: max(limit, 1)]
        if not best:
            return f"no tool has any of these words; there are {', '.join(self.modules)}"
        return "\n".join(
            f"from mcp_servers.{module} import {name}  # {line_of(name, tool)}" for module, name, tool in best
        )

    def prompt(self) -> str:
        """What a model is told: each tool in a line where they are few, else each module in a line."""
        counts = {module: len(self.tools(module)) for module in self.modules}
        few = sum(counts.values()) <= self._shown
        first = next(iter(self.modules), "NAME")
        example = next(iter(self.tools(first)), "TOOL") if few and self.modules else "TOOL"
        lines = [
            "Tools in modules, to import: `from mcp_servers.MODULE import TOOL`"
            + (f", such as `from mcp_servers.{first} import {example}`." if few and self.modules else "."),
            "They can be awaited, several at once: `await asyncio.gather(one(1), two(2))`. `help(TOOL)` says more;",
            f"where import is not possible, `{CALL}('MODULE', 'TOOL', {{'name': value}})` calls one.",
            "",
        ]
        for module in self.modules:
            lines.append(f"mcp_servers.{self._summary(module)}")
            if few:
                lines += [f"  {line_of(name, tool)}" for name, tool in self.tools(module).items()]
        if not few:
            lines += [
                "",
                'Find tools with `print(search_tools("what it does"))`; it gives the lines to import them by.',
            ]
        return "\n".join(lines)

    def _lines(self) -> list[str]:
        return [f"mcp_servers.{self._summary(module)}" for module in self.modules]

    def _summary(self, module: str) -> str:
        client = self.modules[module].connection
        words = client.about or f"the tools of the MCP server {client.server.name}"
        return f"{module}: {_short(words)}"


def line_of(name: str, tool: Any) -> str:
    """A function in a line.

    Args:
        name: Its name.
        tool: The tool.
    """
    return f"{signature_of(name, tool)}: {_short(tool.description)}"


def signature_of(name: str, tool: Any) -> str:
    """A function's signature.

    Args:
        name: Its name.
        tool: The tool.
    """
    text: str = tool.signature()
    return f"{name}{text[len(tool.name) :]}"


def stub_of(name: str, tool: Any) -> str:
    """A function as the source of a stub.

    Args:
        name: Its name.
        tool: The tool.
    """
    if hasattr(tool, "stub"):
        text: str = tool.stub(name)
        return text
    spec = tool.spec
    return schemas.stub(name, spec.description, spec.parameters, spec.output_schema)


def _short(text: str) -> str:
    words = " ".join(text.split())
    first = re.split(r"(?<=[.!?]) ", words)[0]
    return first if len(first) <= SUMMARY else f"{first[: SUMMARY - 1].rstrip()}…"


def _words(text: str) -> list[str]:
    """The words of a text, in small letters, without endings that only count."""
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+|\d+", text)
    words = [word for word in map(str.lower, parts) if word not in LITTLE]
    return [word[:-1] if len(word) > 3 and word.endswith("s") else word for word in words]
