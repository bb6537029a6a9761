"""Which system calls code may make: a list of what is allowed; all else is refused.

Refused calls fail with an error, as they do where a user lacks a right, so that libraries can take another way. What
the kernel may get in years to come fails as on an old kernel (ENOSYS).
"""

from __future__ import annotations

import ctypes
import errno
import struct

from core_plus_sandbox.inside import bpf, kernel, tables
from core_plus_sandbox.inside.bpf import ALLOW, ERRNO, Test, allowed_if, answer

SET_MODE_FILTER, TSYNC = 1, 1
"""Of the seccomp call; TSYNC holds every thread of the process to the filter."""

PLAIN = """
read write close readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek sendfile copy_file_range
stat fstat lstat newfstatat statx access faccessat faccessat2 getcwd chdir fchdir statfs fstatfs
creat getdents64 mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat umask
ftruncate fadvise64 readahead fsync fdatasync close_range dup dup2 dup3 pipe pipe2
mmap munmap mprotect mremap msync madvise brk
poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd eventfd2
sendto recvfrom sendmsg recvmsg shutdown getsockname getpeername
rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack pause restart_syscall
futex set_robust_list set_tid_address rseq sched_yield sched_getaffinity sched_get_priority_max sched_get_priority_min
getpid gettid getppid getpgrp getuid geteuid getgid getegid getgroups getresuid getresgid capget
nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday time times getitimer setitimer alarm
getrlimit setrlimit getrusage uname sysinfo getcpu getrandom wait4 exit exit_group
"""
"""Calls that are allowed whatever their arguments; paths are Landlock's business."""

METADATA = "chmod fchmod fchmodat fchmodat2 utime utimes futimesat utimensat"
"""Calls that Landlock doesn't see: they change files that may only be read, if these are the user's own."""

LINKS = "readlink readlinkat"
"""Without mounts of its own, code could read where any link of the host points: refused then, even for its own."""

ATTRIBUTES = (
    "setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr "
    "removexattr lremovexattr fremovexattr"
)
"""Answered as by a file system that has no extended attributes: Landlock doesn't see them either."""

THREAD = (0x003D0F00, 0x007D0F00)
"""The flags with which C libraries start a thread (glibc, musl): exactly these, hence no process and no namespace."""

O_PATH = 0x200000
"""A descriptor that only names a file: Landlock doesn't look at those."""

DESCRIPTORS = (0, 1, 2, 3, 4, 5, 6, 7, 1030, 1032)
"""Of fcntl: duplicate, flags, status, POSIX locks, and a pipe's size; no owner, signal, lease, notice or seal."""

DEVICES = (0x5421, 0x5450, 0x5451, 0x541B)
"""Of ioctl: FIONBIO, FIONCLEX, FIOCLEX, FIONREAD; all else is answered as by what is no terminal."""

OWN_NAME = (3, 15, 16, 21, 39)
"""Of prctl: get dumpable, set and get the thread's name, get seccomp, get no_new_privs."""

AF_UNIX, SOCK_STREAM, SOL_SOCKET = 1, 1, 1
READ_OPTIONS = (2, 3, 4, 7, 8, 9, 13, 20, 21, 30, 38, 39)
"""Of getsockopt: not SO_PEERCRED and its kin, which tell of the host."""

WRITE_OPTIONS = (7, 8, 9, 13, 20, 21)
"""Of setsockopt: buffers, keep-alive, linger, time-outs."""

SOME_PID = 0x5EEDF00D
"""No process has this number, and nothing else in a filter is this."""


def refused(number: int) -> bpf.Code:
    """Code that fails a call.

    Args:
        number: The error; 0 lets the call seem to succeed.
    """
    return answer(ERRNO | number)


