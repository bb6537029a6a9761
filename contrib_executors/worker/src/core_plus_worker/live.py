"""Objects of the host that code uses where they are, by the methods that were allowed and no others."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from core_plus.errors import AgentToolCallError, ToolDefinitionError
from core_plus.tools import Tool


def live(thing: Any, *methods: str, name: str) -> list[Tool]:
    """Tools by which a code agent uses an object that stays in this process: `tools=live(db, "query", name="db")`.

    Code finds `db`, an object that has these methods and nothing else; each call is a tool call like any other, so
    reviews, limits and observers see it. Arguments and values are copies.

    Args:
        thing: The object.
        *methods: What may be called.
        name: What code calls it.

    Raises:
        ToolDefinitionError: It has no such method, or none was allowed.
    """
    if not methods:
        raise ToolDefinitionError(f"live object {name!r}: name the methods that code may call")
    return [LiveMethod(thing, method, name) for method in methods]


class LiveMethod(Tool):
    """One method of an object that stays where it is.

    Args:
        thing: The object.
        method: The method's name.
        name: What code calls the object.

    Raises:
        ToolDefinitionError: It has no such method.
    """

    parameters = {"type": "object", "properties": {}, "additionalProperties": True}
    output_type = "any"

    def __init__(self, thing: Any, method: str, name: str) -> None:
        if method.startswith("_") or not callable(getattr(thing, method, None)):
            has = ", ".join(each for each in dir(thing) if not each.startswith("_"))
            raise ToolDefinitionError(
                f"live object {name!r}: {type(thing).__name__} has no method {method!r}; it has {has}"
            )
        self._method = getattr(thing, method)
        self._signature = _signature(self._method)
        words = (inspect.getdoc(self._method) or "").strip()
        self.name, self.description = f"{name}.{method}", words or f"{method} of {name}, a {type(thing).__name__}."

    @property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self._method)

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any], context: Any = None) -> dict[str, Any]:
        try:
            if self._signature is not None:
                self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise AgentToolCallError(f"{self.name}: {error}. It is {self.signature()}") from None
        return {"args": tuple(args), "kwargs": dict(kwargs)}

    def invoke(self, arguments: Mapping[str, Any]) -> Any:
        return self._method(*arguments["args"], **arguments["kwargs"])

    def forward(self, **arguments: Any) -> Any:
        """Call the method."""
        return self._method(**arguments)

    def signature(self) -> str:
        return f"{self.name}{self._signature if self._signature is not None else '(...)'}"


def _signature(method: Any) -> inspect.Signature | None:
    """What a method takes, None where it doesn't say (some of C's)."""
    try:
        return inspect.signature(method)
    except (TypeError, ValueError):
        return None
