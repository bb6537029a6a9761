"""The modal executor keeps the contract on a double of the service."""

import pytest

from core_plus_modal import ModalExecutor
from core_plus_testkit.executor_kit import ExecutorKit
from core_plus_testkit.executor_kit.services import ServiceKit


class TestModal(ExecutorKit):
    within = 3.0  # a service is some way off: code may take two seconds to end softly

    @pytest.fixture
    def executor(self, modal_executor) -> ModalExecutor:
        return modal_executor


class TestModalSandboxes(ServiceKit):
    name = "modal"

    @pytest.fixture
    def executor(self, modal_executor) -> ModalExecutor:
        return modal_executor
