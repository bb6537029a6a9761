"""Finds an engine that runs and an image with Python; says why there is none."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core_plus_docker import DockerExecutor
from core_plus_testkit.executor_kit import containers


@pytest.fixture(scope="session")
def image() -> str:
    """The name of an image with Python."""
    return containers.image_of("docker", "tests/make_image.sh makes one")


@pytest.fixture
def make(image: str) -> Iterator[Callable[..., DockerExecutor]]:
    """Makes executors that are closed after the test."""
    made: list[DockerExecutor] = []

    def make_(**settings: Any) -> DockerExecutor:
        made.append(DockerExecutor(**{"image": image, **settings}))
        return made[-1]

    yield make_
    for executor in made:
        executor.close()


@pytest.fixture
def finished() -> Any:
    """Runs a snippet that calls nothing to its end."""
    return containers.finished
