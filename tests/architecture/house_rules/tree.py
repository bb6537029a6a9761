"""What the rules look at: the distributions of a checkout and their source files, read once."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

KERNEL = "core-plus-kernel"
# Shared code for plugins that is no plugin itself: the HTTP transport and the worker.
LIBRARIES = frozenset({"core-plus-http", "core-plus-worker"})


@dataclass(frozen=True)
class Source:
    """One Python file.

    Args:
        path: The file.
        name: The file as messages name it, relative to the checkout.
        module: Its dotted module name; empty for a file that isn't imported by name (a test, a script).
    """

    path: Path
    name: str
    module: str = ""

    @cached_property
    def text(self) -> str:
        """The whole text."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text, self.name)

    @property
    def package(self) -> str:
        """What a relative import starts from."""
        return self.module if self.path.name == "__init__.py" else self.module.rpartition(".")[0]

    def at(self, line: int, what: str) -> str:
        """An offence as a line of text: `what` stands in `line`, counted from 1."""
        return f"{self.name}:{line}: {what}"


@dataclass(frozen=True)
class Distribution:
    """A folder with a pyproject.toml.

    Args:
        folder: The folder.
        top: The checkout that it stands in.
    """

    folder: Path
    top: Path

    @cached_property
    def pyproject(self) -> dict[str, Any]:
        """The parsed pyproject.toml."""
        return tomllib.loads((self.folder / "pyproject.toml").read_text(encoding="utf-8"))

    @property
    def where(self) -> str:
        """Its pyproject.toml as messages name it."""
        return (self.folder / "pyproject.toml").relative_to(self.top).as_posix()

    @property
    def name(self) -> str:
        """The distribution's name."""
        return str(self.pyproject["project"]["name"])

    @property
    def is_kernel(self) -> bool:
        """Whether it is the kernel."""
        return self.name == KERNEL

    @property
    def package(self) -> str:
        """What people import."""
        return "core_plus" if self.is_kernel else self.name.replace("-", "_")

    @property
    def src(self) -> Path:
        """The folder that holds its package and nothing else."""
        return self.folder / "src"

    @cached_property
    def requires(self) -> frozenset[str]:
        """The names of the distributions it declares to need."""
        return frozenset(map(requirement_name, self.pyproject["project"].get("dependencies", [])))

    @property
    def test_requirements(self) -> list[str]:
        """What only its own tests need, beside what the workspace gives to all tests."""
        return list(self.pyproject.get("dependency-groups", {}).get("test", []))

    @property
    def entry_points(self) -> dict[str, str]:
        """Its entry points in the group `core_plus`: name to module."""
        groups = self.pyproject["project"].get("entry-points", {})
        return dict(groups.get("core_plus", {}))

    @cached_property
    def modules(self) -> tuple[Source, ...]:
        """Its modules, in order of their names."""
        return tuple(
            Source(path, path.relative_to(self.top).as_posix(), module_name(path.relative_to(self.src)))
            for path in sorted(self.src.rglob("*.py"))
        )

    @cached_property
    def others(self) -> tuple[Source, ...]:
        """Its Python files outside src: tests and examples."""
        return tuple(files(self.folder, self.top, skip=self.src))


@dataclass(frozen=True)
class Tree:
    """A checkout.

    Args:
        top: The folder that holds the workspace's pyproject.toml.
    """

    top: Path

    @cached_property
    def pyproject(self) -> dict[str, Any]:
        """The parsed pyproject.toml of the workspace."""
        return tomllib.loads((self.top / "pyproject.toml").read_text(encoding="utf-8"))

    @cached_property
    def distributions(self) -> tuple[Distribution, ...]:
        """All members of the workspace."""
        members = self.pyproject["tool"]["uv"]["workspace"]["members"]
        folders = {path.parent for member in members for path in self.top.glob(f"{member}/pyproject.toml")}
        return tuple(Distribution(folder, self.top) for folder in sorted(folders))

    @property
    def kernel(self) -> Distribution:
        """The kernel."""
        return next(each for each in self.distributions if each.is_kernel)

    @property
    def modules(self) -> tuple[Source, ...]:
        """The modules of all distributions."""
        return tuple(source for each in self.distributions for source in each.modules)

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """All Python files: modules, tests, scripts and examples."""
        members = tuple(source for each in self.distributions for source in (*each.modules, *each.others))
        shared = (self.top / name for name in ("tests", "scripts", "examples", "benchmarks", "docs"))
        loose = tuple(Source(path, path.name) for path in sorted(self.top.glob("*.py")))
        return members + loose + tuple(source for folder in shared for source in files(folder, self.top))


def files(folder: Path, top: Path, skip: Path | None = None) -> Iterator[Source]:
    """The Python files below `folder`, leaving out those below `skip` and in hidden folders."""
    for path in sorted(folder.rglob("*.py")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and not (skip and path.is_relative_to(skip)):
            yield Source(path, path.relative_to(top).as_posix())


def module_name(path: Path) -> str:
    """`core_plus/models.py` is `core_plus.models`; a package is named without `__init__`."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def requirement_name(requirement: str) -> str:
    """The canonical name in a requirement: `Docstring_Parser[x]>=1; …` is `docstring-parser`."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    if name is None:
        raise ValueError(f"{requirement!r} is no requirement: it starts with no name")
    return re.sub(r"[-_.]+", "-", name[0]).lower()
