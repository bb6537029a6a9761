"""The e2b executor keeps the contract on a double of the service."""

import pytest

from core_plus_e2b import E2BExecutor
from core_plus_testkit.executor_kit import ExecutorKit
from core_plus_testkit.executor_kit.services import ServiceKit


class TestE2B(ExecutorKit):
    within = 3.0  # a service is some way off: code may take two seconds to end softly

    @pytest.fixture
    def executor(self, e2b_executor) -> E2BExecutor:
        return e2b_executor


class TestE2BSandboxes(ServiceKit):
    name = "e2b"

    @pytest.fixture
    def executor(self, e2b_executor) -> E2BExecutor:
        return e2b_executor
