"""From templates to the prompts of an agent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs

from core_plus import Host, MultiStepAgent
from core_plus import prompts as kernel
from core_plus.errors import PromptError
from core_plus_prompts.files import KEYS, load
from core_plus_prompts.templates import render, shown

Agent = TypeVar("Agent", bound=MultiStepAgent[Any, Any])
FIELDS: Final = {
    "task": "task",
    "name": "name",
    "remaining_steps": "remaining_steps",
    "authorized_imports": "imports",
    "code_block_opening_tag": "open_tag",
    "code_block_closing_tag": "close_tag",
    "custom_instructions": "instructions",
}
"""The names of templates whose values are known in a run only, and what the kernel calls them."""
_MARK: Final = "\ue000{}\ue001"
_MARKED: Final = re.compile("(\n?)\ue000(\\w+)\ue001")


def with_prompts(agent: Agent, source: str | Path | Mapping[str, Any], *, host: Host | None = None) -> Agent:
    """The same agent with prompts from a file; what the file lacks stays the agent's own.

    Args:
        agent: Its tools and managed agents are what the templates see.
        source: A YAML file of smolagents' form, or what was read from one.
        host: Where its tools are looked up, instead of its own.

    Raises:
        PromptError: The file or a template is wrong; the text says where.
    """
    found: Agent = attrs.evolve(agent, prompts={**(agent.prompts or {}), **rendered(source, agent, host=host)})
    return found


def rendered(
    source: str | Path | Mapping[str, Any], agent: MultiStepAgent[Any, Any], *, host: Host | None = None
) -> dict[str, str]:
    """The prompts of a file as `prompts=` of an agent wants them.

    Args:
        source: A YAML file of smolagents' form, or what was read from one.
        agent: Its tools and managed agents are what the templates see.
        host: Where its tools are looked up, instead of its own.

    Raises:
        PromptError: The file or a template is wrong; the text says where.
    """
    tools = agent.bind(host).tools
    values: dict[str, Any] = {name: _MARK.format(field) for name, field in FIELDS.items()}
    values["custom_instructions"] = values["custom_instructions"] if agent.instructions else ""
    values["tools"] = {name: shown(tool) for name, tool in tools.items() if not tool.is_agent}
    values["managed_agents"] = {name: shown(tool) for name, tool in tools.items() if tool.is_agent}
    return texts(load(source), values)


def texts(templates: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, str]:
    """Templates as texts of the kernel's, parts of one prompt joined.

    Args:
        templates: By key, as `load` gives them.
        values: What they are rendered with; see `FIELDS` for those that are marked.

    Raises:
        PromptError: A template is wrong.
    """
    made: dict[str, list[str]] = {}
    for key, template in templates.items():
        if prompt := KEYS[key]:
            # smolagents sends this one as it is, and its own text has no names.
            text = template if key == "final_answer.pre_messages" else render(template, values, key)
            made.setdefault(prompt, []).append(_kernel_text(key, prompt, text))
    return {
        prompt: "\n\n".join(part.strip("\n") if len(parts) > 1 else part for part in parts)
        for prompt, parts in made.items()
    }


def _kernel_text(key: str, prompt: str, text: str) -> str:
    """A rendered template with braces doubled, and the kernel's `{name}` where a value comes in the run."""

    def field(match: re.Match[str]) -> str:
        before, name = match.groups()
        if name not in kernel.NAMES[prompt]:
            given = next(theirs for theirs, ours in FIELDS.items() if ours == name)
            raise PromptError(f"{key} names {given}, whose value isn't known when that prompt is used")
        # The kernel's instructions begin with a line break of their own.
        return f"{'' if name == 'instructions' else before}{{{name}}}"

    # Their shipped templates hold this one in single braces.
    literal = "{remaining_steps}" if "remaining_steps" in kernel.NAMES[prompt] else "\ue002"
    text = text.replace(literal, _MARK.format("remaining_steps")).replace("{", "{{").replace("}", "}}")
    made = _MARKED.sub(field, text)
    if "\ue000" in made or "\ue001" in made:
        raise PromptError(
            f"{key} changes a name whose value comes later, in the run: {', '.join(FIELDS)} can only be shown"
        )
    return made
