"""How the code of the house is written."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from house_rules.tree import Tree

UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")
BROAD = {"", "Exception", "BaseException"}
MISSING = {"ImportError", "ModuleNotFoundError"}
# The one global of the house: the default host of the process, made on first need.
DECLARED_STATE = {("core_plus.host", "_default")}
CONTAINERS = {"Counter", "OrderedDict", "WeakKeyDictionary", "WeakValueDictionary", "deque", "dict", "list", "set"}


def everything_is_typed(tree: Tree) -> Iterator[str]:
    """Every function in src annotates every argument and what it returns."""
    for source in tree.modules:
        for function, receiver in _functions(source.tree):
            given = function.args
            arguments = [*given.posonlyargs, *given.args][receiver:] + given.kwonlyargs
            arguments += [each for each in (given.vararg, given.kwarg) if each]
            bare = [each.arg for each in arguments if each.annotation is None]
            if bare:
                yield source.at(function.lineno, f"{function.name} has no type for {', '.join(bare)}")
            if function.returns is None:
                yield source.at(function.lineno, f"{function.name} doesn't say what it returns")


def _functions(
    node: ast.AST, *, in_class: bool = False
) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, int]]:
    """All functions, each with the number of leading arguments that Python itself gives (self, cls)."""
    for each in ast.iter_child_nodes(node):
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            static = any(isinstance(mark, ast.Name) and mark.id == "staticmethod" for mark in each.decorator_list)
            yield each, int(in_class and not static)
            yield from _functions(each)
        else:
            yield from _functions(each, in_class=isinstance(each, ast.ClassDef) or in_class)


def nothing_is_left_unfinished(tree: Tree) -> Iterator[str]:
    """No note to do something later stands in src."""
    for source in tree.modules:
        for number, line in enumerate(source.text.splitlines(), 1):
            if match := UNFINISHED.search(line):
                yield source.at(number, f"{match[0]}: do it, or take it out")


def no_optional_imports(tree: Tree) -> Iterator[str]:
    """Nobody catches a failed import: what may be missing is a plugin of its own."""
    for source in tree.modules:
        for line, kinds, _ in _catches(source.tree):
            if missing := MISSING & kinds:
                yield source.at(line, f"catches {min(missing)}: what may be missing is a plugin of its own")


def no_swallowed_errors(tree: Tree) -> Iterator[str]:
    """Nobody catches every error and does nothing."""
    for source in tree.modules:
        for line, kinds, silent in _catches(source.tree):
            if silent and BROAD & kinds:
                yield source.at(line, "swallows every error: name those that are meant, or report it")


def _catches(tree: ast.Module) -> Iterator[tuple[int, set[str], bool]]:
    """Every `except` and `suppress(...)`: its line, the names it catches, whether it then does nothing."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            yield node.lineno, _kinds(node.type), all(map(_does_nothing, node.body))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("suppress", "contextlib.suppress"):
            yield node.lineno, {name for each in node.args for name in _kinds(each)}, True


def _kinds(node: ast.expr | None) -> set[str]:
    """The last parts of the names of exceptions; an empty one stands for a bare `except`."""
    kinds = node.elts if isinstance(node, ast.Tuple) else [node]
    return {ast.unparse(kind).rpartition(".")[2] if kind else "" for kind in kinds}


def _does_nothing(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass | ast.Continue) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def no_state_in_modules(tree: Tree) -> Iterator[str]:
    """No module holds a container that waits to be filled: state belongs to an object that somebody owns."""
    for source in tree.modules:
        for node in source.tree.body:
            if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
                continue
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {ast.unparse(target) for target in targets} - {"__all__"}
            allowed = {(source.module, name) for name in names} <= DECLARED_STATE
            if _is_empty_container(node.value) and not allowed:
                yield source.at(node.lineno, f"{ast.unparse(node)}: state at module level; give it an owner")


def _is_empty_container(node: ast.expr) -> bool:
    if isinstance(node, ast.List):
        return not node.elts
    if isinstance(node, ast.Dict):
        return not node.keys
    if not isinstance(node, ast.Call):
        return False
    name = ast.unparse(node.func).rpartition(".")[2]
    return name == "defaultdict" or (name in CONTAINERS and not node.args and not node.keywords)


def public_names_can_be_read(tree: Tree) -> Iterator[str]:
    """Every `__all__` is a list of texts in the order of sorted(), for type checkers run no code; or has a stub."""
    for source in tree.modules:
        for node in source.tree.body:
            if not isinstance(node, ast.Assign) or "__all__" not in map(ast.unparse, node.targets):
                continue
            written = getattr(node.value, "elts", [])
            names = [each.value for each in written if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            if source.path.with_suffix(".pyi").exists():
                continue
            if not names or len(names) != len(written):
                yield source.at(node.lineno, "__all__ is computed: to type checkers the package then exports nothing")
            elif names != sorted(set(names)):
                wrong = next(name for name, right in zip(names, sorted(names), strict=True) if name != right)
                yield source.at(node.lineno, f"__all__ isn't sorted, from {wrong!r} on")
