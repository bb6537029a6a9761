"""Real installs with uv, into folders of their own."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]


@pytest.fixture
def uv() -> Callable[..., None]:
    """Runs uv; what is in its cache is enough, and only what isn't comes from the network."""

    def run(*arguments: str | Path) -> None:
        command = [sys.executable, "-m", "uv", "--quiet", *map(str, arguments)]
        offline = subprocess.run([*command, "--offline"], cwd=TOP, capture_output=True, text=True, check=False)
        if offline.returncode:
            done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"uv {' '.join(map(str, arguments))}\n{offline.stderr}\n{done.stderr}"

    return run
