"""Finds out whether this user may make control groups (cgroup v2), and makes the one of a pre-fork parent."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from core_plus_sandbox.inside.groups import enable, remove

CONTROLLERS = ("memory", "pids")
"""What is to be counted and bounded."""

PREFIX = "core-plus-sandbox-"

DELEGATED = ("trusted.delegate", "user.delegate")
"""How systemd marks a group that it has handed over: an extended attribute, "1" (its docs/CGROUP_DELEGATION.md)."""

TRIES = 5


class NoGroups(Exception):
    """Control groups can't be used here; the text says why."""


class TopGroup:
    """The folder for the groups of one parent's sandboxes. Whoever holds its lock lives.

    Raises:
        NoGroups: This user may make none here.
    """

    def __init__(self) -> None:
        self._folder, self.controllers = delegated(), CONTROLLERS
        try:
            sweep(self._folder)
            self.name, self.fd = make(self._folder)
        except OSError as error:
            raise NoGroups(f"{self._folder}: {error.strerror}") from None
        try:
            enable(self.fd, CONTROLLERS)
        except OSError as error:
            self.close()
            raise NoGroups(f"{self._folder}: {error.strerror}") from None

    def let_go(self) -> None:
        """Leave it to the parent, which has it, too."""
        os.close(self.fd)
        self.fd = -1

    def close(self) -> None:
        """Remove it, and end what is in it."""
        if self.fd >= 0:
            self.let_go()
        with opened(self._folder) as base:
            remove(base, self.name)


def delegated() -> Path:
    """The nearest group in which this process may make others: its own, or the one above.

    Raises:
        NoGroups: There is none.
    """
    try:
        own, top = own_group(*(Path("/proc/self", name).read_text() for name in ("cgroup", "mountinfo")))
    except OSError as error:
        raise NoGroups(str(error)) from None
    whys = []
    for folder in (own, own.parent) if own != top else (own,):
        why = unfit(folder, is_own=folder == own)
        if not why:
            return folder
        whys.append(f"{folder}: {why}")
    raise NoGroups("; ".join(whys))


def own_group(groups: str, mounts: str) -> tuple[Path, Path]:
    """The folder of a process's group, and the highest that can be seen.

    Args:
        groups: Its /proc/PID/cgroup: cgroups(7).
        mounts: Its /proc/PID/mountinfo: proc_pid_mountinfo(5).

    Raises:
        NoGroups: There is no cgroup v2 that holds it.
    """
    path = next((line[3:] for line in groups.splitlines() if line.startswith("0::")), "")
    for line in mounts.splitlines():
        first, _, last = line.partition(" - ")
        if last.split()[0] == "cgroup2":
            root, point = (unescaped(field) for field in first.split()[3:5])
            if ".." not in path and Path(path).is_relative_to(root):  # else it is above what can be seen
                return Path(point, Path(path).relative_to(root)), Path(point)
    raise NoGroups("no cgroup v2 is mounted here that holds this process")


def unescaped(field: str) -> str:
    r"""A field of mountinfo without its octal escapes, such as `\040`."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field)


def unfit(folder: Path, *, is_own: bool) -> str:
    """Why no group may be made in another; "" if one may.

    Args:
        folder: The other one.
        is_own: Whether this process is in it.
    """
    try:
        lacking = set(CONTROLLERS) - set((folder / "cgroup.controllers").read_text().split())
        if lacking:
            return f"there is no controller for {' and '.join(sorted(lacking))}"
        if not all(os.access(path, os.W_OK) for path in (folder, folder / "cgroup.procs")):
            return "it isn't delegated to this user"
        if not is_own and os.geteuid() == 0 and not is_marked(folder):  # root may write everywhere: that says nothing
            return "it isn't delegated (systemd: Delegate=yes)"
        with opened(folder) as fd:
            enable(fd, CONTROLLERS)
    except OSError as error:
        if error.errno == errno.EBUSY:
            return "it holds processes itself (systemd: Delegate=yes with DelegateSubgroup=)"
        return error.strerror or str(error)
    return ""


def is_marked(folder: Path) -> bool:
    """Whether systemd says that it has handed a group over."""
    for name in DELEGATED:
        with contextlib.suppress(OSError):  # no such attribute
            if os.getxattr(folder, name) == b"1":
                return True
    return False


def make(folder: Path) -> tuple[str, int]:
    """Make a group and lock it; another host, which looks for what was left, may have been quicker.

    Args:
        folder: Where.

    Returns:
        Its name and a descriptor of it.

    Raises:
        OSError: It can't be made.
    """
    for _ in range(TRIES):
        name = PREFIX + secrets.token_hex(6)
        path = folder / name
        path.mkdir(mode=0o755)
        with contextlib.suppress(FileNotFoundError):
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            if locks(fd) and path.exists():
                return name, fd
            os.close(fd)
    raise FileNotFoundError(errno.ENOENT, "a group that was made is gone at once")


def locks(fd: int) -> bool:
    """Lock a folder, unless somebody has."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def sweep(folder: Path) -> None:
    """Remove what hosts have left that were killed together with their parents.

    Args:
        folder: Where they stand.
    """
    for path in folder.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError), opened(path) as fd, opened(folder) as base:  # another one is at it, too
            if locks(fd):
                remove(base, path.name)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[int]:
    """A descriptor of a folder, for a while."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)
