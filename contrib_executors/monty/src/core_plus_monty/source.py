"""What is read off code, and changed in it, before Monty runs it. Its lines stay where they are."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from core_plus_worker.code import LATER, mark_awaited

CATCHING: Final = "Exception, SystemExit"
"""What handlers that catch everything catch instead, so that KeyboardInterrupt, which ends the code, passes them."""

TOO_LONG: Final = 1 << 20
"""Characters of code beyond which nothing is read off it."""


class Prepared(msgspec.Struct, frozen=True):
    """Code as it is given to Monty.

    Args:
        text: The code; where it was changed, on the same lines.
        has_value: Whether it ends in an expression.
        awaited: Where calls stand whose value is awaited: start and end, in bytes.
        refused: Modules that it may not import, by the names that stand for them in the text.
        wrong: What CPython says of code that it can't read: kind, message and line.
    """

    text: str
    has_value: bool = False
    awaited: frozenset[tuple[int, int]] = frozenset()
    refused: Mapping[str, str] = {}
    wrong: tuple[str, str, int | None] | None = None


def prepare(code: str, imports: tuple[str, ...] | None) -> Prepared:
    """Read what must be known of code.

    Args:
        code: Python source, which may be anything.
        imports: The modules that it may import, as in `Setup`.
    """
    tree = parsed(code)
    if not isinstance(tree, ast.Module):
        return Prepared(code, wrong=tree)
    refused: dict[str, str] = {}
    edits: list[Edit] = []
    if "except" in code:
        edits += handlers(tree, code.encode(errors="replace").split(b"\n"))
    if imports is not None and "*" not in imports and "import" in code:
        edits += imports_refused(tree, code, imports, refused)
    if edits:
        changed = apply(code, edits)
        tree = parsed(changed)
        if not isinstance(tree, ast.Module):  # an edit that went wrong must not be the end of the code
            return Prepared(code)
        code = changed
    last = tree.body[-1] if tree.body else None
    awaited = frozenset(awaited_calls(tree, code)) if "await" in code or "asyncio" in code else frozenset()
    return Prepared(code, isinstance(last, ast.Expr), awaited, refused)


def parsed(code: str) -> ast.Module | tuple[str, str, int | None] | None:
    """The tree of code, or what is wrong with it, or None where that can't be told.

    Args:
        code: Python source.
    """
    if len(code) > TOO_LONG:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python thinks of the agent's backslashes is nobody's business
            return ast.parse(code)
    except SyntaxError as error:
        return type(error).__name__, str(error.msg), error.lineno
    except (ValueError, RecursionError, MemoryError):  # null characters; nested too deeply
        return None


Edit = tuple[int, int, int, str]
"""Line, first and last byte in it, and what stands there instead."""


def handlers(tree: ast.Module, lines: list[bytes]) -> Iterator[Edit]:
    """Let what ends the code pass handlers that catch everything."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        if node.type is None:
            start, word = node.col_offset, len("except")
            if lines[node.lineno - 1][start : start + word] == b"except":
                yield node.lineno, start, start + word, f"except ({CATCHING})"
        elif isinstance(node.type, ast.Tuple):
            yield from (replaced(item, CATCHING) for item in node.type.elts if is_base(item))
        elif is_base(node.type):
            yield replaced(node.type, f"({CATCHING})")


def is_base(node: ast.expr) -> bool:
    """Whether this is the name BaseException."""
    return isinstance(node, ast.Name) and node.id == "BaseException"


def replaced(node: ast.expr, text: str) -> Edit:
    """The edit that puts a text in the place of a name."""
    return node.lineno, node.col_offset, node.end_col_offset or node.col_offset, text


def imports_refused(tree: ast.Module, code: str, imports: tuple[str, ...], refused: dict[str, str]) -> list[Edit]:
    """Put names that no module has in the place of modules that may not be imported.

    Args:
        tree: The code.
        code: The same as text.
        imports: What may be imported.
        refused: Gets what the new names stand for.
    """
    edits: list[Edit] = []
    lines = code.split("\n")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            places = [(alias.name, alias.lineno, alias.col_offset) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            line = lines[node.lineno - 1].encode()
            places = [(node.module, node.lineno, line.find(node.module.encode(), node.col_offset + len("from")))]
        else:
            continue
        for name, line_number, column in places:
            if not allowed(name, imports) and column >= 0:
                fake = f"refused_{name.replace('.', '_')}"
                refused[fake] = name
                edits.append((line_number, column, column + len(name.encode()), fake))
    return edits


def allowed(module: str, imports: tuple[str, ...]) -> bool:
    """Whether a module may be imported.

    Args:
        module: Its full name.
        imports: As in `Setup`: "pkg.*" is a package with its submodules.
    """
    return any(fnmatchcase(module, entry) or entry == f"{module}.*" for entry in imports)


def apply(code: str, edits: list[Edit]) -> str:
    """The code with its edits.

    Args:
        code: Python source.
        edits: None of them overlap.
    """
    lines = code.encode(errors="surrogatepass").split(b"\n")
    for line, start, end, text in sorted(edits, reverse=True):
        lines[line - 1] = lines[line - 1][:start] + text.encode() + lines[line - 1][end:]
    return b"\n".join(lines).decode(errors="surrogatepass")


def awaited_calls(tree: ast.Module, code: str) -> Iterator[tuple[int, int]]:
    """Where calls stand whose value is awaited.

    Args:
        tree: The code; it is changed.
        code: The same as text.
    """
    starts = [0]
    for line in code.encode(errors="surrogatepass").split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)
    mark_awaited(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Call) and is_later(node.func):
            end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
            yield starts[node.lineno - 1] + node.col_offset, end


def is_later(node: ast.Call) -> bool:
    """Whether this is the mark of a call whose value is awaited."""
    return isinstance(node.func, ast.Name) and node.func.id == LATER
