"""Runs snippets the way Python itself does, and says what they print and what they end with.

Started with `python -m`; reads a list of snippets as JSON, each a list of cells, and forks for each, so that none sees
what another has done. Its answer is a list for each snippet: what each cell printed, its value and its error.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import importlib
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any

from attrs import frozen

from core_plus_testkit.ordinary.canonical import canonical

LAST = "__last_value__"


@frozen
class Ran:
    """What became of a cell.

    Args:
        stdout: What it printed.
        value: Its last expression's value as `canonical` says it; None where that says nothing.
        has_value: Whether it ended in an expression whose value isn't None.
        error: The class name of what it raised; "" if it didn't.
    """

    stdout: str
    value: str | None
    has_value: bool
    error: str


def natively(snippets: Sequence[Sequence[str]], needs: Iterable[str] = ()) -> list[list[Ran]]:
    """Run snippets in a Python process of their own, each with a fresh start.

    Args:
        snippets: Their cells.
        needs: Libraries to import before the first one, to save time.
    """
    request = json.dumps([list(needs), [list(cells) for cells in snippets]])
    command = [sys.executable, "-m", "core_plus_testkit.ordinary.native"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "MPLBACKEND": "agg"}
    with tempfile.TemporaryDirectory() as place:
        done = subprocess.run(command, input=request, capture_output=True, text=True, check=True, cwd=place, env=env)
    return [[Ran(**one) for one in cells] for cells in json.loads(done.stdout)]


def run(cells: Sequence[str]) -> list[dict[str, Any]]:
    """Run cells in this process, one after the other.

    Args:
        cells: Python.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    found = []
    with asyncio.Runner() as runner:
        for cell in cells:
            printed, error = io.StringIO(), ""
            names[LAST] = None
            with contextlib.redirect_stdout(printed):
                try:
                    waiting = eval(compiled(cell), names)
                    if waiting is not None:
                        runner.run(waiting)
                except Exception as raised:
                    error = type(raised).__name__
            value = names.pop(LAST, None)
            shown = canonical(value)
            found.append({"stdout": printed.getvalue(), "value": shown, "has_value": value is not None, "error": error})
    return found


def compiled(cell: str) -> Any:
    """The code of a cell, whose last expression's value is kept under `LAST`.

    Args:
        cell: Python, with or without `await` outside of functions.
    """
    tree = ast.parse(cell)
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = tree.body[-1]
        tree.body[-1] = ast.Assign([ast.Name(LAST, ast.Store())], last.value)
        ast.copy_location(tree.body[-1], last)
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    return compile(ast.fix_missing_locations(tree), "<cell>", "exec", flags, dont_inherit=True)


def forked(cells: Sequence[str]) -> list[dict[str, Any]]:
    """The same in a fork of this process, in a folder of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
            data = json.dumps(run(cells)).encode()
        with os.fdopen(writing, "wb") as stream:
            stream.write(data)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        data = stream.read()
    os.waitpid(child, 0)
    found: list[dict[str, Any]] = json.loads(data)
    return found


def main() -> None:
    """Answer one request."""
    needs, snippets = json.load(sys.stdin)
    for name in needs:
        importlib.import_module(name)
    json.dump([forked(cells) for cells in snippets], sys.stdout)


if __name__ == "__main__":
    main()
