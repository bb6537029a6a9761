"""From the command line's options to an agent."""

from __future__ import annotations

from argparse import Namespace
from contextlib import ExitStack
from typing import Any, TypeAlias

from core_plus.agents import CodeAgent, MultiStepAgent, ToolCallingAgent
from core_plus.errors import ConfigurationError, PluginError
from core_plus.host import Host
from core_plus_cli import choosing, credentials, offering, places, toolbox
from core_plus_cli.command import say

Agent: TypeAlias = MultiStepAgent[Any, Any]


def agent(options: Namespace, host: Host, stack: ExitStack, command: str, task: str | None = None) -> Agent:
    """The agent that the options describe, everything looked up.

    Args:
        options: Of `add_agent_options`.
        host: Where plugins come from.
        stack: Keeps what the agent needs until the command is over.
        command: "run" or "chat".
        task: The task, to name in what is said where no model is set.

    Raises:
        ConfigurationError: Something can't be found, or doesn't fit.
        Leave: No model is set.
    """
    for problem in stack.enter_context(credentials.in_environment()):
        say(f"core-plus {command}: {problem}")
    set_limits(options, host)
    ref = choosing.model_ref(options.model) or offering.accepted(host, command)
    if ref is None:
        raise choosing.no_model(command, task)
    settings: dict[str, Any] = {
        "host": host,
        "model": choosing.model(ref, options.base_url, host, stack),
        "tools": stack.enter_context(toolbox.loaded(_tools(options), host)),
        "instructions": options.instructions,
        "max_steps": options.max_steps,
        "planning_interval": options.plan_every,
    }
    if options.agent == "code":
        imports, executor = options.imports, places.chosen(options, host, stack)
        made: Agent = CodeAgent(executor=executor, additional_authorized_imports=imports, **settings)
    elif options.imports or options.executor or options.unsafe or options.settings:
        raise ConfigurationError(
            "--executor, --unsafe, --set and --import are about code, which a tool_calling agent doesn't write"
        )
    else:
        made = ToolCallingAgent(**settings)
    made.bind(host)
    stack.callback(made.close)
    return made


def set_limits(options: Namespace, host: Host) -> None:
    """Tell the plugins that hold runs to something what the options say of it.

    Args:
        options: Of `add_agent_options`.
        host: Where the plugins are.

    Raises:
        PluginError: The plugin isn't there.
        ConfigurationError: There is no such policy.
    """
    budget = {"money": options.max_cost, "tokens": options.max_tokens}
    for name, wishes in (("approval", {"policy": options.approve}), ("budget", budget)):
        given = {wish: value for wish, value in wishes.items() if value is not None}
        if not given:
            continue
        if not any((one.kind, one.name, one.status) == ("hooks", name, "loaded") for one in host.plugins):
            what = "--approve needs" if name == "approval" else "--max-cost and --max-tokens need"
            raise PluginError(f"{what} core-plus-{name}, which isn't there: pip install core-plus-{name}")
        host.config[f"hooks.{name}"] = {**host.config.get(f"hooks.{name}", {}), **given}
    if options.approve:
        host.shared("observer", "approval")  # a policy that doesn't exist is said now


def _tools(options: Namespace) -> list[str]:
    """The tools that are named; for code, those of MCP servers are modules to import."""
    word = "mcp-code" if options.agent == "code" else "mcp"
    return [*options.tools, *(f"{word}:{file}" for file in options.mcp)]
