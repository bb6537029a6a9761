"""The docker executor keeps the whole contract."""

from collections.abc import Iterator

import pytest

from core_plus_docker import DockerExecutor
from core_plus_testkit.executor_kit import ExecutorKit


@pytest.fixture(scope="module")
def shared(image: str) -> Iterator[DockerExecutor]:
    """One executor with containers in reserve: half of the time goes into starting them."""
    executor = DockerExecutor(image=image, spare=1)
    yield executor
    executor.close()


@pytest.mark.slow
class TestDocker(ExecutorKit):
    @pytest.fixture
    def executor(self, shared: DockerExecutor) -> DockerExecutor:
        return shared
