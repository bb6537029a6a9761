"""The Model Context Protocol both ways: servers' tools for agents, and agents and tools as a server.

`tools=["mcp:servers.json"]` gives an agent the tools of the servers in a file; `core-plus serve mcp` is a server.
Connections live on the host's own event loop and end with the host.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core_plus.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from core_plus import Tool
    from core_plus.host import Host
    from core_plus_mcp.errors import ServerError
    from core_plus_mcp.handle import McpServers, Prompt, mcp_servers
    from core_plus_mcp.live import current_tools
    from core_plus_mcp.pool import Pool
    from core_plus_mcp.serving.server import mcp_server
    from core_plus_mcp.settings import Server, Servers

__all__ = ["McpServers", "Prompt", "Server", "ServerError", "Servers", "current_tools", "mcp_server", "mcp_servers"]

_WHERE: Final = {
    "McpServers": "handle",
    "Prompt": "handle",
    "Server": "settings",
    "ServerError": "errors",
    "Servers": "settings",
    "current_tools": "live",
    "mcp_server": "serving.server",
    "mcp_servers": "handle",
}


class Entry:
    """What is registered as the tools "mcp": the host's pool of servers, made when it is first asked for.

    Args:
        host: Whose; it isn't kept, for the host keeps this.
    """

    def __init__(self, host: Host) -> None:
        self._workers, self._report = host.workers, weakref.WeakMethod(host.report)
        self._config = host.config.get("tool.mcp")
        self._lock = threading.Lock()
        self._pool: Pool | None = None

    @property
    def pool(self) -> Pool:
        """The servers of the host."""
        from core_plus_mcp.pool import Pool

        with self._lock:
            if self._pool is None:
                self._pool = Pool(self._workers, self._tell, self._config, os.environ)
            return self._pool

    def __call__(self, mcpServers: Any = None, shown: int | None = None) -> list[Tool]:  # noqa: N803 - others' word
        """The tools of all configured servers; or of those of a configuration given here."""
        return self.pool.tools_of_all(mcpServers)

    def close(self) -> None:
        """End all connections."""
        if self._pool is not None:
            self._pool.close()

    def _tell(self, text: str) -> None:
        if (report := self._report()) is not None:
            report(text)


@hookimpl
def register_tools(register: Register, host: Host) -> None:
    """Declare the tools "mcp": those of all servers that are configured."""
    register("mcp", Entry(host), summary="the tools of all MCP servers that are configured")


@hookimpl
def lifespan(host: Host) -> AbstractContextManager[object]:
    """Keep the servers' connections; end them with the host."""
    entry: Entry = host.find("tool", "mcp").factory
    return closing(entry)


@hookimpl
def resolve_tools(source: Any, host: Host) -> Any:
    """Give the tools of servers: for "mcp:…", "mcp-code:…", or a configuration or servers as objects."""
    word, _, rest = source.partition(":") if isinstance(source, str) else ("", "", "")
    if word in ("mcp", "mcp-code") and rest:
        return _tools(host, rest, code=word == "mcp-code")
    if isinstance(source, Mapping) and ("mcpServers" in source or "servers" in source):
        return _tools(host, source)
    if isinstance(source, Path) and source.suffix == ".json":
        return _tools(host, source)
    if type(source).__module__.startswith("core_plus_mcp."):
        servers = getattr(source, "source", source)
        return _tools(host, servers, code=getattr(servers, "code", False))
    return None


def _tools(host: Host, source: Any, code: bool = False) -> Iterator[Any]:
    """A generator, so that what can't be found is raised to whoever asked, and not only reported."""
    pool = pool_of(host)
    servers = pool.servers(source)
    if code:
        from core_plus_mcp.code.gateway import gateway

        yield from gateway(pool, servers)
    else:
        yield from pool.tools_of(servers, patient=len(servers) > 1)


def pool_of(host: Host) -> Pool:
    """The MCP servers of a host.

    Args:
        host: With this plugin.
    """
    entry: Entry = host.find("tool", "mcp").factory
    return entry.pool


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"core_plus_mcp.{_WHERE[name]}"), name)
