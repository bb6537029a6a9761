"""Finds an engine that runs and an image with Python; says why there is none."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core_plus_podman import PodmanExecutor
from core_plus_testkit.executor_kit import containers


@pytest.fixture(scope="session")
def image() -> str:
    """The name of an image with Python."""
    return containers.image_of("podman", "make_image.sh among the tests of the executor docker makes one")


@pytest.fixture
def make(image: str) -> Iterator[Callable[..., PodmanExecutor]]:
    """Makes executors that are closed after the test."""
    made: list[PodmanExecutor] = []

    def make_(**settings: Any) -> PodmanExecutor:
        made.append(PodmanExecutor(**{"image": image, **settings}))
        return made[-1]

    yield make_
    for executor in made:
        executor.close()
