"""File tools that are confined to a folder: read, write, list, search."""

from __future__ import annotations

import fnmatch
import os
import stat
from typing import TypedDict

from core_plus import ConfigurationError, Tool
from core_plus_toolbox.failures import ToolboxError
from core_plus_toolbox.folder import Folder, confined

MOST_BYTES = 10_000_000
"""Bytes of a file that is read or written, where the settings don't say."""

MOST_ENTRIES = 2_000
"""Entries of a listing, or places that were found."""


class Entry(TypedDict):
    """A file or folder.

    Args:
        path: From the top; ends with "/" for a folder.
        bytes: Its size; 0 for a folder.
    """

    path: str
    bytes: int


class Place(TypedDict):
    """Where words were found.

    Args:
        path: The file.
        line: The line's number, from 1.
        text: The line.
    """

    path: str
    line: int
    text: str


class FolderTool(Tool):
    """What the file tools have in common.

    Args:
        folder: The folder that can't be left; else CORE_PLUS_FILES.
        max_bytes: Bytes of a file that is read or written.

    Raises:
        ConfigurationError: No folder was named, or it isn't there.
    """

    def __init__(self, folder: str | os.PathLike[str] | Folder | None = None, max_bytes: int = MOST_BYTES) -> None:
        self._folder = folder if isinstance(folder, Folder) else _confined(folder, self.name)
        self._most = max_bytes

    def _text(self, path: str, data: bytes) -> str:
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ToolboxError(f"{path!r} is no text in UTF-8 ({len(data):,} bytes)") from error


class ReadFileTool(FolderTool):
    """Reads a text file. For its arguments see `FolderTool`."""

    name = "read_file"
    description = "Read a text file."
    effect = "read"

    def forward(self, path: str, start_line: int = 1, lines: int | None = None) -> str:
        """Read a text file.

        Args:
            path: The file's path, from the top of the folder.
            start_line: The line to begin with, from 1.
            lines: How many lines to read; all, if left out.

        Returns:
            What it says.
        """
        text = self._text(path, self._folder.read(path, self._most))
        if start_line <= 1 and lines is None:
            return text
        first = max(0, start_line - 1)
        return "".join(text.splitlines(keepends=True)[first : None if lines is None else first + max(0, lines)])


class WriteFileTool(FolderTool):
    """Writes a text file. For its arguments see `FolderTool`."""

    name = "write_file"
    description = "Write a text file: a new one, instead of one that is there, or at its end."
    effect = "write"

    def forward(self, path: str, text: str, append: bool = False) -> str:
        """Write a text file.

        Args:
            path: The file's path, from the top of the folder; folders on its way are made.
            text: What it shall say.
            append: Whether to keep what is there and go on after it.

        Returns:
            What was done.
        """
        data = text.encode("utf-8", "surrogatepass")
        self._folder.write(path, data, append, self._most)
        return f"{'Added' if append else 'Wrote'} {len(data):,} bytes to {path}"


class ListFilesTool(FolderTool):
    """Lists files and folders. For its arguments see `FolderTool`."""

    name = "list_files"
    description = "List files and folders, with their sizes."
    effect = "read"

    def forward(self, path: str = ".", pattern: str = "*", deep: bool = False) -> list[Entry]:
        """List files and folders.

        Args:
            path: The folder, from the top.
            pattern: What names must look like, such as "*.txt".
            deep: Whether to go into the folders within.

        Returns:
            The first 2,000 entries, by name.
        """
        found = list[Entry]()
        for name, facts, _ in self._folder.walk(path, deep):
            is_folder = stat.S_ISDIR(facts.st_mode)
            if fnmatch.fnmatch(name.rpartition("/")[2], pattern):
                found.append(Entry(path=f"{name}/" if is_folder else name, bytes=0 if is_folder else facts.st_size))
            if len(found) >= MOST_ENTRIES:
                break
        return found


class SearchFilesTool(FolderTool):
    """Finds words in text files. For its arguments see `FolderTool`."""

    name = "search_files"
    description = "Find the lines of text files that hold some words."
    effect = "read"

    def forward(
        self, text: str, path: str = ".", pattern: str = "*", ignore_case: bool = False, max_results: int = 100
    ) -> list[Place]:
        """Find lines.

        Args:
            text: The words, as they stand there; no pattern.
            path: The folder to search, from the top, with all folders within.
            pattern: What the names of files must look like, such as "*.txt".
            ignore_case: Whether capitals don't matter.
            max_results: Lines to give at the most.

        Returns:
            The lines, in the order of the paths.
        """
        if not text:
            raise ToolboxError("there are no words to search for")
        wanted, most = text.casefold() if ignore_case else text, min(max(1, max_results), MOST_ENTRIES)
        found = list[Place]()
        for name, facts, here in self._folder.walk(path):
            if not stat.S_ISREG(facts.st_mode) or facts.st_size > self._most:
                continue
            if not fnmatch.fnmatch(name.rpartition("/")[2], pattern):
                continue
            for number, line in enumerate(self._lines(name, here), 1):
                if wanted in (line.casefold() if ignore_case else line):
                    found.append(Place(path=name, line=number, text=line[:1000]))
                    if len(found) >= most:
                        return found
        return found

    def _lines(self, name: str, here: int) -> list[str]:
        try:
            data = self._folder.read_at(name, here, self._most)
        except ToolboxError:
            return []  # changed since it was seen, or not ours to read
        return [] if b"\0" in data[:8000] else data.decode("utf-8", "replace").splitlines()


def files(
    folder: str | os.PathLike[str] | None = None, *, write: bool = True, max_bytes: int = MOST_BYTES
) -> list[Tool]:
    """The file tools of a folder.

    Args:
        folder: The folder that can't be left; else CORE_PLUS_FILES.
        write: Whether files may be written.
        max_bytes: Bytes of a file that is read or written.

    Raises:
        ConfigurationError: No folder was named, or it isn't there.
    """
    one = _confined(folder, "files")
    kinds = (ReadFileTool, ListFilesTool, SearchFilesTool, *((WriteFileTool,) if write else ()))
    return [kind(one, max_bytes) for kind in kinds]


def _confined(folder: str | os.PathLike[str] | None, name: str) -> Folder:
    given = folder or os.environ.get("CORE_PLUS_FILES")
    if not given:
        raise ConfigurationError(
            f"{name} must know its folder: set CORE_PLUS_FILES, or Host(config={{'tool.{name}': {{'folder': '…'}}}})"
        )
    return confined(given)
