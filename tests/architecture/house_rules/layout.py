"""What a distribution's folder holds, and how the workspace knows of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from house_rules.tree import KERNEL, LIBRARIES, Distribution, Tree, requirement_name


def distributions_are_laid_out_alike(tree: Tree) -> Iterator[str]:
    """Folder, distribution and package have one name, and each folder holds the same rooms."""
    for each in tree.distributions:
        expected = KERNEL if each.folder.name == "core" else f"core-plus-{each.folder.name.replace('_', '-')}"
        if each.name != expected:
            yield f"{each.where}:1: the name is {each.name}; in this folder it must be {expected}"
        for needed in ("README.md", "tests", f"src/{each.package}/__init__.py", f"src/{each.package}/py.typed"):
            if not (each.folder / needed).exists():
                yield f"{each.where}:1: {needed} is missing beside it"
        for found in sorted(each.src.glob("*")) if each.src.exists() else ():
            if found.is_dir() and found.name not in (each.package, "__pycache__"):
                yield f"{each.where}:1: src holds {found.name}; a distribution has one package, {each.package}"


def projects_say_the_same(tree: Tree) -> Iterator[str]:
    """Build backend, Python, licence and kernel are the same everywhere; tools are set up at the top only."""
    for each in tree.distributions:
        project, build = each.pyproject["project"], each.pyproject.get("build-system", {})
        tools = sorted(set(each.pyproject.get("tool", {})) - {"hatch"})
        facts = {
            "build-backend": (build.get("build-backend"), "hatchling.build"),
            "requires-python": (project.get("requires-python"), ">=3.11"),
            "license": (project.get("license"), "Apache-2.0"),
            "tool settings": (tools, []),
        }
        for what, (given, right) in facts.items():
            if given != right:
                yield f"{each.where}:1: {what} is {given!r}; it must be {right!r}"
        if not project.get("description"):
            yield f"{each.where}:1: it has no description: one line that says what it adds"


def entry_points_say_what_they_are(tree: Tree, kinds: Collection[str]) -> Iterator[str]:
    """A plugin is found by `kind.name`, and what it names is its own.

    Args:
        tree: The checkout.
        kinds: What a name may begin with.
    """
    known = ", ".join(sorted(kinds))
    form = re.compile(rf"({'|'.join(sorted(kinds))})\.[a-z][a-z0-9_.-]*")
    for each in tree.distributions:
        foreign = each.pyproject["project"].get("entry-points", {}).keys() - {"core_plus"}
        if not each.is_kernel and each.name not in LIBRARIES and not each.entry_points and not foreign:
            yield f"{each.where}:1: no entry point in the group core_plus, so nobody finds it"
        for name, target in each.entry_points.items():
            if not form.fullmatch(name):
                yield f"{each.where}:1: the entry point {name!r} isn't kind.name with a kind of {known}"
            if target.partition(":")[0].partition(".")[0] != each.package:
                yield f"{each.where}:1: the entry point {name!r} names {target}, which isn't in {each.package}"


def the_workspace_knows_all(tree: Tree) -> Iterator[str]:
    """`make` and `uv run` install every distribution, as a battery or for development, from this tree."""
    project = tree.pyproject["project"]["dependencies"]
    groups = tree.pyproject["dependency-groups"].values()
    lines = [*project, *(line for group in groups for line in group if isinstance(line, str))]
    installed = set(map(requirement_name, lines))
    sources = {name for name, source in tree.pyproject["tool"]["uv"]["sources"].items() if source.get("workspace")}
    members = {each.name for each in tree.distributions}
    for name in sorted(members - installed):
        yield f"pyproject.toml:1: {name} is in the tree but neither in dependencies nor in the group dev"
    for name in sorted(members - sources):
        yield f"pyproject.toml:1: {name} is in the tree but not in tool.uv.sources"
    for name in sorted({name for name in installed | sources if name.startswith("core-plus-")} - members):
        yield f"pyproject.toml:1: {name} is named but isn't in the tree"
    for each in tree.distributions:
        yield from _unbounded(each, members)
        for name in sorted(set(map(requirement_name, each.test_requirements)) - installed):
            yield f"{each.where}:1: its tests need {name}, which the workspace's group test doesn't bring"


def _unbounded(distribution: Distribution, members: Collection[str]) -> Iterator[str]:
    """A distribution that needs a newer sibling must be able to say so; `any version` says nothing."""
    for line in distribution.pyproject["project"].get("dependencies", []):
        if requirement_name(line) in members and not re.search(r">=|==|~=", line):
            yield f"{distribution.where}:1: {line!r} has no lower bound: write {line}>=0.1.0"
