"""What the tests share."""

from importlib.util import find_spec
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items):
    for item in items if find_spec("litellm") is None else ():
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.skip("litellm isn't installed: it is large, and only this plugin needs it"))
