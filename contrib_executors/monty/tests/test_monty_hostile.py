"""Hostile code stays inside Monty."""

import pytest

from core_plus_monty import MontyExecutor
from core_plus_testkit.hostile import HostileKit


class TestMontyHolds(HostileKit):
    @pytest.fixture(scope="class")
    @classmethod
    def executor_factory(cls) -> type[MontyExecutor]:
        return MontyExecutor
