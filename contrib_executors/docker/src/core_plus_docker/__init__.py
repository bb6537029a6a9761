"""Runs code in Docker containers: `executor="docker"`.

One container for each session, without network, capabilities or a root that can be written to; removed with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from core_plus_docker.executor import DockerExecutor

__all__ = ["DockerExecutor"]


@hookimpl
def register_executors(register: Register) -> None:
    """Declare the executor "docker"."""
    register("docker", Factory(), summary="Docker containers: no network, no rights, one for each session")


class Factory:
    """Makes the executor. It must be asked for by name: a container takes long to start beside a sandboxed process."""

    preference = -1

    def __call__(self, **settings: Any) -> DockerExecutor:
        from core_plus_docker.executor import DockerExecutor

        return DockerExecutor(**settings)

    def missing(self) -> str:
        """What this machine lacks for it; "" if nothing. The daemon is asked, for two seconds at most."""
        from core_plus_docker.executor import DOCKER
        from core_plus_worker.containers import missing

        return missing(DOCKER)


def __getattr__(name: str) -> Any:
    if name == "DockerExecutor":
        from core_plus_docker.executor import DockerExecutor

        return DockerExecutor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
