"""Every distribution says on one screen what it adds, how to install it, and shows it in use."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator

from house_rules.tree import LIBRARIES, Distribution, Tree

SCREEN = 60
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def readmes_are_true(tree: Tree, public: Collection[str]) -> Iterator[str]:
    """A README fits on a screen, says how to install, and its code can be read and uses public names.

    A shared library comes along with what needs it, so it needn't say how to install it.

    Args:
        tree: The checkout.
        public: The public names of `core_plus`.
    """
    for each in tree.distributions:
        path = each.folder / "README.md"
        if path.exists():
            yield from _offences(each, path.read_text(encoding="utf-8"), public)


def _offences(distribution: Distribution, text: str, public: Collection[str]) -> Iterator[str]:
    where = f"{distribution.where.removesuffix('pyproject.toml')}README.md"
    length = len(text.splitlines())
    if length > SCREEN:
        yield f"{where}:{length}: {length} lines, the most is {SCREEN}: a screen"
    if distribution.name not in LIBRARIES and f"pip install {distribution.name}" not in text:
        yield f"{where}:1: it doesn't say `pip install {distribution.name}`"
    blocks = list(BLOCK.finditer(text))
    if not blocks:
        yield f"{where}:1: no block of code (```python, ```sh) shows it in use"
    for block in [block for block in blocks if block[1] == "python"]:
        first = text[: block.start(2)].count("\n")
        try:
            parsed = ast.parse(block[2])
        except SyntaxError as error:
            yield f"{where}:{first + (error.lineno or 1)}: the code can't be read: {error.msg}"
            continue
        for node in ast.walk(parsed):
            if isinstance(node, ast.ImportFrom) and node.module == "core_plus":
                for alias in node.names:
                    if alias.name not in public:
                        yield f"{where}:{first + node.lineno}: {alias.name} is no public name of core_plus"
