"""Runs code in sandboxes of Modal: `executor="modal"`. Each session has a container of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from core_plus_modal.executor import ModalExecutor

__all__ = ["ModalExecutor"]


@hookimpl
def register_executors(register: Register) -> None:
    """Declare the executor "modal"."""
    register("modal", _make, summary="a sandbox of Modal's in the cloud; wants Modal's token")


def _make(**settings: Any) -> ModalExecutor:
    from core_plus_modal.executor import ModalExecutor

    return ModalExecutor(**settings)


def __getattr__(name: str) -> Any:
    if name == "ModalExecutor":
        from core_plus_modal.executor import ModalExecutor

        return ModalExecutor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
