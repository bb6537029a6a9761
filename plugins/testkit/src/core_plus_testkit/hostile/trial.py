"""Runs attempts against an executor, each in a host process of its own, and says what got through."""

from __future__ import annotations

import json
import os
import pickle
import secrets
import select
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Final

from attrs import asdict, frozen

from core_plus.errors import ExecutorError
from core_plus.executors import Executor
from core_plus_testkit.hostile.corpus import Attempt

PATIENCE: Final = 400.0
"""Seconds in which the process that watches must have answered: more than all its own waits together."""

Factory = Callable[[], Executor]


@frozen(kw_only=True)
class Verdict:
    """What became of an attempt.

    Args:
        attempt: Which.
        through: What got through, by check, with what was seen of it; empty if nothing did.
        ended: How the code ended, in words.
        seconds: From its start to its end; -1 if the host never had its answer.
        peak: Bytes of memory that it took beside what an idle session takes.
        without: Limits that the executor can't hold, and that it was therefore run without.
    """

    attempt: Attempt
    through: Mapping[str, str]
    ended: str = ""
    seconds: float = -1.0
    peak: int = 0
    without: tuple[str, ...] = ()

    @property
    def held(self) -> bool:
        """Whether nothing got through."""
        return not self.through

    def __str__(self) -> str:
        if self.held:
            return f"{self.attempt.id}: held ({self.ended})"
        return f"{self.attempt.id}: THROUGH: " + "; ".join(f"{kind} ({what})" for kind, what in self.through.items())


def named(name: str, **settings: Any) -> Executor:
    """The executor that a plugin offers under a name.

    Args:
        name: Such as "subprocess".
        **settings: Handed to its factory.
    """
    from core_plus.host import Host

    made: Executor = Host().make("executor", name, **settings)
    return made


class Trial:
    """Runs attempts one by one; a context manager. Linux only: it reads /proc and takes orphans in.

    Args:
        factory: Makes an executor. It is called in another process, so it must be a thing that pickle can name: a
            class, a function of a module, or a `functools.partial` of these.
        seconds: The time limit of each snippet.
        memory: The memory limit, in bytes.
        user: The id of an ordinary user whose process the host shall be, where this process is root's.
    """

    def __init__(
        self, factory: Factory, *, seconds: float = 3.0, memory: int = 384 << 20, user: int | None = None
    ) -> None:
        if sys.platform != "linux":
            raise ExecutorError(f"hostile code is tried on Linux only, and this is {sys.platform}")
        try:
            pickled = pickle.dumps(factory)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ExecutorError(
                f"the factory {factory!r} can't be named in another process: {error}; "
                "give a class, a function of a module, or a functools.partial of these"
            ) from error
        if user is not None and os.geteuid() != 0:
            raise ExecutorError(f"only root can run hosts as the user {user}: leave user= out")
        self._tokens = {name: f"canary-{secrets.token_hex(12)}" for name in HOLDERS} | last_account()
        self._settings = {
            "path": [str(Path(place).absolute()) for place in sys.path],
            "factory": b64encode(pickled).decode("ascii"),
            "tokens": self._tokens,
            "seconds": seconds,
            "memory": memory,
            "user": user,
        }
        self._nursery: subprocess.Popen[bytes] | None = None

    def run(self, attempt: Attempt) -> Verdict:
        """Try one attempt.

        Args:
            attempt: What to try.

        Raises:
            ExecutorError: The executor opens no session at all.
        """
        nursery = self._nursery if self._nursery and self._nursery.poll() is None else self._started()
        self._nursery = nursery
        assert nursery.stdout
        try:
            write(nursery, asdict(attempt))
            ready = select.select([nursery.stdout], [], [], PATIENCE)[0]
            line = nursery.stdout.readline() if ready else b""
        except BrokenPipeError:
            line = b""
        if not line:
            self._end()
            return Verdict(attempt=attempt, through={"host_dead": "the host died, and what watched it"})
        found = json.loads(line)
        if "why" in found:
            raise ExecutorError(found["why"])
        if "opened" in str(found["through"].get("hang")) or (found.get("without") is None and "how" in found):
            raise ExecutorError(f"the executor opens no session: {found.get('how') or found['through']['hang']}")
        return Verdict(
            attempt=attempt,
            through=found["through"],
            ended=found.get("ended", ""),
            seconds=found["seconds"],
            peak=found["peak"],
            without=tuple(found.get("without", ())),
        )

    def _started(self) -> subprocess.Popen[bytes]:
        env = {**os.environ, "CANARY_ENV": self._tokens["the environment"]}
        command = [sys.executable, "-P", "-m", "core_plus_testkit.hostile.nursery"]
        nursery = subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        write(nursery, self._settings)
        return nursery

    def _end(self) -> None:
        if self._nursery is not None:
            nursery, self._nursery = self._nursery, None
            for stream in (nursery.stdin, nursery.stdout):
                close(stream)
            try:
                nursery.wait(10)
            except subprocess.TimeoutExpired:
                nursery.kill()
                nursery.wait()

    def close(self) -> None:
        """End the process that watches. A second call does nothing."""
        self._end()

    def __enter__(self) -> Trial:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


HOLDERS: Final = ("a file", "the environment", "a tool's globals", "a tool's closure", "a tool's defaults")


def last_account() -> dict[str, str]:
    """The last line of /etc/passwd: what is on every machine and no sandbox's business."""
    lines = Path("/etc/passwd").read_text("utf-8", "replace").split("\n")
    found = [line for line in lines if line.count(":") == 6]
    return {"/etc/passwd": found[-1]} if found else {}


def write(nursery: subprocess.Popen[bytes], order: Mapping[str, Any]) -> None:
    """Send an order."""
    assert nursery.stdin
    nursery.stdin.write(json.dumps(order).encode() + b"\n")
    nursery.stdin.flush()


def close(stream: IO[bytes] | None) -> None:
    """Close a stream whose other end may be gone."""
    try:
        if stream:
            stream.close()
    except BrokenPipeError:
        return
