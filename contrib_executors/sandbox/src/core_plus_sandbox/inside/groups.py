"""Control groups: the kernel counts and bounds all memory and all tasks of a sandbox, where it lets this user do so.

The file names and what stands in them are those of cgroup v2: Documentation/admin-guide/cgroup-v2.rst of Linux.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

OOM = "out of memory: the kernel killed it"
"""Why a sandbox has ended that needed more than its group may have."""

PATIENCE = 2.0
"""Seconds in which the processes of a group that is removed must have ended; it takes one or two milliseconds."""

OPTIONAL = ("memory.swap.max", "memory.oom.group", "cgroup.kill")
"""What kernels without swap accounting, before 4.19 and before 5.14 don't have."""


class Groups:
    """The groups of one parent's sandboxes: folders in one of its own.

    Args:
        top: A descriptor of that folder.
        base: One of the folder that it stands in.
        name: What it is called there.
        controllers: Which of "memory" and "pids" hold in it.
    """

    def __init__(self, top: int, base: int, name: str, controllers: Sequence[str]) -> None:
        self._top, self._base, self._name, self._controllers = top, base, name, controllers

    def make(self, number: int, memory: int, tasks: int) -> None:
        """Make the group of a sandbox.

        Args:
            number: Which sandbox.
            memory: Bytes that it may have, with what the kernel holds for it.
            tasks: Processes and threads.

        Raises:
            OSError: It can't be made.
        """
        bounds = {"memory.max": memory, "memory.swap.max": 0, "memory.oom.group": 1, "pids.max": tasks}
        try:
            os.mkdir(str(number), dir_fd=self._top)
            for name, value in bounds.items():
                if name.partition(".")[0] in self._controllers:
                    write(self._top, f"{number}/{name}", str(value))
        except OSError as error:
            with contextlib.suppress(OSError):  # it wasn't made
                self.remove(number)
            raise OSError(error.errno, f"its cgroup can't be made: {error.strerror}") from None

    def join(self, number: int) -> None:
        """Move this process into the group of a sandbox.

        Args:
            number: Which sandbox.

        Raises:
            OSError: It isn't allowed here.
        """
        write(self._top, f"{number}/cgroup.procs", "0")

    def ran_out(self, number: int) -> bool:
        """Whether the kernel has killed a sandbox because its group had no memory left.

        Args:
            number: Which sandbox.
        """
        if "memory" not in self._controllers:
            return False
        events = dict(line.split() for line in read(self._top, f"{number}/memory.events").splitlines())
        return int(events.get("oom_kill", 0)) > 0

    def remove(self, number: int) -> None:
        """Remove the group of a sandbox that has ended.

        Args:
            number: Which sandbox.

        Raises:
            OSError: It can't be removed.
        """
        remove_group(self._top, str(number))

    def finish(self) -> None:
        """Remove all of them, and their folder.

        Raises:
            OSError: One can't be removed.
        """
        remove(self._base, self._name)


def remove(base: int, name: str) -> None:
    """End all that runs in a folder of groups, and remove it.

    Args:
        base: A descriptor of the folder that it stands in.
        name: What it is called there; what isn't there any more is no error.

    Raises:
        OSError: It can't be removed.
    """
    try:
        top = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=base)
    except FileNotFoundError:
        return
    try:
        write(top, "cgroup.kill", "1")
        with os.scandir(top) as entries:
            groups = [entry.name for entry in entries if entry.is_dir()]
        for group in groups:
            remove_group(top, group)
    except OSError as error:
        if error.errno != errno.ENODEV:  # another one has removed it meanwhile
            raise
    finally:
        os.close(top)
    remove_group(base, name)


def remove_group(base: int, name: str) -> None:
    """Remove one group, as soon as nothing is in it.

    Args:
        base: A descriptor of the folder that it stands in.
        name: What it is called there.

    Raises:
        OSError: It can't be removed.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            os.rmdir(name, dir_fd=base)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.001)
        else:
            return


def enable(folder: int, controllers: Iterable[str]) -> None:
    """Have controllers hold in the groups of a folder.

    Args:
        folder: A descriptor of it.
        controllers: Their names.

    Raises:
        OSError: It isn't allowed here; EBUSY: there are processes in the folder itself.
    """
    lacking = sorted(set(controllers) - set(read(folder, "cgroup.subtree_control").split()))
    if lacking:
        write(folder, "cgroup.subtree_control", " ".join(f"+{name}" for name in lacking))


def read(folder: int, path: str) -> str:
    """What stands in a file of a group.

    Args:
        folder: A descriptor of the folder.
        path: The file in it.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(fd) as file:
        return file.read()


def write(folder: int, path: str, text: str) -> None:
    """Write to a file of a group, if this kernel has it.

    Args:
        folder: A descriptor of the folder.
        path: The file in it.
        text: What.

    Raises:
        OSError: The kernel refuses.
    """
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        if path.rpartition("/")[2] in OPTIONAL:
            return
        raise
    try:
        os.write(fd, text.encode("ascii"))
    finally:
        os.close(fd)
