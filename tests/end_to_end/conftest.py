"""What the tests from end to end share."""

import pytest


@pytest.fixture(autouse=True)
def _one_attempt(monkeypatch):
    """A server that fails on purpose is asked once: that calls are made again is tested where that is done."""
    monkeypatch.setenv("CORE_PLUS_RETRY_ATTEMPTS", "1")
