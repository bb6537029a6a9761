"""From the command line's options to an agent."""

from __future__ import annotations

from argparse import Namespace
from contextlib import ExitStack
from typing import Any, TypeAlias

from core_plus.agents import CodeAgent, MultiStepAgent, ToolCallingAgent
from core_plus.errors import ConfigurationError
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
    ref = choosing.model_ref(options.model) or offering.accepted(host, command)
    if ref is None:
        raise choosing.no_model(command, task)
    settings: dict[str, Any] = {
        "host": host,
        "model": choosing.model(ref, options.base_url, host, stack),
        "tools": stack.enter_context(toolbox.loaded(options.tools, host)),
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
