"""Runs code in a plain subprocess: `executor="subprocess"`. It is NO sandbox.

The code runs with the rights of the user who runs the agent. What it gets is a process of its own, so that it can
be stopped, and an environment without the host's secrets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from core_plus_subprocess.executor import SubprocessExecutor

__all__ = ["SubprocessExecutor"]


@hookimpl
def register_executors(register: Register) -> None:
    """Declare the executor "subprocess"."""
    register("subprocess", Factory(), summary="a plain Python process with the user's own rights: no sandbox")


class Factory:
    """Makes the executor. It is no sandbox, so whoever wants it names it."""

    preference = -1

    def __call__(self, **settings: Any) -> SubprocessExecutor:
        from core_plus_subprocess.executor import SubprocessExecutor

        return SubprocessExecutor(**settings)


def __getattr__(name: str) -> Any:
    if name == "SubprocessExecutor":
        from core_plus_subprocess.executor import SubprocessExecutor

        return SubprocessExecutor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
