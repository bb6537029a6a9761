"""Runs code in sandboxes of E2B: `executor="e2b"`. Each session has a virtual machine of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from core_plus_e2b.executor import E2BExecutor

__all__ = ["E2BExecutor"]


@hookimpl
def register_executors(register: Register) -> None:
    """Declare the executor "e2b"."""
    register("e2b", _make, summary="a sandbox of E2B's in the cloud; wants E2B_API_KEY")


def _make(**settings: Any) -> E2BExecutor:
    from core_plus_e2b.executor import E2BExecutor

    return E2BExecutor(**settings)


def __getattr__(name: str) -> Any:
    if name == "E2BExecutor":
        from core_plus_e2b.executor import E2BExecutor

        return E2BExecutor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
