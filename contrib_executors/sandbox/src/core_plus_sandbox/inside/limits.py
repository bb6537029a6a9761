"""What a process may use, and the rights that it gives up."""

from __future__ import annotations

import os
import resource
import struct

from core_plus_sandbox.inside import kernel

FILES = 256
"""Open descriptors of a sandbox."""

CPU_SECONDS = 86_400
"""After a day of computing the kernel ends a sandbox; a session's own limits come long before."""

CAPABILITIES_VERSION = 0x20080522
"""Of capset: <linux/capability.h>."""

DAC_READ_SEARCH = 1 << 2
SETGID, SETUID, SYS_ADMIN = 1 << 6, 1 << 7, 1 << 21

SECURE_BITS = 0b1010_1111
"""Root's number means nothing, rights don't survive a change of user, none can be raised ambiently; all locked."""


def hold(memory: int, scratch: int, processes: int) -> None:
    """Set limits that this process can't raise again.

    Args:
        memory: Bytes of address space.
        scratch: Bytes of a file.
        processes: Processes and threads of this user.
    """
    for kind, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, scratch),
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_NOFILE, FILES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_NICE, 0),
        (resource.RLIMIT_RTPRIO, 0),
    ):
        highest = resource.getrlimit(kind)[1]
        bound = value if highest == resource.RLIM_INFINITY else min(value, highest)
        resource.setrlimit(kind, (bound, bound))


def effective() -> int:
    """The capabilities of this process, as bits."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1], 16) for line in status if line.startswith("CapEff"))


def become(uid: int, gid: int, kept: int) -> None:
    """Be another user, with no group beside its own.

    Args:
        uid: The user.
        gid: Its group.
        kept: Capabilities to keep.

    Raises:
        OSError: It isn't allowed here.
    """
    drop_bounds()
    if kept:
        kernel.prctl(kernel.PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def drop_bounds() -> None:
    """Empty the bounding set, where there is a right to: what isn't in it can never be had again."""
    number = 0
    while kernel.library().prctl(kernel.PR_CAPBSET_DROP, number, 0, 0, 0) == 0:
        number += 1


def drop_capabilities(kept: int) -> None:
    """Give up all capabilities, for ever.

    Args:
        kept: But for these.

    Raises:
        OSError: The kernel refuses.
    """
    drop_bounds()
    kernel.library().prctl(kernel.PR_SET_SECUREBITS, SECURE_BITS, 0, 0, 0)  # only where there is a right to
    kernel.prctl(kernel.PR_CAP_AMBIENT, kernel.PR_CAP_AMBIENT_CLEAR_ALL)
    header = struct.pack("<Ii", CAPABILITIES_VERSION, 0)
    kernel.syscall("capset", header, struct.pack("<6I", kept, kept, 0, 0, 0, 0))


def tasks_of_user() -> int:
    """How many processes and threads this user has; those of others can't be told from none."""
    count, uid = 0, os.getuid()
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if os.stat(f"/proc/{name}").st_uid == uid:
                    count += len(os.listdir(f"/proc/{name}/task"))
            except OSError:  # it has just ended
                continue
    return count
