"""Killed at any instant, a run goes on in a fresh process: no effect twice, none lost, unknown ones asked about."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

LAB = Path(__file__).with_name("lab.py")


def lab(folder: Path, seed: int, kills: int) -> dict:
    """What the lab counted; a run that isn't as it should be fails the test."""
    done = subprocess.run(
        [sys.executable, LAB, folder, str(seed), str(kills)],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    if "no sandbox can be made" in done.stderr or "namespaces" in done.stderr:
        pytest.skip("this machine has no sandbox")
    assert done.returncode == 0, done.stderr[-3000:]
    *wrong, last = done.stdout.splitlines()
    assert wrong == []
    return json.loads(last)


@pytest.mark.parametrize("seed", range(10))
def test_sixty_kills_do_nothing_twice_and_lose_nothing(tmp_path, seed):
    pytest.importorskip("core_plus_sandbox", reason="core-plus-sandbox isn't installed")
    counted = lab(tmp_path, seed, 6)
    assert counted["kills"] >= 6
    assert counted["wrong"] == 0


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(100, 120))
def test_five_hundred_kills_do_nothing_twice_and_lose_nothing(tmp_path, seed):
    pytest.importorskip("core_plus_sandbox", reason="core-plus-sandbox isn't installed")
    counted = lab(tmp_path, seed, 25)
    assert counted["kills"] >= 25
    assert counted["unknown"] > 0
