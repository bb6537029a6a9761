"""Who owns a container, and what is left of owners that are gone."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
from pathlib import Path

from core_plus_worker.containers.engine import Calls

LABEL = "core-plus.owner"
"""The label that says who owns a container: host, boot, process id and when that process started."""

BOOT = Path("/proc/sys/kernel/random/boot_id")


@functools.cache
def machine() -> str:
    """This machine since it was started, as far as it can be told: its name and the boot's own id (Linux)."""
    boot = ""
    with contextlib.suppress(OSError):  # it isn't Linux
        boot = BOOT.read_text("ascii").strip()
    return f"{socket.gethostname()}/{boot}"


def started(pid: int) -> str | None:
    """When a process of this machine was started, in ticks since the boot; "" if that isn't told; None: it is gone.

    Args:
        pid: The process.
    """
    with contextlib.suppress(OSError):  # field 22 of proc_pid_stat(5), counted behind the name in brackets
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(") ")[2].split()[19]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return ""
    return ""


def owner() -> str:
    """What this process labels its containers with."""
    pid = os.getpid()
    return f"{machine()}/{pid}/{started(pid)}"


def is_gone(label: str) -> bool:
    """Whether the owner of a container is known to be gone.

    Args:
        label: What the container is labelled with. An owner on another machine is none of our business.
    """
    try:
        host, boot, pid, start = label.split("/")
        here, now = machine().split("/")
        if host != here:
            return False
        return boot != now or started(int(pid)) != start
    except ValueError:  # it isn't one of ours
        return False


def sweep(calls: Calls) -> list[str]:
    """Remove the containers whose owners are gone: a host that was killed, or an engine that was.

    Args:
        calls: The engine.

    Returns:
        The ids of those that were removed.

    Raises:
        ExecutorError: The engine doesn't answer.
    """
    found = calls.run("ps", "--all", "--quiet", "--filter", f"label={LABEL}").split()
    if not found:
        return []
    asked = '{{.Id}} {{index .Config.Labels "' + LABEL + '"}}'
    said = calls.tried("inspect", "--format", asked, *found)  # some may have ended meanwhile: the others are told
    pairs = [line.split(" ", 1) for line in said.stdout.decode("utf-8", "replace").splitlines() if " " in line]
    left = [identity for identity, label in pairs if is_gone(label.strip())]
    if left:
        calls.tried("rm", "--force", *left)  # another host may be about the same work
    return left
