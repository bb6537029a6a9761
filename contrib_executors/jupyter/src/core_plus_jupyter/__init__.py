"""Runs code in Jupyter kernels: `executor="jupyter"`. It is NO sandbox.

The code runs with the rights of the kernel's user: in a kernel that is started for each session, in one that runs
already, or in one on a Jupyter Server or kernel gateway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from core_plus_jupyter.executor import JupyterExecutor

__all__ = ["JupyterExecutor"]


@hookimpl
def register_executors(register: Register) -> None:
    """Declare the executor "jupyter"."""
    register(
        "jupyter", _make, summary="a Jupyter kernel, started here or on a server, with its user's rights: no sandbox"
    )


def _make(**settings: Any) -> JupyterExecutor:
    from core_plus_jupyter.executor import JupyterExecutor

    return JupyterExecutor(**settings)


def __getattr__(name: str) -> Any:
    if name == "JupyterExecutor":
        from core_plus_jupyter.executor import JupyterExecutor

        return JupyterExecutor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
