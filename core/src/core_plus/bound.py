"""`Bound`: an agent's settings with every name looked up, made once for an agent and a host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus import prompts
from core_plus.effects import Effects
from core_plus.errors import ConfigurationError
from core_plus.events import Step
from core_plus.messages import Message, message
from core_plus.tools import Tool, ToolSpec

if TYPE_CHECKING:
    from core_plus.host import Host
    from core_plus.run import Run


class Bound:
    """What all runs of an agent on a host share.

    Args:
        agent: The settings.
        host: Where names are looked up.
        model: The model, None for what only hands tasks on.
        tools: By name, managed agents and hand-offs included.
        executor: Where code runs, None for agents that write none.
        files: The kernel's own text for each prompt.

    Raises:
        ConfigurationError: A tool's name stands twice, or a prompt names what isn't there.
    """

    def __init__(
        self,
        agent: Any,
        host: Host,
        *,
        model: Any = None,
        tools: list[Tool] | None = None,
        executor: Any = None,
        files: dict[str, str] | None = None,
    ) -> None:
        self.agent, self.host, self.model, self.executor = agent, host, model, executor
        self.tools: dict[str, Tool] = {}
        for tool in tools or ():
            if tool.name in self.tools or tool.name == agent.name:
                raise ConfigurationError(f"two tools or agents are called {tool.name!r}: give one of them another name")
            self.tools[tool.name] = tool
        self.prelude = "\n".join(tool.prelude for tool in self.tools.values() if tool.prelude)
        self._specs = tuple(tool.spec for tool in self.tools.values())
        overrides = getattr(agent, "prompts", None) or {}
        if unknown := set(overrides) - set(prompts.NAMES):
            raise ConfigurationError(
                f"there is no prompt {min(unknown)!r}; there are {', '.join(sorted(prompts.NAMES))}"
            )
        self._prompts = {name: prompts.chosen(name, overrides.get(name), file) for name, file in (files or {}).items()}
        memory = getattr(agent, "memory", None)
        self.memory: Any = host.make("memory", memory) if isinstance(memory, str) else memory
        self._system: Message | None = None
        self._callbacks = _by_class(agent.callbacks)
        self._planners: dict[Any, Any] = {}
        self.planner(agent.planning or agent.planning_interval)

    @property
    def executor_name(self) -> str:
        """The executor in words, "" where there is none."""
        if self.executor is None:
            return ""
        return f"{self.executor.name}{'' if self.executor.is_sandbox else ' (no sandbox)'}"

    def prompt(self, name: str) -> str:
        """The text of a prompt.

        Args:
            name: One of `prompts.NAMES`.
        """
        return self._prompts[name]

    def described(self, run: Run) -> dict[str, str]:
        """The run's tools and managed agents in words, as prompts have them.

        Args:
            run: In progress.
        """
        describe = run.bound.agent.style.describe
        agents = [describe(tool) for tool in run.tools.values() if tool.is_agent]
        team = (
            "\nThese team members work for you; give each all that it must know, for it sees nothing else:\n\n"
            if agents
            else ""
        )
        tools = "\n\n".join(describe(tool) for tool in run.tools.values() if not tool.is_agent)
        return {"tools": tools, "managed_agents": team + "\n\n".join(agents) + ("\n" if agents else "")}

    def system(self, run: Run) -> Message:
        """The system message; one object for all requests, unless instructions or tools depend on the run.

        Args:
            run: In progress.
        """
        agent = run.bound.agent
        varies = callable(agent.instructions) or run.tools is not self.tools
        if self._system is None or varies:
            words = agent.instructions(run.context) if callable(agent.instructions) else agent.instructions
            instructions = f"\n{words}" if words else ""
            values = {**self.described(run), **agent.style.values(run), "instructions": instructions}
            made = message("system", prompts.fill(self.prompt("system"), values))
            if varies:
                return made
            self._system = made
        return self._system

    def specs(self, run: Run) -> tuple[ToolSpec, ...]:
        """What the model is told of the tools; the same objects in every request.

        Args:
            run: In progress.
        """
        return self._specs if run.tools is self.tools else tuple(tool.spec for tool in run.tools.values())

    def view(self, run: Run) -> Effects:
        """The messages that the memory lets the model see.

        Args:
            run: In progress.
        """
        from core_plus.loop import seen

        return seen(run)

    def callbacks(self, step: type[Step]) -> list[Any]:
        """The callbacks for a kind of step.

        Args:
            step: Its class.
        """
        return [callback for kind, callback in self._callbacks if issubclass(step, kind)]

    def planner(self, which: Any) -> Any:
        """The planner that a name stands for.

        Args:
            which: A name that a plugin registered among its agents, or an object with `plan(run)`.

        Raises:
            PluginError: Nobody offers the name.
        """
        if not isinstance(which, str):
            return which
        if which not in self._planners:
            self._planners[which] = self.host.make("agent", which)
        return self._planners[which]

    def close(self) -> None:
        """Close the tools that want it."""
        for tool in self.tools.values():
            if hasattr(tool, "close"):
                self.host.close_one(tool)


def _by_class(callbacks: Any) -> list[tuple[type, Any]]:
    from core_plus.events import ActionStep

    if not isinstance(callbacks, dict):
        return [(ActionStep, callback) for callback in callbacks]
    pairs = [
        (kind, functions if isinstance(functions, list | tuple) else [functions])
        for kind, functions in callbacks.items()
    ]
    return [(kind, function) for kind, functions in pairs for function in functions]
