"""What is changed in code before it runs. Its lines stay where they are.

1. The last expression's value is kept.
2. `await tool(x)`, `gather(tool(1), tool(2))`, `tasks = [tool(i) for i in ids]` with `await gather(*tasks)` later:
   a function of the host called where an awaitable is wanted gives one; everywhere else the same call waits and
   gives the value. Which of the two it is, is read off the code, not guessed at while it runs.
3. `except:` and `except BaseException:` let pass what ends the code (the final answer, a time limit).
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LAST = "__core_plus_last__"
LATER = "__core_plus_later__"
PASS_ON = "__core_plus_pass_on__"

ANYWHERE = frozenset(
    [
        "gather",
        "create_task",
        "ensure_future",
        "as_completed",
        "wait_for",
        "shield",
        "run_until_complete",
        "run_coroutine_threadsafe",
    ]
)
"""Functions and methods that take awaitables, whatever they are called on."""

OF_ASYNCIO = frozenset(["run", "wait"])
"""Those whose names are too common: asyncio's only."""

KEEPING = frozenset(["list", "tuple", "set", "zip", "enumerate", "reversed", "sorted"])
"""Functions that hand on what they are given."""

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def keep_last(tree: ast.Module) -> bool:
    """Keep the value of the last expression under `LAST`; say whether there is one.

    Args:
        tree: The code, changed in place.
    """
    if not (tree.body and isinstance(tree.body[-1], ast.Expr)):
        return False
    last = tree.body[-1]
    target = ast.copy_location(ast.Name(LAST, ast.Store()), last)
    tree.body[-1] = ast.copy_location(ast.Assign([target], last.value), last)
    return True


