"""Hostile code reads, writes and reaches nothing through the guards; what it uses up, a thread can't be held to."""

from typing import ClassVar, Final

import pytest

from core_plus_inprocess import InProcessExecutor
from core_plus_testkit.hostile import HostileKit

C_CODE: Final = "C code that doesn't let go of the interpreter can't be stopped"
SIZE: Final = "memory and the size of values aren't held: values are the very objects"

USED_UP: Final = ("133", "134", "140", "141", "145", "147", "150", "154", "155", "168")


class TestInProcessHolds(HostileKit):
    deviations: ClassVar = {
        **{f"resource-{number}": C_CODE for number in USED_UP},
        "resource-169": SIZE,
        "answers:the data that was given": "data that was given is the host's own, and may be changed",
        "answers:values that unfold": SIZE,
        "deadline:a pattern without end": C_CODE,
        "deadline:a value that takes for ever": C_CODE,
        "limits:a long last value": SIZE,
        "limits:a long final answer": SIZE,
        "limits:long arguments": SIZE,
        "limits:long printed text of odd characters": SIZE,
    }

    @pytest.fixture(scope="class")
    @classmethod
    def executor_factory(cls) -> type[InProcessExecutor]:
        return InProcessExecutor
