"""The trees that the rules are tried on: the real one, and small ones with seeded offences."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest

from house_rules.tree import Tree

TOP = Path(__file__).parents[2]
WORKSPACE = """
[project]
name = "core-plus-plugins"
dependencies = [{members}]
[dependency-groups]
dev = []
[tool.uv.workspace]
members = ["core", "plugins/*", "contrib_models/*", "contrib_executors/*"]
[tool.uv.sources]
{sources}
"""
PROJECT = """
[build-system]
build-backend = "hatchling.build"
[project]
name = "{name}"
version = "0.1.0"
description = "For a test"
requires-python = ">=3.11"
license = "Apache-2.0"
"""
PLUGIN = """
[project.entry-points.core_plus]
"model.{folder}" = "core_plus_{folder}"
"""


@pytest.fixture(scope="session")
def house() -> Tree:
    """The checkout that these tests stand in."""
    return Tree(TOP)


@pytest.fixture
def keep() -> Callable[[Iterable[str]], None]:
    """Fails with one line for each offence, and nothing else on the screen."""

    def check(offences: Iterable[str]) -> None:
        if found := list(offences):
            pytest.fail("\n" + "\n".join(found), pytrace=False)

    return check


@pytest.fixture
def seeded(tmp_path: Path) -> Callable[[Mapping[str, str]], Tree]:
    """Makes a tree that keeps every rule, with the kernel and the plugins `good` and `other`, but for some files."""

    def make(changes: Mapping[str, str]) -> Tree:
        files = {"pyproject.toml": WORKSPACE.format(members=_members(), sources=_sources())}
        for folder, package in FOLDERS.items():
            name = _name(folder)
            entry = PLUGIN.format(folder=folder.rpartition("/")[2]) if folder != "core" else ""
            files[f"{folder}/pyproject.toml"] = PROJECT.format(name=name) + entry
            files[f"{folder}/README.md"] = f"# {name}\n"
            files[f"{folder}/tests/test_{package}.py"] = ""
            files[f"{folder}/src/{package}/__init__.py"] = '"""For a test."""\n'
            files[f"{folder}/src/{package}/py.typed"] = ""
        for path, text in {**files, **changes}.items():
            target = tmp_path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        return Tree(tmp_path)

    return make


FOLDERS = {"core": "core_plus", "plugins/good": "core_plus_good", "contrib_models/other": "core_plus_other"}


def _name(folder: str) -> str:
    return "core-plus-kernel" if folder == "core" else f"core-plus-{folder.rpartition('/')[2]}"


def _members() -> str:
    return ", ".join(f'"{_name(folder)}>=0.1.0"' for folder in FOLDERS)


def _sources() -> str:
    return "\n".join(f"{_name(folder)} = {{ workspace = true }}" for folder in FOLDERS)