def let_stops_pass(tree: ast.Module) -> None:
    """Begin each handler that catches everything with a call that raises again what must not be caught.

    Args:
        tree: The code, changed in place.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and catches_all(node.type):
            first = node.body[0]
            call = ast.Expr(ast.Call(ast.Name(PASS_ON, ast.Load()), [], []))
            node.body.insert(0, ast.fix_missing_locations(ast.copy_location(call, first)))


def catches_all(kind: ast.expr | None) -> bool:
    """Whether a handler of that type catches BaseException."""
    if isinstance(kind, ast.Tuple):
        return any(catches_all(item) for item in kind.elts)
    return kind is None or (isinstance(kind, ast.Name) and kind.id == "BaseException")


def mark_awaited(tree: ast.Module) -> None:
    """Wrap in `LATER` what is called where an awaitable is wanted.

    Args:
        tree: The code, changed in place.
    """
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, *FUNCTIONS)):
            Scope(node).mark()


class Flow:
    """Something is put into a name.

    Args:
        name: The name.
        source: What is put into it.
        indent: How far in the statement stands.
        replaces: Whether it replaces what was in the name, or comes beside it.
    """

    def __init__(self, name: str, source: ast.expr, indent: int, replaces: bool) -> None:
        self.name, self.source, self.indent, self.replaces = name, source, indent, replaces
        self.line, self.used = source.lineno, False


class Scope:
    """One function's own code, or the module's.

    Args:
        node: The function or module.
    """

    def __init__(self, node: ast.AST) -> None:
        self._nodes = list(own_nodes(node))
        self._flows: list[Flow] = []
        self._names: list[tuple[str, int, int]] = []
        self._indent = 0

    def mark(self) -> None:
        """Mark the calls, then follow each name that is awaited back to what was put into it."""
        for node, indent in self._nodes:
            self._indent = indent
            self._note_flow(node)
        self._flows.sort(key=lambda flow: -flow.line)
        for node, indent in self._nodes:
            self._indent = indent
            if isinstance(node, ast.Await):
                self._wanted(node.value)
            elif isinstance(node, ast.Call) and takes_awaitables(node.func):
                for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                    self._wanted(argument)
        while self._names:
            self._follow(*self._names.pop())

    def _follow(self, name: str, line: int, indent: int) -> None:
        """Mark what a name holds on that line: all that is ever added to it, and what it was last set to.

        An assignment that stands further in is one of several branches, so that the search goes on before it.
        """
        mine = [flow for flow in self._flows if flow.name == name]
        found = [flow for flow in mine if not flow.replaces]
        before = [flow for flow in mine if flow.replaces and flow.line <= line]
        for flow in before or [flow for flow in mine if flow.replaces]:
            found.append(flow)
            if before and flow.indent <= indent:
                break
        for flow in found:
            if not flow.used:
                flow.used, self._indent = True, flow.indent
                self._wanted(flow.source)

    def _note_flow(self, node: ast.AST) -> None:
        """Note what a name gets: by assignment, by a loop over it, by append."""
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._flow(target, node.value, not isinstance(target, ast.Subscript))
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
            self._flow(node.target, node.value, True)
        elif isinstance(node, ast.AugAssign):
            self._flow(node.target, node.value, False)
        elif isinstance(node, (ast.For, ast.comprehension)):
            self._flow(node.target, node.iter, False)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ADDING:
            for argument in node.args:
                self._flow(node.func.value, argument, False)

    def _flow(self, target: ast.AST, source: ast.expr, replaces: bool) -> None:
        while isinstance(target, (ast.Subscript, ast.Attribute, ast.Starred)):
            target = target.value
        if isinstance(target, (ast.Tuple, ast.List)):
            sources = source.elts if isinstance(source, (ast.Tuple, ast.List)) else []
            paired = len(sources) == len(target.elts)
            for place, item in enumerate(target.elts):
                self._flow(item, sources[place] if paired else source, replaces)
        elif isinstance(target, ast.Name):
            self._flows.append(Flow(target.id, source, self._indent, replaces))

    def _wanted(self, node: ast.expr) -> None:
        """An awaitable is wanted here, or a container of awaitables."""
        if isinstance(node, ast.Call):
            self._wanted_call(node)
        elif isinstance(node, ast.Name):
            self._names.append((node.id, node.lineno, self._indent))
        else:
            for field in INNER.get(type(node), ()):
                inner = getattr(node, field)
                for item in inner if isinstance(inner, list) else [inner]:
                    self._wanted(item)

    def _wanted_call(self, node: ast.Call) -> None:
        function = node.func
        if isinstance(function, ast.Name) and function.id in KEEPING:
            for argument in node.args:
                self._wanted(argument)
        elif isinstance(function, ast.Name) and function.id == "map" and node.args:
            node.args[0] = later(node.args[0])
        elif isinstance(function, ast.Attribute) and function.attr in HANDING:
            self._wanted(function.value)
            if isinstance(function.value, ast.Name) and not any(flow.name == function.value.id for flow in self._flows):
                node.func = later(function)  # no container of this code's: perhaps an object of the host
        elif isinstance(function, (ast.Name, ast.Attribute)) and not takes_awaitables(function):
            node.func = later(function)


ADDING = frozenset(["append", "add", "appendleft", "extend", "insert", "setdefault"])
"""Methods that put something into a container."""

HANDING = frozenset(["copy", "items", "pop", "popleft", "values"])
"""Methods that hand out what is in a container."""

INNER: dict[type, tuple[str, ...]] = {
    ast.Starred: ("value",),
    ast.List: ("elts",),
    ast.Tuple: ("elts",),
    ast.Set: ("elts",),
    ast.ListComp: ("elt",),
    ast.SetComp: ("elt",),
    ast.GeneratorExp: ("elt",),
    ast.Dict: ("values",),
    ast.DictComp: ("value",),
    ast.IfExp: ("body", "orelse"),
    ast.BoolOp: ("values",),
    ast.NamedExpr: ("value",),
    ast.BinOp: ("left", "right"),
    ast.Subscript: ("value",),
}
"""Where a node holds what it evaluates to, or what that contains."""


def later(function: ast.expr) -> ast.expr:
    """The function as one that gives an awaitable."""
    wrapped = ast.Call(ast.Name(LATER, ast.Load()), [function], [])
    return ast.fix_missing_locations(ast.copy_location(wrapped, function))


def takes_awaitables(function: ast.expr) -> bool:
    """Whether a call of this takes awaitables."""
    if isinstance(function, ast.Attribute):
        of_asyncio = isinstance(function.value, ast.Name) and function.value.id == "asyncio"
        return function.attr in ANYWHERE or (of_asyncio and function.attr in OF_ASYNCIO)
    return isinstance(function, ast.Name) and function.id in ANYWHERE


def own_nodes(scope: ast.AST) -> Iterator[tuple[ast.AST, int]]:
    """The nodes of a function or module with the indent of their statement, without the functions in it."""
    waiting = [(node, 0) for node in ast.iter_child_nodes(scope)]
    while waiting:
        node, indent = waiting.pop()
        if isinstance(node, ast.stmt):
            indent = node.col_offset
        yield node, indent
        if not isinstance(node, FUNCTIONS):
            waiting.extend((child, indent) for child in ast.iter_child_nodes(node))
