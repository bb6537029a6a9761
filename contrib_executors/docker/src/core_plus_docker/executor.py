"""Docker's command line, as the shared executor needs to know it."""

from __future__ import annotations

from core_plus_worker.containers import ContainerExecutor, Engine

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY")
"""The command takes these from its user's config.json, passwords and all, unless they are given."""

DOCKER = Engine(
    name="docker",
    title="Docker",
    image="python:3.13-slim",
    host="--host",
    context="--context",
    sends_profile=True,
    env={name: "" for upper in PROXIES for name in (upper, upper.lower())},
    install="install Docker Engine or Docker Desktop, or use the executor 'podman' or 'sandbox'",
    start="start Docker, name its address by host= or DOCKER_HOST, and see that this user may use it (group docker)",
)


class DockerExecutor(ContainerExecutor):
    """Runs code in Docker containers, one for each session. The settings are those of `ContainerExecutor`."""

    name = "docker"
    engine = DOCKER
