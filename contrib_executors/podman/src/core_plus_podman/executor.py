"""Podman's command line, as the shared executor needs to know it."""

from __future__ import annotations

from core_plus_worker.containers import ContainerExecutor, Engine

PODMAN = Engine(
    name="podman",
    title="Podman",
    image="docker.io/library/python:3.13-slim",
    host="--url",
    context="--connection",
    sends_profile=False,
    passes=("--preserve-fds=1",),
    options=("--http-proxy=false", "--read-only-tmpfs=false"),  # the host's proxies may carry passwords
    install="install Podman, or use the executor 'docker' or 'sandbox'",
    start="see that 'podman info' works for this user; on macOS and Windows 'podman machine start' comes first",
)


class PodmanExecutor(ContainerExecutor):
    """Runs code in Podman containers, one for each session. The settings are those of `ContainerExecutor`."""

    name = "podman"
    engine = PODMAN
