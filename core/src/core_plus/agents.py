"""Agents: immutable settings. Every run has its own state, so one agent serves any number at once."""

from __future__ import annotations

import keyword
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import attrs

from core_plus.bound import Bound
from core_plus.code_action import CodeStyle
from core_plus.delegates import AgentTool, FinalAnswerTool, HandoffTool
from core_plus.effects import Effects
from core_plus.errors import ConfigurationError
from core_plus.executors import Limits, Setup
from core_plus.faces import Conversation, Faces
from core_plus.generics import Deps, Out
from core_plus.host import Host, default_host
from core_plus.loop import react
from core_plus.memory import ListMemory
from core_plus.messages import Image
from core_plus.options import check_numbers, run_options, several
from core_plus.parsing import CODE_TAGS
from core_plus.render import as_attachment
from core_plus.run import Run, RunLimits
from core_plus.tool_action import ToolStyle

BASE_IMPORTS = (
    "collections", "dataclasses", "datetime", "decimal", "fractions", "functools", "itertools", "json", "math",
    "queue", "random", "re", "stat", "statistics", "string", "textwrap", "time", "typing", "unicodedata",
)  # fmt: skip
"""What code may always import where an agent's imports are limited: modules that only compute."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Runnable(Faces[Deps, Out]):
    """What can be run: the settings and faces that agents, and chains of them, have in common.

    Args:
        name: An identifier; what other agents call it by.
        description: What it is good for, for the agents that it works for.
        host: Where plugins come from; None is the process's default host.
        max_steps: Steps before it must answer with what it has.
        planning_interval: Plan before the first step and then every so many.
        planning: Who plans instead: the name of a planner that a plugin offers ("auto" of core-plus-teams), or
            an object with `plan(run)`.
        limits: What a run may use.
        share_memory: Whether the agents of a run read each other's steps as they happen.
        callbacks: Called with each `ActionStep` (or, in a dict, by class of step) and the run. They may
            return Continue, Ask, Stop or Edit; one that raises ends the run with everything kept.
        policies: Objects with hooks about effects, such as `review_effect(run, effect)`, heard beside the host's
            plugins for this agent's effects and those inside; one with `observe` sees the events too.
    """

    name: str | None = None
    description: str | None = None
    host: Host | None = None
    max_steps: int = 20
    planning_interval: Any = None
    planning: Any = None
    limits: RunLimits = attrs.field(factory=RunLimits)
    share_memory: bool = False
    callbacks: Sequence[Callable[..., Any]] | Mapping[type, Any] = ()
    policies: Sequence[Any] = ()
    _bound: list[Bound] = attrs.field(factory=list, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.name is not None and (not self.name.isidentifier() or keyword.iskeyword(self.name)):
            raise ConfigurationError(
                f"an agent's name is an identifier, for code calls it by that: {self.name!r} is none"
            )
        check_numbers(self.max_steps, self.planning_interval)

    # ---- what kinds of it differ in ----------------------------------------

    def loop(self, run: Run) -> Effects:
        """What a run does, as a generator of effects.

        Args:
            run: Fresh.
        """
        raise NotImplementedError

    def _bind(self, host: Host) -> Bound:
        return Bound(self, host)

    # ---- running ------------------------------------------------------------

    def bind(self, host: Host | None = None) -> Bound:
        """The settings with every name looked up; done once for a host.

        Args:
            host: Instead of the agent's own.

        Raises:
            ConfigurationError: A name can't be found, or stands twice.
        """
        host = host or self.host or default_host()
        for bound in self._bound:
            if bound.host is host:
                return bound
        self._bound.append(bound := self._bind(host))
        return bound

    def new_run(self, task: str, *, host: Host | None = None, parent: Run | None = None, **options: Any) -> Run:
        """A run that hasn't begun; `run`, `stream` and their like make one and drive it.

        Args:
            task: What to do.
            host: Instead of the agent's own.
            parent: The run that this one is part of.
            **options: As for `run`.
        """
        if unknown := set(options) - run_options():
            names = ", ".join(sorted(run_options()))
            raise TypeError(f"run() takes no {', '.join(sorted(unknown))}; it takes {names}")
        bound = self.bind(host)
        check_numbers(options.get("max_steps"), options.get("planning_interval"))
        bound.planner(options.get("planning") or options.get("planning_interval"))
        attachments = [as_attachment(one, Image) for one in several(options.pop("images", ()))]
        attachments += [as_attachment(one) for key in ("files", "attachments") for one in several(options.pop(key, ()))]
        if isinstance(options.get("ui"), str):
            options["ui"] = bound.host.make("ui", options["ui"])
        journal = options.pop("journal", None)
        run = Run(bound, str(task), parent=parent, attachments=attachments, **options)
        run.observers += [one for one in self.policies if hasattr(one, "observe") and one not in run.observers]
        if journal is not None:
            run.keeper = bound.host.journal(journal).begin(run)
        return run

    def reopen(self, run_id: str, *, journal: Any = None, host: Host | None = None, **options: Any) -> Run:
        """A run that a journal keeps, ready to go on; `resume` makes one and drives it.

        Args:
            run_id: Which.
            journal: Where it is kept.
            host: Instead of the agent's own.
            **options: As for `resume`.

        Raises:
            JournalError: It isn't kept there, another process has it, or it isn't this agent's.
        """
        if journal is None:
            raise ConfigurationError(f"to go on with the run {run_id} give journal=, the address that keeps it")
        run: Run = self.bind(host).host.journal(journal).reopen(self, run_id, host=host, **options)
        return run

    def session(self, steps: Sequence[Any] = ()) -> Conversation[Deps, Out]:
        """A conversation: each run goes on from the one before, variables in code included.

        Args:
            steps: What was said before, from another conversation.
        """
        return Conversation(self, steps)

    def close(self) -> None:
        """Close the tools that keep something open."""
        while self._bound:
            self._bound.pop().close()

    def __repr__(self) -> str:
        facts = [self.name or "", str(getattr(self, "model", None) or ""), (self.description or "")[:60]]
        named = getattr(self, "tools", ())
        tools = [str(getattr(tool, "name", None) or getattr(tool, "__name__", tool)) for tool in named]
        team = [str(agent.name) for agent in getattr(self, "managed_agents", ())]
        facts += [f"tools: {', '.join(tools)}" if tools else "", f"team: {', '.join(team)}" if team else ""]
        return f"<{type(self).__name__} {'; '.join(fact for fact in facts if fact)}>".replace(" >", ">")

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _tuple(items: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(items)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class MultiStepAgent(Runnable[Deps, Out]):
    """What `CodeAgent` and `ToolCallingAgent` are: a model with tools, in the ReAct loop.

    Args:
        model: "provider:id", or a model object. None takes CORE_PLUS_MODEL.
        tools: Tools, functions, names that plugins offer, or what else plugins know as tools.
        instructions: More words for the system prompt, or a function of the run's context that gives them.
        managed_agents: Agents that this one may give tasks to; each needs a name and a description.
        handoffs: Agents that this one may hand the conversation over to, for good.
        provide_run_summary: As a managed agent, give a summary of the steps with the answer.
        output_type: What the answer must be: any type that tools may use. It is sent back until it fits.
        final_answer_checks: Called with the answer and the run's context; False or an error sends it back.
        memory: What the model sees of the steps; a name or a `Memory`.
        prompts: Own texts or files, by name (see `core_plus.prompts.NAMES`).
        options: The provider's own parameters for each request, such as temperature.
        tool_filter: Called before each step with the run's context and the tools; gives those to offer.
        max_observation: Characters of a result that the model is shown; the middle is left out.
    """

    model: Any = None
    tools: Iterable[Any] = attrs.field(default=(), converter=_tuple)
    instructions: str | Callable[..., str] | None = None
    managed_agents: Sequence[Runnable[Any, Any]] = ()
    handoffs: Sequence[Runnable[Any, Any]] = ()
    provide_run_summary: bool = False
    output_type: Any = None
    final_answer_checks: Sequence[Callable[..., Any]] = ()
    memory: Any = attrs.field(factory=ListMemory)
    prompts: Mapping[str, str | Path] | None = None
    options: Mapping[str, Any] = attrs.field(factory=dict)
    tool_filter: Callable[..., Any] | None = None
    max_observation: int = 20_000
    style: Any = attrs.field(init=False, repr=False)

    def loop(self, run: Run) -> Effects:
        """The ReAct loop.

        Args:
            run: Fresh.
        """
        return react(run)

    def setup(self, run: Run) -> Setup:
        """What a session of the executor starts with.

        Args:
            run: In progress.
        """
        raise NotImplementedError

    def prompt(self, task: str = "", **options: Any) -> str:
        """Exactly what the model is told before the conversation: the system prompt, filled in.

        Args:
            task: For instructions that depend on it.
            **options: As for `run`.
        """
        run = self.new_run(task, **options)
        return run.bound.system(run).text

    def _all_tools(self, host: Host) -> list[Any]:
        tools = [tool for source in self.tools for tool in host.tools(source)]
        tools += [AgentTool(agent) for agent in self.managed_agents]
        tools += [HandoffTool(agent) for agent in self.handoffs]
        if not any(tool.name == "final_answer" for tool in tools):
            tools.append(FinalAnswerTool(self.output_type))
        return tools

    def _bind(self, host: Host) -> Bound:
        _ = host.plugins
        ref = self.model if self.model is not None else os.environ.get("CORE_PLUS_MODEL")
        if ref is None:
            raise ConfigurationError("no model: give model='provider:id' or set CORE_PLUS_MODEL")
        files = {
            "system": self.style.prompt,
            "plan_first": "plan_first",
            "plan_update": "plan_update",
            "last_answer": "last_answer",
            "managed_task": "managed_task",
        }
        return Bound(
            self, host, model=host.model(ref), tools=self._all_tools(host), executor=self._executor(host), files=files
        )

    def _executor(self, host: Host) -> Any:
        return None


@attrs.frozen(kw_only=True, eq=False, repr=False)
class CodeAgent(MultiStepAgent[Deps, Out]):
    """An agent that acts by writing Python.

    Args:
        executor: Where its code runs: a name, "auto" (the best that this machine has), or an `Executor`.
        code_limits: What its code may use.
        additional_authorized_imports: Modules that code may import beside those that only compute; None
            leaves it to the executor, "*" allows all.
        code_block_tags: What stands before and after code in a reply, or "markdown".
        use_structured_outputs: Have the model answer as JSON with a thought and code, where it can.
    """

    executor: Any = "auto"
    code_limits: Limits = attrs.field(factory=Limits)
    additional_authorized_imports: Sequence[str] | None = None
    code_block_tags: tuple[str, str] | str = CODE_TAGS
    use_structured_outputs: bool = False
    style: Any = attrs.field(init=False, repr=False)

    @style.default
    def _style(self) -> CodeStyle:
        return CodeStyle(self.code_block_tags, self.use_structured_outputs)

    def imports(self, bound: Bound) -> tuple[str, ...] | None:
        """The modules that code may import; None is any.

        Args:
            bound: Where the executor stands.
        """
        brought = tuple(module for tool in bound.tools.values() for module in tool.modules)
        if self.additional_authorized_imports is None:
            allowed = cast("tuple[str, ...] | None", getattr(bound.executor, "imports", None))
            return None if allowed is None else (*allowed, *brought)
        return tuple(dict.fromkeys([*BASE_IMPORTS, *self.additional_authorized_imports, *brought]))

    def setup(self, run: Run) -> Setup:
        """What a session of the executor starts with.

        Args:
            run: In progress.
        """
        tools = run.bound.tools
        return Setup(
            functions=tuple(name for name, tool in tools.items() if not isinstance(tool, FinalAnswerTool)),
            final=tuple(name for name, tool in tools.items() if tool.final),
            variables=run.variables,
            imports=self.imports(run.bound),
            limits=self.code_limits,
            stream=run.streaming or bool(run.observers),
            seed=run.root.seed,
            clock=run.root.calendar,
        )

    def _executor(self, host: Host) -> Any:
        return host.executor(self.executor)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ToolCallingAgent(MultiStepAgent[Deps, Out]):
    """An agent that acts by calling tools as JSON.

    Args:
        plain_answers: Whether prose without a call is the final answer.
        tool_choice: What the provider is told: "auto", "required" or a tool's name; None fits `plain_answers`.
    """

    plain_answers: bool = True
    tool_choice: str | None = None
    style: Any = attrs.field(init=False, repr=False)

    @style.default
    def _style(self) -> ToolStyle:
        return ToolStyle(self.plain_answers, self.tool_choice)
