"""Removes what code has left in its folder, however it is nested."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def remove(path: str) -> None:
    """Remove the folder of code that has ended, and all that is in it, locked or not.

    Folders may be nested deeper than any path or stack is long: those within one are moved up before it goes.

    Args:
        path: Its path; what isn't there any more is no error.

    Raises:
        OSError: Something can't be removed.
    """
    try:
        top = _opened(path)
    except FileNotFoundError:
        return
    fresh = (f"{number:x}.removed" for number in itertools.count())
    try:
        while names := os.listdir(top):  # noqa: PTH208  # no path: a descriptor
            for name in names:
                with contextlib.suppress(FileNotFoundError):  # another one is at it, too
                    _remove_one(top, name, fresh)
    finally:
        os.close(top)
    os.rmdir(path)  # noqa: PTH106  # as its folders are


def remove_own(path: str, owner: int) -> None:
    """Remove a folder as `remove` does, unless this process is a fork of the one that made it.

    Args:
        path: Its path.
        owner: The process that made it.

    Raises:
        OSError: Something can't be removed.
    """
    if os.getpid() == owner:
        remove(path)


def _opened(path: str) -> int:
    """A descriptor of a folder, unlocked if need be; whoever has put a link in its place has it followed nowhere."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags)
    except PermissionError:
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            raise
        os.chmod(path, 0o700)  # noqa: PTH101  # as its folders are
        return os.open(path, flags)


def _remove_one(top: int, name: str, fresh: Iterator[str]) -> None:
    """Remove a file, or a folder whose folders become its neighbours under fresh names."""
    if not stat.S_ISDIR(os.stat(name, dir_fd=top, follow_symlinks=False).st_mode):
        os.unlink(name, dir_fd=top)
        return
    os.chmod(name, 0o700, dir_fd=top)
    folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=top)
    try:
        for inner in os.listdir(folder):  # noqa: PTH208  # as above
            if stat.S_ISDIR(os.stat(inner, dir_fd=folder, follow_symlinks=False).st_mode):
                os.chmod(inner, 0o700, dir_fd=folder)
                _move_up(inner, folder, top, fresh)
            else:
                os.unlink(inner, dir_fd=folder)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=top)


def _move_up(name: str, folder: int, top: int, fresh: Iterator[str]) -> None:
    for other in fresh:
        try:
            os.rename(name, other, src_dir_fd=folder, dst_dir_fd=top)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
        else:
            return
