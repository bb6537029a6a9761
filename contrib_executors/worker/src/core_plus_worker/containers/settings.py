"""What a container is given: the settings, and what they are as options of an engine's `run`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from attrs import field, frozen
from attrs.converters import optional

from core_plus.errors import ExecutorError
from core_plus.executors import Limits

SCRATCH = "/tmp"  # of the container, not of the host
"""Where code works: the one place that it can write to."""

ENV = {"HOME": SCRATCH, "TMPDIR": SCRATCH, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}
"""What code finds in its environment beside the image's own; a fixed hash seed gives sets the same order again."""

PROFILE = Path(__file__).with_name("seccomp.json")
"""System calls that are allowed, in the form that engines read (docs.docker.com/engine/security/seccomp)."""

UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([bkmg]?)i?b?", re.IGNORECASE)

BESIDE = 64 << 20
"""Bytes of a container's memory for its first process and for files, beside what a session lets the code have."""

MORE_PIDS = 2
"""Of a container: its first process and the worker itself."""

PROCESSES = 4096
"""Of one user on one machine, all containers together; `pids` is what bounds a container. An engine that asks for
more than the machine allows starts nothing."""

Size: TypeAlias = int | str
Bounds: TypeAlias = tuple[int | None, int | None]
"""Memory in bytes, and processes."""

Paths: TypeAlias = Mapping[str | Path, str | Path] | Iterable[str | Path]


def bytes_of(size: Size) -> int:
    """A size in bytes.

    Args:
        size: Bytes, or a text such as "512m" or "1.5g", in powers of 1024 as engines have it.

    Raises:
        ExecutorError: It is none.
    """
    found = SIZE.fullmatch(str(size).strip())
    if found is None:
        raise ExecutorError(f"{size!r} is no size: give bytes, or a text such as '512m' or '2g'")
    return int(float(found[1]) * UNITS[found[2].lower()])


def places(paths: Paths) -> dict[str, str]:
    """Where paths of the host are to be seen.

    Args:
        paths: By their place in the container, or to be seen at the same place.

    Raises:
        ExecutorError: One can't be given.
    """
    if isinstance(paths, str | Path):
        paths = [paths]
    pairs = paths.items() if isinstance(paths, Mapping) else [(path, path) for path in paths]
    found = {str(source): str(target) for source, target in pairs}
    for path in [*found, *found.values()]:
        if not path.startswith("/") or re.search(r'[,"\n]', path):
            raise ExecutorError(
                f"{path!r} can't be given to a container: it must begin with / and have no comma or quote"
            )
    return found


@frozen(kw_only=True)
class Box:
    """What one container is given.

    Args:
        image: What it runs: anything with a Python from 3.8 on; nothing need be installed in it.
        python: The interpreter in it.
        memory: Of all that runs in it and its files: bytes, or a text such as "512m". None is no limit.
        cpus: Processors that it may use, such as 0.5. None is no limit.
        pids: Processes and threads in it at once. None is the engine's own limit.
        network: "none", or the engine's name of a network: code then reaches what that network reaches.
        user: Who the code is: a number or name, and a group's behind a colon.
        scratch: Size of `/tmp`, as `memory`, of which it is a part.
        seccomp: "own" allows the system calls that Python and common programs need, fewer than engines do by
            themselves: no tracing, no io_uring, no namespaces, no kernel log, sockets of IP and of Unix only.
            "engine" leaves it to the engine; else the path of a profile.
        read_only: Whether nothing but `/tmp` can be written to.
        env: Environment variables for the code.
        reads: Files and folders that may be read: a mapping of their paths to those in the container, or paths that
            are the same in both. They are paths of the engine's machine.
        writes: The same, to be written to as well.
        runtime: What the engine starts containers with, such as "runsc" for gVisor.
        ulimits: Limits of each process, by the engine's names, beside nofile=1024, nproc and core.
        options: More options of the engine's `run`.

    Raises:
        ExecutorError: A size or a path isn't understood.
    """

    image: str
    python: str = "python3"
    memory: int | None = field(default=1 << 30, converter=optional(bytes_of))
    cpus: float | None = None
    pids: int | None = 128
    network: str = "none"
    user: str = "65534:65534"
    scratch: int = field(default=64 << 20, converter=bytes_of)
    seccomp: str = "own"
    read_only: bool = True
    env: Mapping[str, str] = field(factory=dict, repr=False)
    reads: Mapping[str, str] = field(factory=dict, converter=places)
    writes: Mapping[str, str] = field(factory=dict, converter=places)
    runtime: str = ""
    ulimits: Mapping[str, int] = field(factory=dict)
    options: tuple[str, ...] = field(default=(), converter=tuple)

    def bounds(self, limits: Limits) -> Bounds:
        """How much memory and how many processes a container may have for a session: the smaller of both wishes.

        Args:
            limits: What the session asks for.
        """
        memory = None if limits.memory is None else limits.memory + BESIDE
        pids = None if limits.processes is None else limits.processes + MORE_PIDS
        return least(self.memory, memory), least(self.pids, pids)

    def arguments(self, *, name: str, labels: Mapping[str, str], bounds: Bounds) -> list[str]:
        """The options of `run` and the image, before the command; `env` is left to the caller.

        Args:
            name: The container's.
            labels: Its labels.
            bounds: As from `bounds`.
        """
        memory, pids = bounds
        given = {
            "--name": name,
            "--pull": "never",  # whoever wants it fetched has done so
            "--log-driver": "none",  # an engine's log would keep all that goes through the stream
            "--network": self.network,
            "--user": self.user,
            "--workdir": SCRATCH,
            "--tmpfs": f"{SCRATCH}:rw,nosuid,nodev,size={self.scratch},mode=1777",
            "--cap-drop": "ALL",
            "--security-opt": "no-new-privileges",
            "--memory": memory,
            "--memory-swap": memory,  # as much as the memory: none besides
            "--cpus": self.cpus,
            "--pids-limit": pids,
            "--runtime": self.runtime or None,
            "--entrypoint": self.python,
        }
        found = ["--rm", "--interactive", *(["--read-only"] if self.read_only else [])]
        if self.seccomp != "engine":
            found += ["--security-opt", f"seccomp={PROFILE if self.seccomp == 'own' else self.seccomp}"]
        found += [part for flag, value in given.items() if value is not None for part in (flag, str(value))]
        for flag, pairs in (
            ("--label", labels),
            ("--ulimit", {"core": 0, "nofile": 1024, **processes(), **self.ulimits}),
        ):
            found += [part for key, value in pairs.items() for part in (flag, f"{key}={value}")]
        for access, paths in ((",readonly", self.reads), ("", self.writes)):
            for source, target in paths.items():
                found += ["--mount", f"type=bind,source={source},target={target}{access}"]
        return [*found, *self.options, self.image]


def least(*values: int | None) -> int | None:
    """The smallest of those that are numbers; None if none is."""
    return min((value for value in values if value is not None), default=None)


def processes() -> dict[str, int]:
    """The most processes of one user, where this machine says."""
    if sys.platform == "win32":
        return {}
    import resource

    most = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    return {"nproc": PROCESSES if most == resource.RLIM_INFINITY else min(PROCESSES, most)}
