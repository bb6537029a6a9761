"""Measures what code writes to a disk, and removes what it has left behind, however it is nested."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def is_over(path: str, pid: int, most: int, files: int) -> bool:
    """Whether a sandbox's folder holds more than it may, with what was deleted and is still open.

    Args:
        path: The folder.
        pid: The sandbox's process.
        most: Bytes on the disk.
        files: Files and folders.
    """
    size, count, folders = _deleted(pid), 0, [path]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    found = entry.stat(follow_symlinks=False)
                    size, count = size + found.st_blocks * 512, count + 1
                    if size > most or count > files:
                        return True
                    if stat.S_ISDIR(found.st_mode):
                        folders.append(entry.path)
        except FileNotFoundError:  # code removes things while they are counted
            continue
        except OSError:  # deeper than any path is long, or locked on purpose
            return True
    return size > most


def _deleted(pid: int) -> int:
    """Bytes of files that have no name any more."""
    size = 0
    with contextlib.suppress(OSError):  # it has just ended
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):  # closed meanwhile
                found = os.stat(f"/proc/{pid}/fd/{name}")
                if found.st_nlink == 0 and stat.S_ISREG(found.st_mode):
                    size += found.st_blocks * 512
    return size


def remove(path: str) -> None:
    """Remove a folder of a sandbox that has ended, and all that is in it.

    Folders may be nested deeper than any path or stack is long: those within one are moved up before it goes.

    Args:
        path: Its path; what isn't there any more is no error.

    Raises:
        OSError: Something can't be removed.
    """
    try:
        top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    fresh = (f"{number:x}.removed" for number in itertools.count())
    try:
        while names := os.listdir(top):
            for name in names:
                _remove_one(top, name, fresh)
    finally:
        os.close(top)
    os.rmdir(path)


def _remove_one(top: int, name: str, fresh: Iterator[str]) -> None:
    """Remove a file, or a folder whose folders become its neighbours under fresh names."""
    if not stat.S_ISDIR(os.stat(name, dir_fd=top, follow_symlinks=False).st_mode):
        os.unlink(name, dir_fd=top)
        return
    os.chmod(name, 0o700, dir_fd=top)
    folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=top)
    try:
        for inner in os.listdir(folder):
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