def rules(pid: int, *, owns_files: bool, sees_host: bool, truncates: bool) -> dict[str, bpf.Code]:
    """What becomes of the calls that are known by name.

    Args:
        pid: The process that the filter is for; it may signal itself.
        owns_files: Whether files outside of its folder are its user's own, and not on a read-only mount: their modes
            and times are then kept from it by letting it believe that it changed them.
        sees_host: Whether paths lead into the host's file system.
        truncates: Whether Landlock knows of truncation (from its version 3 on).
    """
    found = {name: answer(ALLOW) for name in PLAIN.split()}
    found |= {name: refused(0) if owns_files else answer(ALLOW) for name in METADATA.split()}
    found |= {name: refused(errno.EACCES) if sees_host else answer(ALLOW) for name in LINKS.split()}
    # On a disk, room is to be taken no faster than it is written, so that the parent sees it in time.
    found["fallocate"] = refused(errno.EOPNOTSUPP) if sees_host else answer(ALLOW)
    found |= {name: refused(errno.EOPNOTSUPP) for name in ATTRIBUTES.split()}
    no = ERRNO | errno.EPERM
    if truncates:
        found["truncate"] = answer(ALLOW)
    return found | {
        "open": allowed_if([Test(1, without=O_PATH)], no),
        "openat": allowed_if([Test(2, without=O_PATH)], no),
        "openat2": refused(errno.ENOSYS),
        "clone": allowed_if([Test(0, THREAD)], no),
        "clone3": refused(errno.ENOSYS),  # not EPERM: only then does the C library try clone
        "waitid": refused(errno.ECHILD),
        "kill": allowed_if([Test(0, [pid])], no),
        "tgkill": allowed_if([Test(0, [pid])], no),
        "prlimit64": allowed_if([Test(0, [0, pid])], no),
        "fcntl": allowed_if([Test(1, DESCRIPTORS)], no),
        "ioctl": allowed_if([Test(1, DEVICES)], ERRNO | errno.ENOTTY),
        "prctl": allowed_if([Test(0, OWN_NAME)], ERRNO | errno.EINVAL),
        "socketpair": allowed_if([Test(0, [AF_UNIX]), Test(1, [SOCK_STREAM], mask=0xF)], no),
        "getsockopt": allowed_if([Test(1, [SOL_SOCKET]), Test(2, READ_OPTIONS)], no),
        "setsockopt": allowed_if([Test(1, [SOL_SOCKET]), Test(2, WRITE_OPTIONS)], no),
    }


def compiled(machine: str, pid: int, *, owns_files: bool, sees_host: bool, truncates: bool) -> bytes:
    """The filter of a process.

    Args:
        machine: One of `tables.MACHINES`.
        pid: As for `rules`.
        owns_files: As for `rules`.
        sees_host: As for `rules`.
        truncates: As for `rules`.
    """
    named, numbers = (
        rules(pid, owns_files=owns_files, sees_host=sees_host, truncates=truncates),
        tables.numbers(machine),
    )
    by_number = {numbers[name]: code for name, code in named.items() if name in numbers}
    known = bpf.ranges(by_number, refused(errno.EPERM), tables.NEWEST, refused(errno.ENOSYS))
    return bpf.program(tables.AUDIT[machine], known)


def with_pid(instructions: bytes, pid: int) -> bytes:
    """A filter that was made for `SOME_PID`, for another process: assembling one takes a millisecond, this nothing.

    Args:
        instructions: As `compiled` gives them.
        pid: The process.
    """
    return instructions.replace(struct.pack("<I", SOME_PID), struct.pack("<I", pid))


def install(instructions: bytes) -> None:
    """Hold this process to a filter, for ever.

    Args:
        instructions: As `compiled` gives them.

    Raises:
        OSError: The kernel doesn't take it.
    """
    memory = ctypes.create_string_buffer(instructions, len(instructions))
    header = struct.pack("<HxxxxxxQ", len(instructions) // 8, ctypes.addressof(memory))
    kernel.syscall("seccomp", SET_MODE_FILTER, TSYNC, header)
