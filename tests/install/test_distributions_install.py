"""Each distribution stands alone, and all of them together are what a user gets."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from house_rules.tree import Tree

TOP = Path(__file__).parents[2]
HEAVY = {"core-plus-litellm", "core-plus-llamacpp", "core-plus-transformers"}
"""They bring gigabytes along, or are compiled: `make test-servers` installs and tests them."""
DISTRIBUTIONS = {each.name: each for each in Tree(TOP).distributions if each.name not in HEAVY}


@pytest.fixture
def environment(uv, tmp_path) -> Path:
    """The Python of a new, empty environment."""
    uv("venv", "--python", sys.executable, tmp_path / "env")
    return tmp_path / "env/bin/python"


def run(*command: str | Path, cwd: Path) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=clean,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_distribution_passes_its_own_tests_where_only_it_and_what_it_needs_is_installed(name, uv, environment):
    """What only its tests need stands in the group `test`: the one of the workspace, and its own if it has one."""
    distribution = DISTRIBUTIONS[name]
    install = ["pip", "install", "--python", environment, "--constraints", TOP / "constraints.txt"]
    groups = ["--group", f"{TOP / 'pyproject.toml'}:test"]
    if distribution.test_requirements:
        groups += ["--group", f"{distribution.folder / 'pyproject.toml'}:test"]
    uv(*install, distribution.folder, *groups)
    printed = run(environment, "-m", "pytest", "-p", "no:cacheprovider", distribution.folder / "tests", cwd=TOP)
    assert " passed" in printed


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_wheels_of_all_batteries_install_together_and_the_demo_runs(uv, environment, tmp_path):
    dist = tmp_path / "dist"
    uv("build", "--all-packages", "--wheel", "--out-dir", dist)
    batteries = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    wheels = [next(dist.glob(f"{line.partition('>')[0].replace('-', '_')}-*.whl")) for line in batteries]
    uv("pip", "install", "--python", environment, *wheels, *dist.glob("core_plus_plugins-*.whl"))
    command = environment.with_name("core-plus")
    assert "demo" in run(command, "--help", cwd=tmp_path)
    assert run(command, "demo", cwd=tmp_path).strip()
