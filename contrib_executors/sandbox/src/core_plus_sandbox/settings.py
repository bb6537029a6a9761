"""What a person may set, checked when it is set."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import define, field

from core_plus.errors import ExecutorError

WALLS = ("namespaces", "landlock", "seccomp")
"""Walls that a machine may lack. The others (rlimits, no new privileges, no capabilities) every Linux has."""

NETWORK = ("core_plus_sandbox.inside.network",)
"""What sandboxes that may reach hosts need from the beginning."""

MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")

PRIVATE = ("/", "/proc", "/sys", "/dev", "/run")
"""What can't be granted: it holds other processes, devices and the host's sockets."""


@define(frozen=True, kw_only=True)
class Settings:
    """The settings of an executor.

    Args:
        preload: Modules to import in the parent.
        files: Paths that code may use, with "ro" or "rw".
        allow_missing: Walls that may be missing.
        leave_out: Walls that aren't raised.
        scratch: Bytes of a sandbox's own folder.
        hosts: Hosts that code may reach.
        packages: Extra packages.

    Raises:
        ExecutorError: One of them is wrong.
    """

    preload: tuple[str, ...] = field()
    files: Mapping[str | os.PathLike[str], str]
    allow_missing: tuple[str, ...]
    leave_out: tuple[str, ...]
    scratch: int = field()
    hosts: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        for name in ("allow_missing", "leave_out"):
            for wall in getattr(self, name):
                if wall not in WALLS:
                    raise ExecutorError(
                        f"{name}: {wall!r} is no wall that may be left out; these are: {', '.join(WALLS)}"
                    )
        for path, how in self.files.items():
            check_grant(path, how)

    @preload.validator
    def _check_preload(self, _: Any, value: tuple[str, ...]) -> None:
        for name in value:
            if not MODULE.fullmatch(name):
                raise ExecutorError(f"preload: {name!r} is no module's name")

    @scratch.validator
    def _check_scratch(self, _: Any, value: int) -> None:
        if value < 1 << 20:
            raise ExecutorError(f"scratch={value}: a sandbox needs at least 1 MB (1 << 20) for files")

    def config(self, missing: tuple[str, ...], packages: str) -> dict[str, Any]:
        """What the parent is told.

        Args:
            missing: Walls to do without.
            packages: Where the extra packages are; "" if there are none.
        """
        paths = {os.path.realpath(path): how for path, how in self.files.items()}
        return {
            "preload": [*(NETWORK if self.hosts else ()), *self.preload],
            "read": [path for path, how in paths.items() if how == "ro"],
            "write": [path for path, how in paths.items() if how == "rw"],
            "packages": packages,
            "certificates": bool(self.hosts),
            "missing": list(missing),
            "scratch": self.scratch,
        }


def check_grant(path: str | os.PathLike[str], how: str) -> None:
    """Check one file or folder that is granted.

    Args:
        path: Its path.
        how: "ro" or "rw".

    Raises:
        ExecutorError: It can't be granted.
    """
    if how not in ("ro", "rw"):
        raise ExecutorError(f"files: {os.fspath(path)!r} is granted {how!r}; write 'ro' to read or 'rw' to write")
    real = Path(path)
    if not real.is_absolute() or not real.exists():
        raise ExecutorError(f"files: {os.fspath(path)!r} must be the absolute path of a file or folder that exists")
    if any(str(real.resolve()) == one or (one != "/" and real.resolve().is_relative_to(one)) for one in PRIVATE):
        raise ExecutorError(f"files: {os.fspath(path)!r} can't be granted: {', '.join(PRIVATE)} are the host's own")
