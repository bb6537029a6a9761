"""What ends code from outside. No `except Exception` catches these, and `rewrite` sees to a bare `except`."""

from __future__ import annotations

from typing import Any


class Stop(BaseException):
    """Ends the snippet.

    Args:
        kind: "Stopped" (the host asked), "CpuLimit" or "CallLimit".
        text: What to say of it.
    """

    def __init__(self, kind: str, text: str = "") -> None:
        super().__init__(kind, text)
        self.kind, self.text = kind, text

    def again(self) -> Stop:
        """One more of the same, to raise in another place."""
        return Stop(self.kind, self.text)


class Final(Stop):
    """Ends the snippet with the final answer.

    Args:
        value: The answer.
    """

    def __init__(self, value: Any) -> None:
        super().__init__("Final")
        self.value = value


HERE = {"__module__": "builtins"}
"""Where tracebacks say that the classes are: code finds ToolError among the builtins."""


class ToolError(RuntimeError):
    """A call of a function of the host failed. The kinds that the host names are classes under it."""

    __module__ = "builtins"


def tool_error(kind: str) -> type[ToolError]:
    """The exception class for a kind of failure: a ToolError, and Python's own of that name where there is one.

    Args:
        kind: A class name, such as "ValueError" or "AgentDeniedError".
    """
    import builtins

    if kind == "ToolError":
        return ToolError
    own = getattr(builtins, kind, None)
    if isinstance(own, type) and issubclass(own, Exception):
        try:
            return type(kind, (ToolError, own), HERE)
        except TypeError:  # the two are laid out differently in memory (OSError)
            pass
    return type(kind, (ToolError,), HERE)
