"""How large things may be, and how size is counted."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator

from house_rules.tree import Source, Tree

KERNEL_CODE_LINES = 2_500
KERNEL_FILE_LINES = 350
FILE_LINES = 400
FUNCTION_LINES = 40

SILENT = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}


def code_lines(source: Source) -> set[int]:
    """The numbers of the lines that hold code: neither blank, nor only a comment, nor part of a docstring.

    A docstring is any text that stands as a statement of its own, also under an attribute.
    """
    tokens = tokenize.generate_tokens(io.StringIO(source.text).readline)
    lines = {line for token in tokens if token.type not in SILENT for line in range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def kernel_is_small(tree: Tree) -> Iterator[str]:
    """The kernel's code can be read in one sitting."""
    counts = {source.name: len(code_lines(source)) for source in tree.kernel.modules}
    total = sum(counts.values())
    if total > KERNEL_CODE_LINES:
        largest = ", ".join(f"{name} {counts[name]}" for name in sorted(counts, key=counts.__getitem__)[-5:])
        yield f"the kernel has {total} lines of code, the most is {KERNEL_CODE_LINES}; its largest files: {largest}"


def no_god_file(tree: Tree) -> Iterator[str]:
    """A file that is too long to be known by heart is two rooms."""
    kernel = {source.name for source in tree.kernel.modules}
    for source in tree.sources:
        length, most = len(source.text.splitlines()), KERNEL_FILE_LINES if source.name in kernel else FILE_LINES
        if length > most:
            yield source.at(length, f"{length} lines, the most is {most}: make two rooms of it")


def functions_are_seen_at_once(tree: Tree) -> Iterator[str]:
    """A function's code, from its `def` to its end, fits on a screen."""
    for source in tree.sources:
        lines = code_lines(source)
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                count = sum(node.lineno <= line <= (node.end_lineno or node.lineno) for line in lines)
                if count > FUNCTION_LINES:
                    yield source.at(node.lineno, f"{node.name} has {count} lines of code, the most is {FUNCTION_LINES}")
