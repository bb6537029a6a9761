"""Who may import whom."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence

from house_rules.imports import Import, imports
from house_rules.tree import LIBRARIES, Distribution, Source, Tree

# With what Python 3.14 adds, so that the answer is the same on every Python, and what only type checkers have.
STDLIB = sys.stdlib_module_names | {"annotationlib", "compression", "_typeshed"}
# Import names of the five distributions that the kernel may need, and of itself.
KERNEL_MAY_IMPORT = frozenset(
    {"attr", "attrs", "core_plus", "docstring_parser", "importlib_metadata", "msgspec", "pluggy"}
)
KERNEL_MAY_REQUIRE = frozenset({"attrs", "docstring-parser", "importlib-metadata", "msgspec", "pluggy"})


def kernel_needs_only_its_five(tree: Tree) -> Iterator[str]:
    """The kernel requires and imports, lazily or not, the standard library and five named distributions."""
    for name in sorted(tree.kernel.requires - KERNEL_MAY_REQUIRE):
        yield f"{tree.kernel.where}:1: the kernel must not depend on {name}: what needs it is a plugin"
    for source in tree.kernel.modules:
        for each in imports(source):
            if each.top not in STDLIB | KERNEL_MAY_IMPORT:
                yield source.at(each.line, f"the kernel imports {each.name}: what needs it is a plugin")


def no_plugin_imports_another(tree: Tree) -> Iterator[str]:
    """Plugins know the kernel and the shared libraries; a shared library knows no plugin either."""
    others = {each.package: each.name for each in tree.distributions if not each.is_kernel}
    for distribution in tree.distributions:
        for source in distribution.modules:
            for each in imports(source):
                name = others.get(each.top)
                if name and name not in LIBRARIES and name != distribution.name and not distribution.is_kernel:
                    yield source.at(each.line, f"imports {each.name} of the plugin {name}: go through the host")


def nobody_reaches_into_private_names(tree: Tree) -> Iterator[str]:
    """A name that starts with an underscore is used in its own distribution only."""
    packages = {each.package for each in tree.distributions}
    for distribution in tree.distributions:
        for source in distribution.modules:
            foreign = [each for each in imports(source) if each.top in packages - {distribution.package}]
            yield from _private(source, foreign)


def _private(source: Source, foreign: Sequence[Import]) -> Iterator[str]:
    way_out = "if the public names lack something, it is they that must change"
    for each in foreign:
        if any(map(_is_private, each.name.split("."))):
            yield source.at(each.line, f"imports {each.name}, a private name: {way_out}")
    bound = {each.bound for each in foreign}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and _is_private(node.attr):
            start = ast.unparse(node.value).partition(".")[0]
            if start in bound:
                yield source.at(node.lineno, f"uses {ast.unparse(node)}, a private name: {way_out}")


def _is_private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def everything_imported_is_declared(tree: Tree, providers: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """A distribution imports only what the dependencies in its own pyproject.toml bring.

    Args:
        tree: The checkout.
        providers: Import names and the canonical names of the installed distributions that provide them.
    """
    known = {**providers, **{each.package: [each.name] for each in tree.distributions}}
    for distribution in tree.distributions:
        for source in distribution.modules:
            for each in imports(source):
                if each.bound and each.top not in STDLIB | {distribution.package}:
                    yield from _undeclared(distribution, source, each, known)


def _undeclared(
    distribution: Distribution, source: Source, each: Import, known: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    if each.top not in known:
        yield source.at(each.line, f"imports {each.name}, which no installed distribution provides: run make again")
    elif not distribution.requires & set(known[each.top]):
        names = " or ".join(sorted(set(known[each.top])))
        yield source.at(each.line, f"imports {each.name}, but {distribution.where} doesn't depend on {names}")


def no_import_cycles(tree: Tree) -> Iterator[str]:
    """What happens while modules are imported is a graph without cycles; imports in functions don't count."""
    sources = {source.module: source for source in tree.modules}
    edges = {module: _edges(source, sources) for module, source in sources.items()}
    for cycle in _cycles(edges):
        start = sources[cycle[0]]
        line = edges[cycle[0]][cycle[1 % len(cycle)]]
        yield start.at(line, f"an import cycle: {' imports '.join([*cycle, cycle[0]])}")


def _edges(source: Source, sources: Mapping[str, Source]) -> dict[str, int]:
    """The modules of the house that are imported with this one, each with the line that does it."""
    found: dict[str, int] = {}
    for each in imports(source):
        target = each.name if each.name in sources else each.base
        if each.eager and target in sources:
            found.setdefault(target, each.line)
    return found


def _cycles(edges: Mapping[str, Mapping[str, int]]) -> Iterator[list[str]]:
    """One shortest cycle through each module that lies on one, each cycle once."""
    seen: set[frozenset[str]] = set()
    for start in sorted(edges):
        paths = [[start]]
        reached: set[str] = set()
        while paths:
            path = paths.pop(0)
            if start in edges[path[-1]]:
                if frozenset(path) not in seen:
                    seen.add(frozenset(path))
                    yield path
                break
            following = sorted(set(edges[path[-1]]) - reached)
            reached.update(following)
            paths += [[*path, name] for name in following]
