"""Prompts: plain texts with `{name}` for what is filled in, `{{` and `}}` for braces."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core_plus.errors import PromptError

NAMES = {
    "system": {"tools", "managed_agents", "imports", "instructions", "open_tag", "close_tag"},
    "plan_first": {"task", "tools", "managed_agents", "remaining_steps"},
    "plan_update": {"task", "tools", "managed_agents", "remaining_steps"},
    "managed_task": {"name", "task"},
    "last_answer": {"task"},
}
"""Each prompt, and the names that its text may hold."""

_FIELD = re.compile(r"\{\{|\}\}|\{([A-Za-z_]\w*)\}")


@functools.cache
def default(file: str) -> str:
    """A prompt that comes with the kernel.

    Args:
        file: Its name, without ".txt".
    """
    return (Path(__file__).parent / f"{file}.txt").read_text(encoding="utf-8")


def chosen(prompt: str, override: str | Path | None, file: str) -> str:
    """The text to use for a prompt, its names checked.

    Args:
        prompt: One of `NAMES`.
        override: The caller's own text or file, if there is one.
        file: The kernel's own.

    Raises:
        PromptError: The text holds a name that the prompt hasn't got.
    """
    text = override.read_text(encoding="utf-8") if isinstance(override, Path) else override
    text = default(file) if text is None else text
    unknown = {match[1] for match in _FIELD.finditer(text) if match[1]} - NAMES[prompt]
    if unknown:
        raise PromptError(
            f"the prompt {prompt!r} names {', '.join(sorted(unknown))}; "
            f"it may name {', '.join(sorted(NAMES[prompt]))} (write {{{{…}}}} for braces)"
        )
    return text


def fill(text: str, values: Mapping[str, Any]) -> str:
    """A prompt with its names filled in.

    Args:
        text: The prompt.
        values: By name.

    Raises:
        PromptError: A name has no value.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0][0]
        if match[1] not in values:
            raise PromptError(f"the prompt needs a value for {match[1]!r}")
        return str(values[match[1]])

    return _FIELD.sub(value, text)
