"""Runs code in Podman containers: `executor="podman"`.

One container for each session, without network, capabilities or a root that can be written to; removed with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from core_plus_podman.executor import PodmanExecutor

__all__ = ["PodmanExecutor"]


@hookimpl
def register_executors(register: Register) -> None:
    """Declare the executor "podman"."""
    register("podman", Factory(), summary="Podman containers: no network, no rights, one for each session")


class Factory:
    """Makes the executor. It must be asked for by name: a container takes long to start beside a sandboxed process."""

    preference = -1

    def __call__(self, **settings: Any) -> PodmanExecutor:
        from core_plus_podman.executor import PodmanExecutor

        return PodmanExecutor(**settings)

    def missing(self) -> str:
        """What this machine lacks for it; "" if nothing. The command is asked, for two seconds at most."""
        from core_plus_podman.executor import PODMAN
        from core_plus_worker.containers import missing

        return missing(PODMAN)


def __getattr__(name: str) -> Any:
    if name == "PodmanExecutor":
        from core_plus_podman.executor import PodmanExecutor

        return PodmanExecutor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
