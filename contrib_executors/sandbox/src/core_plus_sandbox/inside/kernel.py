"""Linux's own calls: those that Python has no function for."""

from __future__ import annotations

import ctypes
import functools
import os

NEWNS, NEWCGROUP, NEWUTS, NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
NEWUSER, NEWPID, NEWNET = 0x10000000, 0x20000000, 0x40000000
"""Flags of unshare: <linux/sched.h>."""

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_SET_SECUREBITS = 1, 4, 8, 24, 28
PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4
"""Options of prctl: <linux/prctl.h>."""

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2
"""Flags of mount and umount2: <linux/mount.h>."""

NUMBERS = {
    "x86_64": {"capset": 126, "pivot_root": 155, "seccomp": 317},
    "aarch64": {"capset": 91, "pivot_root": 41, "seccomp": 277},
}
"""Calls whose numbers differ: <asm/unistd.h>."""

SAME = {"mount_setattr": 442, "landlock_create_ruleset": 444, "landlock_add_rule": 445, "landlock_restrict_self": 446}
"""Calls whose numbers are the same on every machine."""


@functools.cache
def library() -> ctypes.CDLL:
    """The C library that Python itself uses."""
    return ctypes.CDLL(None, use_errno=True)


def checked(result: int, what: str) -> int:
    """The result of a call that went well.

    Args:
        result: What it gave.
        what: What it was to do, for the error.

    Raises:
        OSError: It went wrong.
    """
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(name: str, *args: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """Make a system call.

    Args:
        name: One of `NUMBERS` or `SAME`.
        *args: Numbers, and memory that is handed over by its address.

    Raises:
        OSError: It failed.
    """
    number = SAME.get(name) or NUMBERS[os.uname().machine][name]
    given = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    return checked(library().syscall(ctypes.c_long(number), *given), name)


def prctl(option: int, value: int = 0, what: str = "prctl") -> None:
    """Change something of this process.

    Args:
        option: Which thing.
        value: Its new value.
        what: For the error.

    Raises:
        OSError: It failed.
    """
    zero = ctypes.c_long(0)
    checked(library().prctl(option, ctypes.c_long(value), zero, zero, zero), what)


def unshare(flags: int) -> None:
    """Leave the namespaces of the parent.

    Args:
        flags: Which.

    Raises:
        OSError: It isn't allowed here.
    """
    checked(library().unshare(flags), "unshare")


def mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """Mount.

    Args:
        source: What.
        target: Where.
        kind: The file system; None where there is one already.
        flags: MS_….
        data: The file system's own options.

    Raises:
        OSError: It isn't allowed here.
    """
    names = [os.fsencode(source), os.fsencode(target), kind.encode() if kind else None]
    checked(library().mount(*names, ctypes.c_ulong(flags), data.encode()), f"mount {target}")
