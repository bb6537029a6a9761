"""All walls in their order: what the parent prepares once, and what each sandbox does to itself before any code."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from typing import Any

from core_plus_sandbox.inside import folders, groups, kernel, landlock, limits, namespaces, places, seccomp, tables
from core_plus_sandbox.inside.users import Users

SLACK = 64
"""Where no user is a sandbox's own: how many processes and threads more than now its user may have, beside its own."""

FRESH = 1.0
"""Seconds in which those of the user aren't counted again."""


class Lacking(Exception):
    """A wall can't be raised on this machine.

    Args:
        wall: Its name, as in `allow_missing`.
        why: What is missing and what to do.
    """

    def __init__(self, wall: str, why: str) -> None:
        super().__init__(why)
        self.wall, self.why = wall, why


class Walls:
    """What stands around every sandbox of one parent.

    Args:
        config: As the host sends it: `missing` (walls to do without), `read`, `write`, `scratch` ….
        group: A descriptor of the folder for control groups; -1: there is none.

    Raises:
        Lacking: A wall that was asked for can't be raised.
    """

    def __init__(self, config: dict[str, Any], group: int = -1) -> None:
        self._missing, self._scratch, self._base = config["missing"], config["scratch"], config["base"]
        self._machine = os.uname().machine
        self._abi = 0 if "landlock" in self._missing else landlock.version()
        if self._abi == 0 and "landlock" not in self._missing:
            raise Lacking("landlock", NO_LANDLOCK)
        if "seccomp" not in self._missing and self._machine not in tables.MACHINES:
            raise Lacking("seccomp", f"there is no list of system calls for {self._machine}")
        self.rights = limits.effective()
        self.is_root = os.geteuid() == 0
        if self.is_root and not (self.rights & limits.SETUID and self.rights & limits.SETGID):
            raise Lacking(
                "user", "root may not become another user here: give CAP_SETUID and CAP_SETGID, or be no root"
            )
        self._users = Users() if self.is_root else None
        self._named = "namespaces" not in self._missing
        self._config = config
        self._read: list[str] = []
        self._write = [os.path.normpath(path) for path in config["write"]]
        self._kept = self._others = 0
        self._counted = -FRESH
        self._granted: list[tuple[int, int]] = []
        self._filter = b""
        self._own = self._nothing = -1
        self._groups: groups.Groups | None = None
        if group >= 0:
            base = high(os.open("..", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=group))
            self._groups = groups.Groups(group, base, config["group"], config["controllers"])
        self.proc = -1

    def _search_right(self) -> int:
        """As root without namespaces, another user must be able to reach Python's own files."""
        if not self.is_root or self._named:
            return 0
        hidden = places.hidden_from_others([*self._read, *self._write])
        if not hidden:
            return 0
        if not self.rights & limits.DAC_READ_SEARCH:
            raise Lacking("user", f"other users can't pass {hidden}: chmod o+x it, or don't run as root")
        return limits.DAC_READ_SEARCH

    # -- in the parent

    def leave_host(self) -> bool:
        """Leave the host's namespaces, if that is wanted; True: only a child of this process has.

        Raises:
            Lacking: It isn't allowed.
        """
        if not self._named:
            return False
        if self.is_root and not self.rights & limits.SYS_ADMIN:
            raise Lacking("namespaces", "root has no CAP_SYS_ADMIN here, as in most containers")
        try:
            namespaces.leave(is_root=self.is_root)
        except OSError as error:
            raise Lacking("namespaces", f"{error}; {NO_NAMESPACES}") from None
        return True

    def prepare(self) -> None:
        """Make the file system and open what sandboxes are granted. The process is the one that they are forked from.

        Raises:
            Lacking: It can't be made.
        """
        read = [*places.python_paths(), *places.library_paths(), *places.CLOCKS, *self._config["read"]]
        read += [self._config["packages"]] if self._config["packages"] else []
        self._read = places.outermost(read + (list(places.CERTIFICATES) if self._config["certificates"] else []))
        self._kept = self._search_right()
        self._own = high(os.pidfd_open(os.getpid()))
        self.proc = high(os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        devices = [path for path in places.DEVICES if os.path.exists(path)]
        if self._named:
            try:
                namespaces.build(self._read, self._write, devices)
            except OSError as error:
                raise Lacking("namespaces", f"{error}; {NO_NAMESPACES}") from None
        grants = [(path, landlock.READ) for path in self._read]
        grants += [(path, landlock.WRITE) for path in self._write]
        grants += [(path, landlock.READ_FILE | landlock.WRITE_FILE) for path in devices]
        self._granted = [(high(os.open(path, os.O_PATH | os.O_CLOEXEC)), rights) for path, rights in grants]
        self._nothing = high(os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC))
        known = [path for path, _ in grants]
        sys.path[:] = [path for path in sys.path if any(places.is_beneath(path, folder) for folder in known)]
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
        if "seccomp" not in self._missing:
            self._filter = seccomp.compiled(
                self._machine,
                seccomp.SOME_PID,
                owns_files=not (self._users or self._named),
                sees_host=not self._named,
                truncates=self._abi >= landlock.WITH_TRUNCATE,
            )
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        os.environ.clear()
        os.environ.update(kept, LANG="C.UTF-8", USER="sandbox", MPLBACKEND="Agg")

    @property
    def names(self) -> list[str]:
        """The walls that stand, for people to read."""
        found = [f"landlock {self._abi}"] if self._abi else []
        found += [] if "seccomp" in self._missing else ["seccomp"]
        found += ["rlimits", *(["own user"] if self._users else [])]
        return found + (["namespaces"] if self._named else []) + (["cgroup"] if self._groups else [])

    def do_without_groups(self) -> bool:
        """Use control groups no more; the host removes them. False: none were used."""
        found, self._groups = self._groups, None
        return found is not None

    def make_room(self, number: int, order: dict[str, Any]) -> None:
        """What must be there before a sandbox is forked.

        Args:
            number: Which one.
            order: What the host says of it.

        Raises:
            OSError: Its control group can't be made.
        """
        if self._groups is not None:
            # Address space is bounded more tightly, and politely; this is for what isn't counted there.
            self._groups.make(number, order["memory"] + self._scratch, order["processes"])
        # Where the kernel counts a sandbox's threads among those of the user:
        if not self._users and not self._named and time.monotonic() > self._counted + FRESH:
            self._others, self._counted = limits.tasks_of_user() + SLACK, time.monotonic()

    def clear(self, number: int) -> str:
        """Remove the control group of a sandbox that has ended.

        Args:
            number: Which one.

        Returns:
            Why it ended, if the group was the reason; else "".
        """
        why = ""
        if self._groups is not None:
            with contextlib.suppress(OSError):  # whatever holds it now: all are removed in the end
                why = groups.OOM if self._groups.ran_out(number) else ""
                self._groups.remove(number)
        return why

    def finish(self) -> None:
        """Leave no control group behind."""
        if self._groups is not None:
            with contextlib.suppress(OSError):  # the host may be at it too
                self._groups.finish()

    def is_full(self, number: int, pid: int) -> bool:
        """Whether a sandbox has filled its folder on the disk. One in memory is bounded by the kernel.

        Args:
            number: Which sandbox.
            pid: Its process.
        """
        return folders.is_over(f"{self._base}/{number}", pid, self._scratch, namespaces.INODES)

    @property
    def needs_watch(self) -> bool:
        """Whether the folders are on a disk."""
        return not self._named

    def user(self, number: int) -> int | None:
        """The user of a sandbox; None: that of the host.

        Args:
            number: Which sandbox.
        """
        return None if self._users is None else self._users.of(number)

    # -- in a sandbox

    def wire(self, fds: list[int]) -> None:
        """Make the descriptors 0 to 4 nothing, two pipes, the stream and perhaps the way to granted hosts.

        Args:
            fds: Stream, standard output, standard error, hosts, as far as given.
        """
        ends = [high(fd) for fd in fds]
        for target, fd in zip((0, 3, 1, 2, 4), [self._nothing, *ends], strict=False):
            os.dup2(fd, target)

    def enter(self, number: int, order: dict[str, Any], fds: int) -> None:
        """Raise all walls around this process.

        Args:
            number: Which sandbox this is.
            order: What the host says of it: `memory`, `processes`.
            fds: How many descriptors, from 0 on, it keeps.

        Raises:
            OSError: One of them doesn't stand.
        """
        os.setsid()
        if self._groups is not None:
            self._groups.join(number)
        uid, gid = self.user(number) or os.getuid(), self.user(number) or os.getgid()
        scratch = self._make_scratch(number, uid, gid)
        if self._users is not None:
            limits.become(uid, gid, self._kept)
        if self._named:
            namespaces.own_user(self.proc)
        limits.hold(order["memory"], self._scratch, order["processes"] + self._others)
        limits.drop_capabilities(self._kept)
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        # Where the parent is the same user and counts open files, it must be able to look; code can't look at anybody.
        kernel.prctl(kernel.PR_SET_DUMPABLE, int(not self._users and not self._named))
        self._die_with_parent()
        self._settle(scratch)
        if self._abi:
            folder = os.open(scratch, os.O_PATH | os.O_CLOEXEC)
            landlock.restrict(self._abi, [*self._granted, (folder, landlock.SCRATCH)])
        os.closerange(fds, 1 << 20)
        if self._filter:
            seccomp.install(seccomp.with_pid(self._filter, os.getpid()))

    def _make_scratch(self, number: int, uid: int, gid: int) -> str:
        if self._named:
            namespaces.own_folder(self._scratch, uid, gid)
            return namespaces.SCRATCH
        path = f"{self._base}/{number}"
        os.mkdir(path, 0o700)
        if self._users is not None:
            os.chown(path, uid, gid)
        return path

    def _die_with_parent(self) -> None:
        """End when the parent does. The order is forgotten when the user changes, so it comes after that."""
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        watch = select.poll()
        watch.register(self._own, select.POLLIN)
        if watch.poll(0):  # it has ended in between
            os._exit(1)

    def _settle(self, scratch: str) -> None:
        """Live in the folder; the environment names it and says nothing else of the host."""
        os.umask(0o077)
        os.chdir(scratch)
        os.environ["HOME"] = os.environ["TMPDIR"] = scratch


KEPT = ("TZ", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

NO_LANDLOCK = "the kernel has no Landlock: it needs Linux 5.13 or newer, with landlock in CONFIG_LSM or lsm="
NO_NAMESPACES = (
    "unprivileged user namespaces are switched off here (kernel.apparmor_restrict_unprivileged_userns, "
    "user.max_user_namespaces, or a container's profile)"
)


def high(fd: int) -> int:
    """Move a descriptor out of the way of those that a sandbox has at the beginning.

    Args:
        fd: The descriptor.
    """
    import fcntl

    if fd >= FIRST_HIGH:
        return fd
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, FIRST_HIGH)
    with contextlib.suppress(OSError):
        os.close(fd)
    return moved


FIRST_HIGH = 10
