"""The podman executor keeps the whole contract."""

from collections.abc import Iterator

import pytest

from core_plus_podman import PodmanExecutor
from core_plus_testkit.executor_kit import ExecutorKit


@pytest.fixture(scope="module")
def shared(image: str) -> Iterator[PodmanExecutor]:
    """One executor with containers in reserve: half of the time goes into starting them."""
    executor = PodmanExecutor(image=image, spare=1)
    yield executor
    executor.close()


@pytest.mark.slow
class TestPodman(ExecutorKit):
    @pytest.fixture
    def executor(self, shared: PodmanExecutor) -> PodmanExecutor:
        return shared
