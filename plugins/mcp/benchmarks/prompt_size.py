"""How many tokens a model is told of tools: each as a function, each as JSON, or as modules (code mode).

    python benchmarks/prompt_size.py

The tools are made up, but of ordinary size: a sentence of description and three arguments, two of them with a
sentence each. Counted is the whole system prompt of the agent, and for JSON the list of tools beside it as the
chat completions of OpenAI have it. Tokens are those of cl100k_base where tiktoken is installed and has the
vocabulary at hand (TIKTOKEN_CACHE_DIR), else four characters each; the output says which.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import attrs
import mcp_types as types
from mcp.server.lowlevel import Server as Near

import core_plus_mcp
from core_plus import CodeAgent, Host, ToolCallingAgent
from core_plus_mcp import Server, mcp_servers

COUNTS = (10, 100, 1000)
VERBS = ("create", "list", "update", "delete", "search", "close", "assign", "archive", "merge", "export")
THINGS = ("issue", "branch", "release", "label", "comment", "project", "workflow", "invoice", "customer", "report")


@attrs.frozen
class Nowhere:
    """An executor that is never used."""

    name: str = "nowhere"
    is_sandbox: bool = True
    imports: None = None


class Silent:
    """A model that is never asked."""

    def forward(self, request: Any) -> Any:
        """Nobody comes here."""
        raise NotImplementedError


def near(count: int) -> Near[Any]:
    """A server with so many tools."""

    async def listed(context: Any, params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[made(n) for n in range(count)])

    return Near("work", instructions="Everything about the work of a team.", on_list_tools=listed)


def made(n: int) -> types.Tool:
    """The n-th tool."""
    verb, thing = VERBS[n % 10], THINGS[n // 10 % 10]
    properties = {
        "owner": {"type": "string", "description": f"Whose {thing} it is, as the account is called."},
        "number": {"type": "integer", "description": f"The number of the {thing}, from 1."},
        "labels": {"type": "array", "items": {"type": "string"}},
    }
    schema = {"type": "object", "properties": properties, "required": ["owner", "number"]}
    words = f"{verb.title()} a {thing} of a team, and say what it looks like afterwards."
    return types.Tool(name=f"{verb}_{thing}_{n // 100}", description=words, input_schema=schema)


def counter() -> tuple[str, Callable[[str], int]]:
    """How tokens are counted, in words, and what counts them."""
    import importlib.util

    if importlib.util.find_spec("tiktoken") and os.environ.get("TIKTOKEN_CACHE_DIR"):
        import importlib

        encoding = importlib.import_module("tiktoken").get_encoding("cl100k_base")
        return "cl100k_base", lambda text: len(encoding.encode(text))
    return "four characters a token", lambda text: len(text) // 4


def json_tools(agent: ToolCallingAgent[Any, Any]) -> str:
    """The tools of an agent as the chat completions of OpenAI have them."""
    found = [
        {"type": "function", "function": {"name": tool.name, "description": tool.description, "parameters": parameters}}
        for tool in agent.bind().tools.values()
        for parameters in [tool.spec.parameters]
    ]
    return json.dumps(found, separators=(",", ":"))


def main() -> None:
    """Print the table."""
    how, count = counter()
    print(f"tokens ({how})\n\n| tools | each a function | each as JSON | modules |\n|---|---|---|---|")
    for number in COUNTS:
        with Host(discover=False, plugins=[core_plus_mcp]) as host:
            server = Server(name="work", target=near(number))
            plain: dict[str, Any] = {"model": Silent(), "host": host, "tools": [server]}
            functions = CodeAgent(**plain, executor=Nowhere()).prompt()
            calling = ToolCallingAgent(**plain)
            modules = mcp_servers(server, host, code=True)
            code = CodeAgent(model=Silent(), host=host, tools=[modules], executor=Nowhere()).prompt()
            sizes = [count(functions), count(calling.prompt()) + count(json_tools(calling)), count(code)]
            print(f"| {number:,} | {' | '.join(f'{size:,}' for size in sizes)} |")


if __name__ == "__main__":
    main()
