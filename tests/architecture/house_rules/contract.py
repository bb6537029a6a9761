"""The contract with plugins is written down where plugin authors look."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

REFERENCE = "docs/reference/hooks.md"


def hooks(module: ModuleType) -> dict[str, list[str]]:
    """The hooks that a module specifies, each with the names of its arguments.

    pluggy marks a specification with an attribute `<project>_spec`.
    """
    found = {name: value for name, value in vars(module).items() if _is_hook(value)}
    return {name: list(inspect.signature(value).parameters) for name, value in found.items()}


def _is_hook(value: Any) -> bool:
    return inspect.isfunction(value) and any(mark.endswith("_spec") for mark in vars(value))


def hooks_explain_their_arguments(module: ModuleType) -> Iterator[str]:
    """A hook's docstring says, by name, what it is given."""
    for name, arguments in hooks(module).items():
        function = getattr(module, name)
        where = f"{module.__name__.replace('.', '/')}.py:{function.__code__.co_firstlineno}"
        text = inspect.getdoc(function)
        if not text:
            yield f"{where}: the hook {name} has no docstring"
            continue
        for argument in arguments:
            if not re.search(rf"\b{argument}\b", text):
                yield f"{where}: the docstring of the hook {name} doesn't say what {argument} is"


def hooks_are_in_the_reference(module: ModuleType, text: str) -> Iterator[str]:
    """The reference has a heading for each hook with its exact arguments, and for nothing else.

    Args:
        module: What specifies the hooks.
        text: The reference, as Markdown.
    """
    real = {f"{name}({', '.join(arguments)})" for name, arguments in hooks(module).items()}
    headings = {match[1]: text[: match.start()].count("\n") + 1 for match in _headings(text)}
    for hook in sorted(real - headings.keys()):
        yield f"{REFERENCE}:1: the hook {hook} has no heading `### `{hook}``"
    for hook in sorted(headings.keys() - real):
        yield f"{REFERENCE}:{headings[hook]}: {hook} is no hook, or its arguments are others"


def _headings(text: str) -> Iterator[re.Match[str]]:
    return re.finditer(r"^### `(\w+\([^)]*\))`$", text, re.MULTILINE)
