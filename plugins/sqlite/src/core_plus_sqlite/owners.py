"""Who a process is, and whether it still lives: so that what a dead one held can be taken over at once."""

from __future__ import annotations

import functools
import os
import platform
import secrets
from pathlib import Path

import attrs


@attrs.frozen
class Owner:
    """A process that has claimed a run.

    Args:
        machine: Its machine, since it was started, and its process namespace: where process numbers mean the same.
        pid: Its number.
        born: When it was started, as the system counts it; "" where that isn't told.
        token: Its own word, for one number may be given twice.
        host: The machine's name, for people.
    """

    machine: str
    pid: int
    born: str
    token: str
    host: str

    def text(self) -> str:
        """As it is kept."""
        return "\n".join([self.machine, str(self.pid), self.born, self.token, self.host])

    @classmethod
    def of(cls, text: str) -> Owner:
        """The owner that a text says.

        Args:
            text: What `text` gave.
        """
        machine, pid, born, token, host = text.split("\n")
        return cls(machine, int(pid), born, token, host)

    def is_alive(self) -> bool | None:
        """Whether it lives; None where this process can't tell, because it lives somewhere else."""
        if self.machine != _machine():
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return self.born == _born(self.pid) and not _is_dead(self.pid)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def this_process() -> Owner:
    """This process, with a word that no other one has."""
    return Owner(_machine(), os.getpid(), _born(os.getpid()), secrets.token_hex(8), platform.node())


@functools.cache
def _machine() -> str:
    """proc(5): boot_id is made anew at each start; the number of ns/pid names the process namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return platform.node()


def _facts(pid: int) -> list[str]:
    """proc_pid_stat(5): what stands after the command's name, from the state on."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _born(pid: int) -> str:
    facts = _facts(pid)
    return facts[19] if len(facts) > 19 else ""


def _is_dead(pid: int) -> bool:
    """A zombie has a number, but does nothing any more."""
    return _facts(pid)[:1] in (["Z"], ["X"])
