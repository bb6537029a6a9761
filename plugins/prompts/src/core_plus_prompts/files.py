"""YAML files of prompts, in smolagents' form.

The form is that of `prompts.yaml` in agents that smolagents 1.26 saves: two levels of keys, a Jinja2 template each.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from core_plus.errors import PromptError

KEYS: Final[Mapping[str, str]] = {
    "system_prompt": "system",
    "planning.initial_plan": "plan_first",
    "planning.update_plan_pre_messages": "plan_update",
    "planning.update_plan_post_messages": "plan_update",
    "managed_agent.task": "managed_task",
    "managed_agent.report": "",
    "final_answer.pre_messages": "last_answer",
    "final_answer.post_messages": "last_answer",
}
"""The keys of the form, and the prompt of the kernel that each is for, or a part of; "" where it has none."""


def load(source: str | Path | Mapping[str, Any]) -> dict[str, str]:
    """Templates by key, such as "planning.initial_plan".

    Args:
        source: A file, or what `yaml.safe_load` made of one. Keys may be missing: the kernel's own hold then.

    Raises:
        PromptError: It can't be read, or isn't of the form; the text says where.
    """
    where = "the prompts" if isinstance(source, Mapping) else str(source)
    found = source if isinstance(source, Mapping) else _read(Path(source))
    if not isinstance(found, Mapping):
        raise PromptError(f"{where}: keys with texts are asked for, such as system_prompt, not {type(found).__name__}")
    flat: dict[str, Any] = {}
    for key, value in found.items():
        flat |= (
            {f"{key}.{inner}": text for inner, text in value.items()} if isinstance(value, Mapping) else {key: value}
        )
    for key, text in flat.items():
        if key not in KEYS:
            raise PromptError(f"{where}: there is no prompt {key!r}; there are {', '.join(KEYS)}")
        if text is not None and not isinstance(text, str):
            raise PromptError(f"{where}: {key} is a text, not {text!r:.80}")
    return {key: flat[key] for key in KEYS if flat.get(key) is not None}


def dump(templates: Mapping[str, str]) -> str:
    """The text of a YAML file with templates, each as a block that can be read and edited.

    Args:
        templates: By key, as `load` gives them.
    """
    nested: dict[str, Any] = {}
    for key in KEYS:
        if key in templates:
            outer, _, inner = key.partition(".")
            if inner:
                nested.setdefault(outer, {})[inner] = templates[key]
            else:
                nested[outer] = templates[key]
    return yaml.dump(nested, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=10_000)


def _read(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(f"{path} can't be read: {error}") from error
    except yaml.YAMLError as error:
        raise PromptError(f"{path} is no YAML: {' '.join(str(error).split())}") from error


def _dumper() -> type[yaml.SafeDumper]:
    class Blocks(yaml.SafeDumper):
        """Writes texts of several lines as blocks."""

    def block(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)

    Blocks.add_representer(str, block)
    return Blocks
