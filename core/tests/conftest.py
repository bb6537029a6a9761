"""Fixtures of the kernel's tests. The doubles stand in kernel_doubles.py: `from kernel_doubles import Scripted`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from core_plus import Host

sys.path.insert(0, str(Path(__file__).parent))  # pytest's importlib mode puts no folder of tests there


@pytest.fixture
def host():
    with Host(discover=False) as made:
        yield made


@pytest.fixture
def distributions(tmp_path, monkeypatch):
    """Distributions with plugins that a test installs for itself."""
    from fake_distributions import Distributions

    monkeypatch.delenv("CORE_PLUS_PLUGINS", raising=False)
    monkeypatch.delenv("CORE_PLUS_BLOCK", raising=False)
    made = Distributions(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield made
    made.close()


@pytest.fixture
def careful():
    """A host where a person is asked before anything is paid."""
    from kernel_doubles import asks_before

    with Host(discover=False, plugins=[asks_before("pay")]) as made:
        yield made
