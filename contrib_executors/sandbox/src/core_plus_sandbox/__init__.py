"""Runs code behind Linux's own walls: `executor="sandbox"`.

Landlock, seccomp, resource limits, no capabilities and namespaces around a fork of a prepared interpreter: CPython at
its own speed, a fresh one in milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from core_plus_sandbox.executor import SandboxExecutor

__all__ = ["SandboxExecutor"]


@hookimpl
def register_executors(register: Register) -> None:
    """Declare the executor "sandbox", and the same for machines that forbid namespaces, as many containers do."""
    register("sandbox", Factory(100, ()), summary="CPython behind Landlock, seccomp and namespaces: Linux")
    register(
        "sandbox_without_namespaces",
        Factory(90, ("namespaces",)),
        summary="the same for machines that forbid namespaces, such as containers",
    )


class Factory:
    """Makes executors, and tells `executor="auto"` whether it could.

    Args:
        preference: As `Host.executor` reads it.
        allow_missing: Walls that may be missing.
    """

    def __init__(self, preference: int, allow_missing: tuple[str, ...]) -> None:
        self.preference, self._allow_missing = preference, allow_missing

    def __call__(self, **settings: Any) -> SandboxExecutor:
        from core_plus_sandbox.executor import SandboxExecutor

        return SandboxExecutor(**{"allow_missing": self._allow_missing, **settings})

    def missing(self) -> str:
        """What this machine lacks for it; "" if nothing."""
        from core_plus_sandbox.machine import lacking

        return lacking(self._allow_missing)


def __getattr__(name: str) -> Any:
    if name == "SandboxExecutor":
        from core_plus_sandbox.executor import SandboxExecutor

        return SandboxExecutor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
