"""Which names a file imports, and when."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from house_rules.tree import Source

DYNAMIC = {"import_module", "__import__"}


@dataclass(frozen=True)
class Import:
    """One imported name.

    Args:
        name: The dotted name in full; for `from a import b` it is `a.b`, whether or not b is a module.
        base: The module that is certainly imported: `a` in `from a import b`, else the same as `name`.
        line: Where.
        bound: What the file calls it; empty for a dynamic import.
        eager: Whether it happens when the file itself is imported.
    """

    name: str
    base: str
    line: int
    bound: str
    eager: bool

    @property
    def top(self) -> str:
        """The first part of the name, which is what a distribution provides."""
        return self.name.partition(".")[0]


def imports(source: Source) -> Iterator[Import]:
    """All imports of a file: at its top, in functions, for type checkers only, and dynamic with a plain text."""
    return _walk(source, source.tree, eager=True)


def _walk(source: Source, node: ast.AST, *, eager: bool) -> Iterator[Import]:
    yield from _of(source, node, eager=eager)
    if isinstance(node, ast.If) and _names(node.test) == "TYPE_CHECKING":
        for child in node.body:
            yield from _walk(source, child, eager=False)
        for child in node.orelse:
            yield from _walk(source, child, eager=eager)
        return
    inside = eager and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    for each in ast.iter_child_nodes(node):
        yield from _walk(source, each, eager=inside)


def _of(source: Source, node: ast.AST, *, eager: bool) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            bound = alias.asname or alias.name.partition(".")[0]
            yield Import(alias.name, alias.name, node.lineno, bound, eager)
    elif isinstance(node, ast.ImportFrom):
        base = _base(source, node)
        for alias in node.names:
            yield Import(f"{base}.{alias.name}", base, node.lineno, alias.asname or alias.name, eager)
    elif isinstance(node, ast.Call) and _names(node.func) in DYNAMIC and node.args:
        name = node.args[0]
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            yield Import(name.value, name.value, node.lineno, "", eager)


def _base(source: Source, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = source.package.split(".")
    start = package[: len(package) - node.level + 1]
    return ".".join([*start, *([node.module] if node.module else [])])


def _names(node: ast.expr) -> str:
    """The last part of `a.b.c`, or nothing for what is no name."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
