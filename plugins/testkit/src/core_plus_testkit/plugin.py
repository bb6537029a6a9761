"""What pytest finds: the fixtures, and readable assertions in the kits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from core_plus_testkit.openai_server import OpenAIServer

KITS = (
    "executor_kit",
    "fault_kit",
    "hostile.kit",
    "memory_kit",
    "model_kit",
    "ordinary.kit",
    "request_kit",
    "store_kit",
)
pytest.register_assert_rewrite(*(f"core_plus_testkit.{name}" for name in KITS))


@pytest.fixture
def openai_server() -> Iterator[OpenAIServer]:
    """A real HTTP server on loopback that speaks chat completions from a script."""
    from core_plus_testkit.openai_server import OpenAIServer

    with OpenAIServer() as server:
        yield server
