"""Code as models write it: snippets in several cells, and single features of the language."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from attrs import frozen

CELL: Final = "# %%"
"""A line that begins so starts the next cell, in the same session."""


@frozen(kw_only=True)
class Snippet:
    """A few cells that an agent might send one after the other.

    Args:
        id: The file it stands in, and its title.
        cells: Python.
        needs: Import names of libraries beside the standard one.
    """

    id: str
    cells: tuple[str, ...]
    needs: tuple[str, ...] = ()

    @property
    def room(self) -> str:
        """What it is about: the file it stands in."""
        return self.id.partition(":")[0]


def snippets() -> list[Snippet]:
    """The whole corpus, in a fixed order."""
    found = []
    folder = files("core_plus_testkit.ordinary").joinpath("snippets")
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".toml"):
            continue
        table, room = tomllib.loads(file.read_text("utf-8")), file.name.removesuffix(".toml")
        needs = tuple(table.get("needs", ()))
        for one in table["snippet"]:
            cells = tuple(part_cells(one["code"]))
            found.append(Snippet(id=f"{room}:{one['title']}", cells=cells, needs=(*needs, *one.get("needs", ()))))
    return found


def part_cells(code: str) -> list[str]:
    """The cells of a piece of code.

    Args:
        code: Python; `CELL` lines part it.
    """
    cells: list[list[str]] = [[]]
    for line in code.splitlines():
        if line.startswith(CELL):
            cells.append([])
        else:
            cells[-1].append(line)
    return ["\n".join(lines) for lines in cells if "".join(lines).strip()]


def language_features() -> Mapping[str, str]:
    """Small pieces of code by the feature or module that each needs; all of them run in CPython."""
    found: dict[str, str] = json.loads(
        files("core_plus_testkit.ordinary").joinpath("language-features.json").read_text("utf-8")
    )
    return found
