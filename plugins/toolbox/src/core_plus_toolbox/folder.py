"""A folder that can't be left: neither by "..", nor by a link."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core_plus import ConfigurationError
from core_plus_toolbox.failures import ToolboxError


class Folder(ABC):
    """Files below a folder.

    Args:
        path: The folder. Links in its own path are followed, once.

    Raises:
        ConfigurationError: It isn't there.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.root = Path(path).expanduser().resolve()
        if not self.root.is_dir():
            raise ConfigurationError(f"the folder {str(path)!r} isn't there: make it first, or name another")

    def parts(self, path: str) -> list[str]:
        """The steps of a path from the folder on.

        Args:
            path: Relative, or absolute and within the folder.

        Raises:
            ToolboxError: It leads out, or is no path.
        """
        if path == str(self.root) or path.startswith(f"{self.root}{os.sep}"):
            path = path[len(str(self.root)) :].lstrip(os.sep)
        found = [part for part in path.split("/") if part not in ("", ".")]
        if path.startswith(("/", "~")) or ".." in found or "\0" in path:
            raise ToolboxError(f"{path!r} leads out of the folder: give a path below it, such as 'notes/today.txt'")
        return found

    @abstractmethod
    def read(self, path: str, most: int) -> bytes:
        """A file's bytes.

        Args:
            path: Of a file in the folder.
            most: Bytes that it may hold.

        Raises:
            ToolboxError: It isn't there, no plain file, or larger.
        """

    @abstractmethod
    def write(self, path: str, data: bytes, append: bool, most: int) -> None:
        """Write a file whole: whoever reads it meanwhile sees what was there before, or all that is new.

        Args:
            path: Of a file in the folder, there or not; folders on its way are made.
            data: What it shall hold.
            append: Whether what it holds stays before that.
            most: Bytes that it may then hold.

        Raises:
            ToolboxError: It can't be written.
        """

    @abstractmethod
    def walk(self, path: str, deep: bool = True) -> Iterator[tuple[str, os.stat_result, Any]]:
        """What lies below a folder, links left out: paths from the top, what they are, and what `read_at` wants.

        Args:
            path: Of a folder within.
            deep: Whether to go into folders.

        Raises:
            ToolboxError: It isn't there.
        """

    @abstractmethod
    def read_at(self, path: str, place: Any, most: int) -> bytes:
        """The bytes of a file that `walk` came to.

        Args:
            path: As it said.
            place: As it said.
            most: Bytes that it may hold.

        Raises:
            ToolboxError: It is no plain file any more, or larger.
        """


class MissingError(ToolboxError):
    """There is no such file."""


def confined(path: str | os.PathLike[str]) -> Folder:
    """A folder that can't be left, by the strongest means of this system.

    Args:
        path: The folder.

    Raises:
        ConfigurationError: It isn't there.
    """
    if os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW"):
        from core_plus_toolbox.opened import OpenedFolder

        return OpenedFolder(path)
    from core_plus_toolbox.checked import CheckedFolder

    return CheckedFolder(path)


def grown(path: str, before: bytes, data: bytes, most: int) -> bytes:
    """What a file shall hold.

    Args:
        path: The file's.
        before: What stays.
        data: What is added.
        most: Bytes that it may hold.

    Raises:
        ToolboxError: That is more.
    """
    if len(before) + len(data) > most:
        raise ToolboxError(f"{path!r} would be larger than the {most:,} bytes that a file may have")
    return before + data


def too_large(path: str, most: int) -> ToolboxError:
    """The error of a file that isn't read.

    Args:
        path: The file's.
        most: Bytes that it may hold.
    """
    return ToolboxError(f"{path!r} is larger than the {most:,} bytes that are read of a file")
