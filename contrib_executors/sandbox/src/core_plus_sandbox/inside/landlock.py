"""Landlock: which files a process may open, for reading or for writing. Source: <linux/landlock.h>."""

from __future__ import annotations

import os
import stat
import struct

from core_plus_sandbox.inside import kernel

WRITE_FILE, READ_FILE, READ_DIR = 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG, MAKE_SYM = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 12
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15

READ = READ_FILE | READ_DIR
"""No right to execute: nothing is started here, and shared libraries are mapped, not executed."""

WRITE = READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | REFER | TRUNCATE
"""No links, pipes, sockets or devices: the host must not trip over them in a folder that it granted."""

SCRATCH = WRITE | MAKE_SYM

OF_FILES = WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
"""The rights that mean something for a file; the others are for folders."""

FIRST, WITH_REFER, WITH_TRUNCATE, WITH_NET, WITH_IOCTL, WITH_SCOPES = 1, 2, 3, 4, 5, 6
"""Versions of the interface, and what they brought."""

BIND_TCP_AND_CONNECT_TCP = 3
ABSTRACT_SOCKETS_AND_SIGNALS = 3
CREATE_VERSION = 1
PATH_BENEATH = 1


def version() -> int:
    """Which version of Landlock this kernel has; 0: none.

    A kernel may have it built in but not switched on.
    """
    try:
        return kernel.syscall("landlock_create_ruleset", 0, 0, CREATE_VERSION)
    except OSError:
        return 0


def handled(abi: int) -> int:
    """All rights over files that a version knows; what is handled and not granted is denied.

    Args:
        abi: The version.
    """
    highest = 12 + (abi >= WITH_REFER) + (abi >= WITH_TRUNCATE) + (abi >= WITH_IOCTL)
    return (1 << (highest + 1)) - 1


def restrict(abi: int, granted: list[tuple[int, int]]) -> None:
    """Hold this process to what is granted, for ever; TCP, and sockets and processes outside, it can't reach at all.

    Args:
        abi: The kernel's version.
        granted: Descriptors of files and folders, and the rights over them and what is beneath.

    Raises:
        OSError: The kernel doesn't take it.
    """
    net = BIND_TCP_AND_CONNECT_TCP if abi >= WITH_NET else 0
    scoped = ABSTRACT_SOCKETS_AND_SIGNALS if abi >= WITH_SCOPES else 0
    size = 24 if abi >= WITH_SCOPES else 16 if abi >= WITH_NET else 8
    attributes = struct.pack("<QQQ", handled(abi), net, scoped)
    ruleset = kernel.syscall("landlock_create_ruleset", attributes, size, 0)
    try:
        for fd, rights in granted:
            known = rights & handled(abi)
            if not stat.S_ISDIR(os.fstat(fd).st_mode):
                known &= OF_FILES
            kernel.syscall("landlock_add_rule", ruleset, PATH_BENEATH, struct.pack("<Qi", known, fd), 0)
        kernel.syscall("landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)
