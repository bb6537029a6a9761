"""A bare host. The doubles stand in budget_doubles.py: `from budget_doubles import Metered`."""

import sys
from pathlib import Path

import pytest

from core_plus import Host

sys.path.insert(0, str(Path(__file__).parent))  # pytest's importlib mode puts no folder of tests there


@pytest.fixture
def host():
    with Host(discover=False) as made:
        yield made
