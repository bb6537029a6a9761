"""The subprocess executor keeps the whole contract."""

from collections.abc import Iterator

import pytest

from core_plus_subprocess import SubprocessExecutor
from core_plus_testkit.executor_kit import ExecutorKit


class TestSubprocess(ExecutorKit):
    @pytest.fixture
    def executor(self) -> Iterator[SubprocessExecutor]:
        executor = SubprocessExecutor()
        yield executor
        executor.close()
