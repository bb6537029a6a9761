"""The jupyter executor keeps the contract, but for what a kernel can't be held to."""

from collections.abc import Iterator

import pytest

from core_plus_jupyter import JupyterExecutor
from core_plus_testkit.executor_kit import ExecutorKit

DEVIATIONS = {
    "test_memory_is_limited": "a kernel's memory can't be limited; it refuses the limit",
    "test_cpu_time_is_limited_and_sleep_costs_none": "a kernel's CPU time can't be limited; it refuses the limit",
}


class TestJupyter(ExecutorKit):
    deviations = DEVIATIONS

    @pytest.fixture
    def executor(self, lending) -> JupyterExecutor:
        return lending


@pytest.mark.slow
class TestJupyterWithKernelsOfItsOwn(ExecutorKit):
    deviations = DEVIATIONS

    @pytest.fixture
    def executor(self) -> Iterator[JupyterExecutor]:
        executor = JupyterExecutor()
        yield executor
        executor.close()
