"""The executor on a double of the service, which stands in modal_double.py."""

import sys
from pathlib import Path

import pytest

from core_plus_modal import ModalExecutor

sys.path.insert(0, str(Path(__file__).parent))  # pytest's importlib mode puts no folder of tests there


@pytest.fixture
def service(monkeypatch):
    """The class of sandboxes, with those that were made."""
    from modal_double import App, Sandbox

    monkeypatch.setattr("modal.Sandbox", Sandbox)
    monkeypatch.setattr("modal.App", App)
    monkeypatch.setattr(App, "looked_up", [])
    monkeypatch.setattr(Sandbox, "made", [])
    monkeypatch.setattr(Sandbox, "refusal", None)
    yield Sandbox
    for sandbox in Sandbox.made:
        sandbox.terminate()


@pytest.fixture
def modal_executor(service):
    executor = ModalExecutor()
    yield executor
    executor.close()
