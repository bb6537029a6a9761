"""`core-plus serve`: offer an agent and tools to other programs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import hookimpl

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from core_plus.hookspecs import Register
    from core_plus.host import Host

EXAMPLES = """\
examples:
  core-plus serve mcp -m openai:gpt-5 -t web_search
  core-plus serve mcp --offer mcp:servers.json --offer web_search
  core-plus serve mcp -m openai:gpt-5 --http 8765

A client starts the first two itself, as {"command": "core-plus", "args": ["serve", "mcp", …]}; the third is at
http://127.0.0.1:8765/mcp.
"""


@hookimpl
def register_commands(register: Register) -> None:
    """Declare `serve`."""
    register("serve", main, summary="offer an agent and tools as an MCP server")


def main(arguments: list[str], host: Host) -> int:
    """Serve until the client goes, or over HTTP until Ctrl-C.

    Args:
        arguments: What stands after `serve`.
        host: Where plugins come from.

    Returns:
        The exit status.
    """
    parser = _parser()
    try:
        options = parser.parse_args(arguments)
    except SystemExit as left:
        return int(left.code or 0)

    import asyncio

    from core_plus_mcp.serving.server import mcp_server
    from core_plus_mcp.serving.transports import serve_http, serve_stdio

    try:
        server = mcp_server(*_offered(options, host), host=host, name=options.name)
    except ValueError as error:
        return _wrong(str(error))
    try:
        if options.http is None:
            asyncio.run(serve_stdio(server))
        else:
            sys.stderr.write(f"core-plus serve: http://{options.bind}:{options.http}/mcp (Ctrl-C ends it)\n")
            asyncio.run(serve_http(server, options.http, options.bind, _token(options.token_env)))
    except KeyboardInterrupt:
        return 130
    return 0


def _offered(options: Namespace, host: Host) -> list[Any]:
    import os

    offered: list[Any] = list(options.offer)
    model = options.model or os.environ.get("CORE_PLUS_MODEL")
    if model is None:
        if options.tools or not offered:
            raise ValueError("no model: give -m provider:id for an agent, or --offer TOOL to offer tools alone")
        return offered
    from core_plus import CodeAgent, ToolCallingAgent

    settings: dict[str, Any] = {
        "host": host,
        "model": model,
        "tools": options.tools,
        "instructions": options.instructions,
        "max_steps": options.max_steps,
        "name": options.agent_name,
        "description": options.description,
    }
    if options.agent == "code":
        executor = host.executor(options.executor or "auto")
        if not executor.is_sandbox and not options.unsafe:
            raise ValueError(
                f"the executor {executor.name!r} is no sandbox, and clients would run code with your rights: "
                "take another with --executor, or add --unsafe"
            )
        agent: Any = CodeAgent(executor=executor, **settings)
    else:
        agent = ToolCallingAgent(**settings)
    agent.bind(host)  # what is wrong with it is said now, and not to the first client
    return [agent, *offered]


def _token(variable: str | None) -> Any:
    import os

    from core_plus import ConfigurationError, Secret

    if variable is None:
        return None
    if not os.environ.get(variable):
        raise ConfigurationError(f"--token-env: the environment variable {variable} isn't set")
    return Secret(os.environ[variable])


def _wrong(text: str) -> int:
    sys.stderr.write(f"core-plus serve: {text}\n")
    return 2


def _parser() -> ArgumentParser:
    import argparse

    parser = argparse.ArgumentParser(
        "core-plus serve",
        description="Offer an agent, and tools, to programs that speak the Model Context Protocol.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("protocol", choices=["mcp"], help="how to talk to clients")
    add("-m", "--model", metavar="MODEL", help="provider:id of the agent's model (else CORE_PLUS_MODEL)")
    add("-t", "--tool", action="append", default=[], dest="tools", metavar="TOOL", help="a tool for the agent; again …")
    add("--offer", action="append", default=[], metavar="TOOL", help="a tool to offer itself; again for more")
    add("--agent", choices=["code", "tool_calling"], default="code", help="act by code (default), or by JSON calls")
    add("--executor", metavar="NAME", help="where the agent's code runs (default: the best of this machine)")
    add("--unsafe", action="store_true", help="let the agent's code run in an executor that is no sandbox")
    add("--instructions", metavar="TEXT", help="more words for the agent's system prompt")
    add("--max-steps", type=int, default=20, metavar="N", help="steps before the agent must answer (default: 20)")
    add("--agent-name", default="agent", metavar="NAME", help="what the agent is called as a tool (default: agent)")
    add("--description", metavar="TEXT", help="what the agent is good for, for the client's model")
    add("--name", default="core-plus", help="what the server calls itself (default: core-plus)")
    add("--http", type=int, metavar="PORT", help="serve over HTTP at this port, instead of standard input and output")
    add("--bind", default="127.0.0.1", metavar="ADDRESS", help="the address for --http (default: 127.0.0.1)")
    add("--token-env", metavar="VARIABLE", help="the environment variable with the token that clients must send")
    return parser
