"""The executor on a double of the service, which stands in e2b_double.py."""

import sys
from pathlib import Path

import pytest

from core_plus_e2b import E2BExecutor

sys.path.insert(0, str(Path(__file__).parent))  # pytest's importlib mode puts no folder of tests there


@pytest.fixture
def service(monkeypatch):
    """The class of sandboxes, with those that were made."""
    from e2b_double import Sandbox

    monkeypatch.setattr("e2b.Sandbox", Sandbox)
    monkeypatch.setattr(Sandbox, "made", [])
    monkeypatch.setattr(Sandbox, "refusal", None)
    yield Sandbox
    for sandbox in Sandbox.made:
        sandbox.kill()


@pytest.fixture
def e2b_executor(service):
    executor = E2BExecutor(api_key="e2b_0123456789")
    yield executor
    executor.close()
