"""The kernel's own prompts as templates."""

from __future__ import annotations

import re
from typing import Final

from core_plus import prompts
from core_plus.errors import PromptError
from core_plus_prompts.files import KEYS

KINDS: Final = {"code": "code", "structured": "code_structured", "tool_calling": "tool_calling"}
"""Kinds of agents, and the file of their system prompt in the kernel."""
_FIELD = re.compile(r"\{\{|\}\}|\{([A-Za-z_]\w*)\}")
_TEAM = (
    "{% if managed_agents %}\nThese team members work for you; give each all that it must know, for it sees nothing "
    "else:\n\n{% for agent in managed_agents.values() %}{{ agent.DESCRIBE() }}{% if not loop.last %}\n\n"
    "{% endif %}{% endfor %}\n{% endif %}"
)
_TOOLS = "{% for tool in tools.values() %}{{ tool.DESCRIBE() }}{% if not loop.last %}\n\n{% endif %}{% endfor %}"
_TEMPLATES: Final = {
    "tools": _TOOLS,
    "managed_agents": _TEAM,
    "imports": "{{ authorized_imports }}",
    "instructions": "{% if custom_instructions %}\n{{ custom_instructions }}{% endif %}",
    "open_tag": "{{ code_block_opening_tag }}",
    "close_tag": "{{ code_block_closing_tag }}",
}


def defaults(kind: str = "code") -> dict[str, str]:
    """The kernel's own prompts as templates by key; rendered for an agent, they are its own prompts again.

    Args:
        kind: The kind of agent: "code", "structured" or "tool_calling".

    Raises:
        PromptError: There is no such kind.
    """
    if kind not in KINDS:
        raise PromptError(f"there are no agents of the kind {kind!r}; there are {', '.join(KINDS)}")
    first: dict[str, str] = {}
    for key, prompt in KEYS.items():
        # The first part of the last answer isn't rendered.
        if prompt and prompt not in first.values() and key != "final_answer.pre_messages":
            first[key] = prompt
    return {key: _template(KINDS[kind] if prompt == "system" else prompt, kind) for key, prompt in first.items()}


def _template(file: str, kind: str) -> str:
    describe = "to_tool_calling_prompt" if kind == "tool_calling" else "to_code_prompt"
    text, made, end = prompts.default(file), list[str](), 0
    for match in _FIELD.finditer(text):
        made.append(text[end : match.start()])
        end = match.end()
        name = match[1]
        made.append(match[0][0] if name is None else _TEMPLATES.get(name, f"{{{{ {name} }}}}"))
    return "".join([*made, text[end:]]).replace("DESCRIBE", describe)
