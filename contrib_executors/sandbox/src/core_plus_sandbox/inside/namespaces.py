"""Namespaces: the pre-fork parent leaves the host's, and each sandbox leaves some of the parent's.

The parent has processes, network, System V objects and host name apart from the host's, and a file system that holds
only what was granted. As an ordinary user it does so inside a user namespace. A sandbox gets, in addition, its own
mounts (a folder in memory that is gone with it) and its own user, System V and cgroup namespaces.
"""

from __future__ import annotations

import os
import struct

from core_plus_sandbox.inside import kernel
from core_plus_sandbox.inside.places import is_beneath

ROOT = "/sys"
"""Where the new file system is put together; it must be a folder, and nothing beneath it is ever granted."""

SCRATCH = "/scratch"

AT_RECURSIVE, AT_FDCWD = 0x8000, -100
RDONLY, NOSUID, NODEV = 1, 2, 4
"""Of mount_setattr: <linux/mount.h>."""

INODES = 20_000
"""How many files a folder in memory may hold."""


def leave(*, is_root: bool) -> None:
    """Leave the host's namespaces; the next child is the first process of the new ones.

    Args:
        is_root: Whether this process may do so by itself; else inside a user namespace.

    Raises:
        OSError: It isn't allowed here.
    """
    flags = kernel.NEWPID | kernel.NEWNET | kernel.NEWIPC | kernel.NEWUTS
    uid, gid = os.getuid(), os.getgid()
    kernel.unshare(flags if is_root else flags | kernel.NEWUSER)
    if not is_root:
        map_user("/proc", uid, gid)
    os_name = b"sandbox"
    kernel.checked(kernel.library().sethostname(os_name, len(os_name)), "sethostname")


def map_user(proc: str | int, uid: int, gid: int) -> None:
    """Name this process's user and group in its new user namespace as they were before.

    Args:
        proc: Where /proc is, or a descriptor of it.
        uid: The user outside.
        gid: The group outside.

    Raises:
        OSError: It isn't allowed here.
    """
    folder = os.open(proc, os.O_RDONLY | os.O_DIRECTORY) if isinstance(proc, str) else proc
    try:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            fd = os.open(f"self/{name}", os.O_WRONLY | os.O_CLOEXEC, dir_fd=folder)
            try:
                os.write(fd, text.encode("ascii"))
            finally:
                os.close(fd)
    finally:
        if isinstance(proc, str):
            os.close(folder)


def build(readable: list[str], writable: list[str], devices: list[str]) -> None:
    """Make a file system of nothing but these, and live in it. Everything stands where it stood before.

    Args:
        readable: Files and folders to see read-only.
        writable: The same to write to.
        devices: Device files.

    Raises:
        OSError: It isn't allowed here.
    """
    kernel.unshare(kernel.NEWNS)
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("sandbox", ROOT, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=755,size=1m")
    parts = [(path, RDONLY | NOSUID | NODEV) for path in readable]
    parts += [(path, NOSUID | NODEV) for path in writable]
    parts += [(path, RDONLY | NOSUID) for path in devices]
    for path, flags in sorted(parts):  # outer folders first
        bind(path, ROOT + path, flags)
    os.makedirs(ROOT + SCRATCH)
    if not any(is_beneath(path, "/tmp") for path, _ in parts):  # code that writes there finds its own folder
        os.symlink(SCRATCH, f"{ROOT}/tmp")
    os.chdir(ROOT)
    kernel.syscall("pivot_root", b".\0", b".\0")
    kernel.checked(kernel.library().umount2(b".", kernel.MNT_DETACH), "umount2")
    os.chdir("/")
    kernel.mount("none", "/", None, kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | kernel.MS_NOSUID)


def bind(path: str, target: str, flags: int) -> None:
    """Show a file or folder in another place.

    Args:
        path: What.
        target: Where; made if need be.
        flags: Of mount_setattr.

    Raises:
        OSError: It isn't allowed here.
    """
    if os.path.isdir(path):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    kernel.mount(path, target, None, kernel.MS_BIND | kernel.MS_REC)
    attributes = struct.pack("<QQQQ", flags, 0, 0, 0)
    kernel.syscall("mount_setattr", AT_FDCWD, os.fsencode(target) + b"\0", AT_RECURSIVE, attributes, len(attributes))


def own_folder(size: int, uid: int, gid: int) -> None:
    """Give this process mounts of its own, with an empty folder in memory.

    Args:
        size: Bytes that it may hold.
        uid: Whose it is.
        gid: The group.

    Raises:
        OSError: It can't be made.
    """
    kernel.unshare(kernel.NEWNS)
    options = f"mode=700,size={size},nr_inodes={INODES},uid={uid},gid={gid}"
    kernel.mount("scratch", SCRATCH, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC, options)


def own_user(proc: int) -> None:
    """Move this process into user, System V and cgroup namespaces of its own.

    The parent's network, which is empty, is shared: no socket can be made in it, and one for each costs half of all
    that a fresh sandbox costs.

    Args:
        proc: A descriptor of /proc.

    Raises:
        OSError: It isn't allowed here.
    """
    uid, gid = os.getuid(), os.getgid()
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # else /proc/self belongs to root after a change of user
    kernel.unshare(kernel.NEWUSER | kernel.NEWIPC | kernel.NEWCGROUP)
    map_user(proc, uid, gid)
