"""Runs code beside the caller's live objects: `executor="inprocess"`. It is NO sandbox.

RestrictedPython keeps code from doing by mistake what it shouldn't; it doesn't hold somebody who means to get out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from core_plus_inprocess.executor import InProcessExecutor

__all__ = ["InProcessExecutor"]


class Factory:
    """Makes the executor, which is never chosen by "auto": it is no sandbox."""

    preference = -1

    def __call__(self, **settings: Any) -> InProcessExecutor:
        """The executor.

        Args:
            settings: As `InProcessExecutor` takes them.
        """
        from core_plus_inprocess.executor import InProcessExecutor

        return InProcessExecutor(**settings)


@hookimpl
def register_executors(register: Register) -> None:
    """Declare the executor "inprocess"."""
    register("inprocess", Factory(), summary="beside the caller's live objects, by RestrictedPython: no sandbox")


def __getattr__(name: str) -> Any:
    if name == "InProcessExecutor":
        from core_plus_inprocess.executor import InProcessExecutor

        return InProcessExecutor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
