"""What an effect is in the words of rules: a call of a tool, or code; whose, from where, with what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from core_plus.effects import CallTool, Effect, RunAgent, RunCode
from core_plus.run import Run
from core_plus.tools import Tool

MASK = "***"
CODE = "code"


class Deed(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Something that a rule can speak of.

    Args:
        what: "tool" for a call of a tool or of an agent, "code" for a snippet.
        name: The tool's or the agent's name; "code" for code.
        effect: "read", "idempotent" or "write". Code is "write" where its executor is no sandbox, an agent is
            "read": what it does is judged when it does it.
        agents: The name of the agent that wants it, then of those that it works for, up to the outermost.
        origins: Where it comes from: "native", "code" or "plugin"; of an MCP server's tool "mcp" and
            "mcp:SERVER" too.
        arguments: By name, as the tool gets them; of code {"code": its source}.
        tool: The `Tool`; None for code, and for an agent that isn't called as a tool.
        settled: Whether the same was judged before, as the tool call that it comes from; only a denial counts then.
    """

    what: str = "tool"
    name: str
    effect: str = "write"
    agents: tuple[str, ...] = ("",)
    origins: tuple[str, ...] = ("native",)
    arguments: Mapping[str, Any]
    tool: Any = None
    settled: bool = False

    @property
    def secret(self) -> bool:
        """Whether the arguments must not be shown."""
        return bool(getattr(self.tool, "secret", False))

    @property
    def shown(self) -> dict[str, Any]:
        """The arguments as a person may see them."""
        return dict.fromkeys(self.arguments, MASK) if self.secret else dict(self.arguments)

    def argument(self, name: str) -> tuple[Any, ...]:
        """The value of an argument, that which the tool's schema gives it where it was left out; () if it has none.

        Args:
            name: The argument's.
        """
        if name in self.arguments:
            return (self.arguments[name],)
        told = self.tool.spec.parameters.get("properties", {}).get(name, {}) if isinstance(self.tool, Tool) else {}
        return (told["default"],) if isinstance(told, dict) and "default" in told else ()


def deed_of(run: Run, effect: Effect) -> Deed | None:
    """What an effect is in the words of rules; None for one that no rule speaks of.

    Args:
        run: Whose effect.
        effect: What is to be performed.
    """
    if isinstance(effect, CallTool):
        tool, call = effect.tool, effect.call
        arguments = call.arguments if isinstance(call.arguments, dict) else {"arguments": call.arguments}
        kind = "read" if tool.is_agent else tool.effect
        return Deed(
            name=call.name,
            effect=kind,
            agents=_agents(run),
            origins=tuple(_origins(effect)),
            arguments=arguments,
            tool=tool,
        )
    if isinstance(effect, RunCode):
        walled = getattr(run.bound.executor, "is_sandbox", False)
        kind = "read" if walled else "write"
        return Deed(what=CODE, name=CODE, effect=kind, agents=_agents(run), arguments={CODE: effect.code})
    if isinstance(effect, RunAgent):
        arguments = {"task": effect.task, "variables": effect.variables}
        return Deed(
            name=effect.agent.name or "",
            effect="read",
            agents=_agents(run),
            arguments=arguments,
            settled=bool(effect.call_id),
        )
    return None


def _agents(run: Run | None) -> tuple[str, ...]:
    names = []
    while run is not None:
        names.append(run.name)
        run = run.parent
    return tuple(names)


def _origins(effect: CallTool) -> Iterator[str]:
    """Where a call comes from. A tool of an MCP server is known by the two names that it keeps of that server."""
    yield effect.origin
    server = getattr(effect.tool, "server", None)
    if isinstance(server, str) and hasattr(effect.tool, "remote_name"):
        yield "mcp"
        yield f"mcp:{server}"


def leaves(value: Any) -> Iterator[Any]:
    """The single values within a value: of lists, sets and dicts those inside, keys too.

    Args:
        value: Anything; what holds itself is gone through once.
    """
    stack, seen = [value], set[int]()
    while stack:
        one = stack.pop()
        if isinstance(one, Mapping | list | tuple | set | frozenset):
            if id(one) in seen:
                continue
            seen.add(id(one))
            stack.extend([*one, *one.values()] if isinstance(one, Mapping) else one)
        else:
            yield one
