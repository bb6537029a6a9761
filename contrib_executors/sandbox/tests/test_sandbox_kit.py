"""The sandbox keeps the whole contract, with namespaces and without."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core_plus_sandbox import SandboxExecutor
from core_plus_testkit.executor_kit import ExecutorKit
from core_plus_testkit.executor_kit.base import Open
from core_plus_testkit.executor_kit.limits import ENDLESS


class TestSandbox(ExecutorKit):
    @pytest.fixture
    def executor(self, shared_of: Callable[[str], SandboxExecutor]) -> SandboxExecutor:
        return shared_of("namespaces")

    @pytest.mark.parametrize("what", [what for what in ENDLESS if what != "another process"])
    def test_code_ends_when_its_time_is_up_wherever_it_is(self, opened: Open, what: str) -> None:
        super().test_code_ends_when_its_time_is_up_wherever_it_is(opened, what)

    def test_another_process_isnt_even_started(self, opened: Open) -> None:
        error = opened().run(ENDLESS["another process"]).error
        assert error is not None
        assert error.kind == "PermissionError"


@pytest.mark.slow
class TestWithoutNamespaces(TestSandbox):
    @pytest.fixture
    def executor(self, shared_of: Callable[[str], SandboxExecutor]) -> SandboxExecutor:
        return shared_of("no namespaces")
