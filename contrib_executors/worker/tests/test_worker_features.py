"""Ordinary code runs: 94 small features and imports."""

import importlib.util
import json
from pathlib import Path

import pytest

FEATURES = json.loads((Path(__file__).parent / "data" / "language-features.json").read_text())
LIBRARIES = ("numpy", "pandas", "requests")


@pytest.mark.parametrize("name", FEATURES)
def test_ordinary_code_runs(opened, finished, name):
    code = FEATURES[name]
    missing = [library for library in LIBRARIES if library in code and importlib.util.find_spec(library) is None]
    if missing:
        pytest.skip(f"{missing[0]} isn't installed")
    done = finished(opened(), code)
    assert done.error is None
