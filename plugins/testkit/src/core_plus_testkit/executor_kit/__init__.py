"""What every executor keeps, as tests to inherit."""

from __future__ import annotations

from core_plus_testkit.executor_kit.calls import Calls
from core_plus_testkit.executor_kit.code import Code
from core_plus_testkit.executor_kit.limits import LimitsHold
from core_plus_testkit.executor_kit.values import Values

__all__ = ["ExecutorKit"]


class ExecutorKit(Code, Values, Calls, LimitsHold):
    """Inherit it in a test class and give the fixture `executor`.

    A test that can't hold for an executor is named in `deviations` with the reason, and is skipped with it.
    """
