"""Rendering Jinja2 templates that may come from anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from core_plus.errors import PromptError
from core_plus.tools import Tool

MOST: Final = 2_000_000
"""Characters that a rendered template may have."""


@attrs.frozen
class Shown:
    """A tool or an agent as templates see it: words only, never the tool itself.

    Args:
        name: What it is called by.
        description: What it does.
        inputs: For each argument its JSON Schema.
        output_type: What comes back, in smolagents' words.
        code: Its signature and docstring.
        call: It in one line.
    """

    name: str
    description: str
    inputs: Mapping[str, Any]
    output_type: str
    code: str
    call: str

    def to_code_prompt(self) -> str:
        """Its signature and docstring."""
        return self.code

    def to_tool_calling_prompt(self) -> str:
        """It in one line."""
        return self.call


def shown(tool: Tool) -> Shown:
    """A tool as templates see it.

    Args:
        tool: A tool, or a managed agent's.
    """
    spec = tool.spec
    kind = str(getattr(tool, "output_type", None) or "any")
    inputs = dict(spec.parameters.get("properties", {}))
    return Shown(tool.name, spec.description, inputs, kind, tool.to_code_prompt(), tool.to_tool_calling_prompt())


def render(template: str, values: Mapping[str, Any], name: str = "the template") -> str:
    """A template with its names filled in, in Jinja2's sandbox: it can read what it is given and change nothing.

    Args:
        template: Jinja2.
        values: By name.
        name: What it is called in errors.

    Raises:
        PromptError: It is no Jinja2, names what isn't there, does what the sandbox forbids, or is far too long; the
            text says where.
    """
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    pieces, size = list[str](), 0
    try:
        for piece in environment.from_string(template).generate(dict(values)):
            pieces.append(piece)
            size += len(piece)
            if size > MOST:
                raise PromptError(f"{name} gives more than {MOST:,} characters")
    except PromptError:
        raise
    except jinja2.TemplateSyntaxError as error:
        raise PromptError(f"{name}, line {error.lineno}: {error.message}") from error
    except jinja2.UndefinedError as error:
        names = ", ".join(sorted(values))
        raise PromptError(f"{name}: {error.message}; there are {names}") from error
    except Exception as error:
        raise PromptError(f"{name} can't be rendered: {type(error).__name__}: {error}") from error
    return "".join(pieces)
