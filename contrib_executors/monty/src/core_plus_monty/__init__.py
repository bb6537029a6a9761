"""Runs code in Monty, a Python interpreter in Rust: `executor="monty"`. A sandbox on Linux, macOS and Windows.

It runs a part of Python and nothing that is installed; it starts in a fraction of a millisecond.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from core_plus_monty.executor import MontyExecutor
    from core_plus_monty.session import MontySession

__all__ = ["MontyExecutor", "MontySession"]


class Factory:
    """Makes the executor, and says whether this machine has what it needs.

    `preference` stands below that of `sandbox`, which runs all of Python, and above those that are no sandbox.
    """

    preference = 50

    def __call__(self, **settings: Any) -> MontyExecutor:
        """The executor.

        Args:
            settings: As `MontyExecutor` takes them.
        """
        from core_plus_monty.executor import MontyExecutor

        return MontyExecutor(**settings)

    def missing(self) -> str:
        """What this machine lacks, "" if nothing."""
        from core_plus_monty.presence import missing

        return missing()


@hookimpl
def register_executors(register: Register) -> None:
    """Declare the executor "monty"."""
    register("monty", Factory(), summary="Monty, an interpreter in Rust: a part of Python and no packages; a sandbox")


def __getattr__(name: str) -> Any:
    if name == "MontyExecutor":
        from core_plus_monty.executor import MontyExecutor

        return MontyExecutor
    if name == "MontySession":
        from core_plus_monty.session import MontySession

        return MontySession
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
