"""Measures what code writes to a disk."""

from __future__ import annotations

import contextlib
import os
import stat


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
