"""All MCP servers of a host: found by name, file, address or object; connected when needed, closed with the host."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path
from typing import Any, Final

from core_plus import ConfigurationError, Tool, ToolDefinitionError
from core_plus.naming import closest
from core_plus_mcp import schemas
from core_plus_mcp.call import Calls
from core_plus_mcp.connection import Connection, Submits
from core_plus_mcp.errors import ServerError
from core_plus_mcp.settings import Server, Servers, read_block, read_file

RESERVED: Final = frozenset({"final_answer", "search_tools", "describe_tool"})
"""Names that no tool of a server gets without a prefix."""
GRACE: Final = 10.0
"""Seconds that a server may come later than the first of several, for an agent to have it from the beginning."""
ENDING: Final = 15.0
"""Seconds that the servers of a host have to end, all at once."""


class Member:
    """A server of the pool: its connection, its calls, and its tools as they were last made.

    Args:
        connection: To the server.
        calls: Those under way there.
    """

    def __init__(self, connection: Connection, calls: Calls) -> None:
        self.connection, self.calls = connection, calls
        self.made: dict[bool, tuple[list[Any], list[Tool]]] = {}


class Pool:
    """The MCP servers of a host.

    Args:
        workers: Where coroutines run.
        report: Tells a person something, once.
        config: The host's configuration: `mcpServers`, and `shown` (in code mode, the number of tools up to which
            a model is told of each).
        environ: Where the file of the configuration and variables are looked up; its CORE_PLUS_MCP names a file.
    """

    def __init__(
        self,
        workers: Submits,
        report: Callable[[str], None],
        config: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._workers, self._report, self._environ = workers, report, environ or {}
        self._lock = threading.RLock()
        given = dict(config or {})
        self.shown: int = given.pop("shown", 20)
        self._config = given or None
        self._members = list[Member]()
        self._owners = dict[str, str]()
        self._given = dict[str, tuple[str, str]]()
        self._known: dict[str, Server] | None = None

    def tools_of_all(self, block: Any = None) -> list[Tool]:
        """The tools of all configured servers.

        Args:
            block: Other servers' configuration, by name; the host's own stands for all that are configured.
        """
        own = block is None or (self._config is not None and block is self._config.get("mcpServers"))
        return self.tools_of(self.servers("*" if own else {"mcpServers": block}), patient=True)

    # ---- which servers -----------------------------------------------------

    def known(self) -> dict[str, Server]:
        """The configured servers, by name: of the host's configuration, and of the file that CORE_PLUS_MCP names.

        Raises:
            ConfigurationError: A configuration can't be read.
        """
        with self._lock:
            if self._known is None:
                found = [] if self._config is None else [*read_block(self._config, "the host's configuration")]
                if file := self._environ.get("CORE_PLUS_MCP"):
                    found += read_file(file)
                self._known = {}
                for server in found:
                    self._known.setdefault(server.name, server)
            return dict(self._known)

    def servers(self, source: Any) -> tuple[Server, ...]:
        """The servers that something stands for; those that are disabled are left out.

        Args:
            source: "*", a configured name, a path of a file, a URL, a configuration, or servers.

        Raises:
            ConfigurationError: There is no such server, or its settings are wrong.
        """
        if isinstance(source, Servers):
            found: Iterable[Server] = source.servers
        elif isinstance(source, Server):
            found = (source,)
        elif isinstance(source, Mapping):
            found = read_block(source, "the configuration")
        elif isinstance(source, Path) or str(source).endswith(".json"):
            found = read_file(source)
        elif str(source).startswith(("http://", "https://")):
            server = Server(name="web", url=str(source))
            found = (_named(server, (server.place.partition("//")[2]).replace(".", "_").partition(":")[0]),)
        elif source == "*":
            found = self.known().values()
            if not found:
                raise ConfigurationError(f"no MCP server is configured: {WAYS}")
        else:
            known = self.known()
            if source not in known:
                raise ConfigurationError(f"there is no MCP server {source!r}: {closest(str(source), known, WAYS)}")
            found = (known[source],)
        return tuple(server for server in found if not server.disabled)

    # ---- their tools -------------------------------------------------------

    def tools_of(self, servers: Iterable[Server], *, patient: bool) -> list[Tool]:
        """The tools of several servers, which are connected all at once.

        Args:
            servers: Which.
            patient: Whether one that can't be reached is only reported, and the others go on.

        Raises:
            ServerError: One can't be reached.
        """
        return [tool for member in self.connected(servers, patient=patient) for tool in self.current(member)]

    def connected(self, servers: Iterable[Server], *, patient: bool) -> list[Member]:
        """The members for several servers, connected all at once.

        Args:
            servers: Which.
            patient: Whether one that can't be reached is only reported, and the others go on; nor is a slow one
                waited for much longer than the first that is there.

        Raises:
            ServerError: One can't be reached.
        """
        members = [self._member(server) for server in servers]
        begun = [(member, member.connection.start()) for member in members]
        rest = {future for _, future in begun}
        until = time.monotonic() + max((one.connection.server.start_timeout for one in members), default=0) + 5
        first = True
        while rest and (left := until - time.monotonic()) > 0:
            done, rest = wait(rest, timeout=left, return_when=FIRST_COMPLETED)
            if patient and first and any(one.exception() is None for one in done):
                until, first = min(until, time.monotonic() + GRACE), False
        ready = list[Member]()
        for member, future in begun:
            if (error := _error_of(future, member.connection.server)) is None:
                ready.append(member)
            elif patient:
                self._report(f"{error}; its tools are left out")
            else:
                raise error
        return ready

    def up(self, servers: Iterable[Server]) -> list[Member]:
        """Those of several servers that have been connected by now; nothing is waited for.

        Args:
            servers: Which.
        """
        members = map(self._member, servers)
        return [member for member in members if member.connection.capabilities is not None]

    def current(self, member: Member, module: bool = False) -> list[Tool]:
        """The tools of a server as it lists them now; the same objects as long as nothing changed.

        Args:
            member: Of this pool.
            module: Whether they are called "SERVER.TOOL", as functions of a module.
        """
        with self._lock:
            listing, (before, tools) = member.connection.listing, member.made.get(module, (None, []))
            if before is not listing:
                tools = [*self._made(member, listing, module)]
                member.made[module] = listing, tools
            return [*tools]

    def _made(self, member: Member, listing: list[Any], module: bool) -> Generator[Tool, None, None]:
        from core_plus_mcp.tools import ListResources, McpTool, ReadResource

        connection, calls = member.connection, member.calls
        server, seen = connection.server, set[str]()
        siblings = functools.partial(self.current, member, module)
        named = self._in_module if module else self._name
        for told in listing:
            wanted = not server.include or told.name in server.include
            if not wanted or told.name in server.exclude or told.name in seen:
                continue
            seen.add(told.name)
            try:
                yield McpTool(told, named(server, told.name), connection, calls, siblings)
            except ToolDefinitionError as error:
                self._report(f"{server.redacted(str(error), 500)}; it is left out")
        if connection.readable:
            for kind, word in ((ListResources, "list_resources"), (ReadResource, "read_resource")):
                if word not in server.exclude and (not server.include or word in server.include):
                    yield kind(named(server, word if module else f"{server.name}_{word}"), connection, calls, siblings)

    def _in_module(self, server: Server, told: str) -> str:
        return f"{schemas.identifier(server.name)}.{schemas.identifier(told)}"

    def _name(self, server: Server, told: str) -> str:
        """The name of a tool: its own, or with the server's in front where another server has it already."""
        plain = schemas.identifier(told)
        full = schemas.identifier(f"{server.name}_{told}")
        if server.prefix:
            plain = full
        owner = self._owners.setdefault(plain, server.name)
        if plain in RESERVED or owner != server.name:
            other = "core-plus itself" if plain in RESERVED else f"MCP server {owner!r}"
            self._report(f"{other} and MCP server {server.name!r} both have a tool {plain!r}: the latter's is {full!r}")
            plain = full
        while self._given.setdefault(plain, (server.name, told)) != (server.name, told):
            plain += "_"  # two names that are one in Python
        return plain

    # ---- life --------------------------------------------------------------

    def _member(self, server: Server) -> Member:
        with self._lock:
            for member in self._members:
                if member.connection.server == server:
                    return member
            calls = Calls()
            self._members.append(made := Member(Connection(server, self._workers, calls.elicit), calls))
            return made

    def close(self) -> None:
        """End all connections and the processes of servers; all at once, and within a limit."""
        with self._lock:
            connections = [member.connection for member in self._members]
            self._members.clear()
        begun = [one for one in connections if one.begun]
        if begun:
            self._workers.submit_async(_close(begun), ENDING).result()


WAYS: Final = (
    "give a file with mcpServers (mcp:servers.json), set CORE_PLUS_MCP to its path, "
    "or Host(config={'tool.mcp': {'mcpServers': {…}}})"
)


async def _close(connections: list[Connection]) -> None:
    await asyncio.gather(*(connection.close() for connection in connections), return_exceptions=True)


def _named(server: Server, name: str) -> Server:
    import attrs

    return attrs.evolve(server, name=schemas.identifier(name))


def _error_of(future: Future[None], server: Server) -> ServerError | None:
    if not future.done():
        return ServerError(f"MCP server {server.name!r}: is not up yet, and is not waited for")
    error = future.exception()
    return None if error is None else error if isinstance(error, ServerError) else ServerError(str(error))
