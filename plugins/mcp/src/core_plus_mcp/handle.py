"""Servers as a program has them: their tools for agents, their prompts and resources for the program itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from core_plus import Host, Message, RunContext, Tool, default_host
from core_plus_mcp import content
from core_plus_mcp.call import Call
from core_plus_mcp.connection import pages

if TYPE_CHECKING:
    from core_plus_mcp.pool import Member, Pool


class Prompt(msgspec.Struct, frozen=True):
    """A prompt of a server, filled in.

    Args:
        name: Its name.
        messages: What it says: a `message_history` for a run.
        description: What it is for.
    """

    name: str
    messages: tuple[Message, ...] = ()
    description: str = ""

    @property
    def text(self) -> str:
        """Its words, as a task for an agent."""
        return "\n\n".join(said.text for said in self.messages if said.text)


class McpServers:
    """Servers of a host. Give it to an agent (`tools=[servers]`), or read prompts and resources yourself.

    Its methods wait; the connections are the host's, and end with it.

    Args:
        source: "*", a configured name, a file, a URL, a configuration with mcpServers, `Server`s.
        host: Whose; None is the process's default host.
        code: Whether an agent that writes code imports the tools, instead of being told of each.
    """

    def __init__(self, source: Any = "*", host: Host | None = None, code: bool = False) -> None:
        self._host, self.code = host or default_host(), code
        self.source = _with_code(source, self._pool, code)

    @property
    def _pool(self) -> Pool:
        from core_plus_mcp import pool_of

        return pool_of(self._host)

    def tools(self) -> list[Tool]:
        """The tools as they are now."""
        return self._pool.tools_of(self.source.servers, patient=len(self.source.servers) > 1)

    def current(self, context: RunContext[Any], tools: Sequence[Tool]) -> list[Tool]:
        """An agent's tools, those of these servers as they are now, servers that came late included: a `tool_filter`.

        Args:
            context: The run's.
            tools: As the agent was given them.
        """
        names = {server.name for server in self.source.servers}
        others = [tool for tool in tools if getattr(tool, "server", None) not in names]
        pool = self._pool
        return others + [tool for member in pool.up(self.source.servers) for tool in pool.current(member)]

    def prompts(self) -> dict[str, list[Any]]:
        """The prompts of each server that has any, as the SDK describes them: name, description, arguments."""
        found = {}
        for member in self._members():
            if member.connection.capabilities.prompts is not None:
                ask = member.connection.client.list_prompts
                found[member.connection.server.name] = self._waited(
                    member, "prompts", lambda _, ask=ask: pages(lambda cursor: ask(cursor=cursor), "prompts")
                )
        return found

    def prompt(self, name: str, /, **arguments: str) -> Prompt:
        """A prompt, filled in.

        Args:
            name: Its name, or "SERVER/NAME" where several servers have one of that name.
            **arguments: What it asks for.

        Raises:
            LookupError: No server has it.
        """
        server, _, bare = name.rpartition("/")
        listed = self.prompts()
        owners = [who for who, prompts in listed.items() for one in prompts if one.name in (name, bare)]
        owners = [who for who in owners if not server or who == server or any(p.name == name for p in listed[who])]
        if len(set(owners)) != 1:
            known = ", ".join(f"{who}/{one.name}" for who, prompts in listed.items() for one in prompts) or "none"
            raise LookupError(f"{len(set(owners))} servers have a prompt {name!r}; there is {known}")
        own = name if any(one.name == name for one in listed[owners[0]]) else bare
        member = next(one for one in self._members() if one.connection.server.name == owners[0])
        found = self._waited(member, f"the prompt {own}", lambda client: client.get_prompt(own, arguments))
        return Prompt(own, content.messages_of(found), found.description or "")

    def resources(self) -> dict[str, list[dict[str, Any]]]:
        """What each server has to read: name, uri, description and type of each."""
        from core_plus_mcp.tools import resources_of

        members = [one for one in self._members() if one.connection.capabilities.resources is not None]
        return {one.connection.server.name: self._waited(one, "resources", resources_of) for one in members}

    def read(self, uri: str, server: str | None = None) -> Any:
        """The contents of a resource: text, or a picture or file.

        Args:
            uri: Which.
            server: Whose, where there are several servers.
        """
        members = [one for one in self._members() if server in (None, one.connection.server.name)]
        if len(members) != 1:
            raise LookupError(f"say which server has {uri}: {', '.join(one.connection.server.name for one in members)}")
        return content.resource_value(self._waited(members[0], uri, lambda client: client.read_resource(uri)))

    def _members(self) -> list[Member]:
        return self._pool.connected(self.source.servers, patient=len(self.source.servers) > 1)

    def _waited(self, member: Member, what: str, request: Any) -> Any:
        call = Call(member.connection, what, lambda client, _: request(client))
        return self._host.workers.submit_async(member.calls.once(call)).result()


def mcp_servers(source: Any = "*", host: Host | None = None, code: bool = False) -> McpServers:
    """Servers of a host.

    Args:
        source: "*", a configured name, a file, a URL, a configuration with mcpServers, or `Server`s.
        host: Whose; None is the process's default host.
        code: Whether an agent that writes code imports the tools, instead of being told of each.

    Raises:
        ConfigurationError: There is no such server, or its settings are wrong.
    """
    return McpServers(source, host, code)


def _with_code(source: Any, pool: Pool, code: bool) -> Any:
    from core_plus_mcp.settings import Servers

    many: list[Any] = list(source) if isinstance(source, list | tuple) else [source]
    return Servers(tuple(server for one in many for server in pool.servers(one)), code)
