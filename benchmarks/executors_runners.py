"""Where the code of `executors.py` is run: in this very process, in an executor, in smolagents' interpreter."""

from __future__ import annotations

import asyncio
import inspect
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from core_plus import Host, Limits
from core_plus.executors import Answer, Done, Executor, Paused, Session, Setup

TEXT = "x" * (10 << 20)
PATIENT = Limits(seconds=300.0, output=None)
FUNCTIONS: dict[str, Callable[..., Any]] = {"same": lambda item: item, "give": lambda: TEXT}
"""What all code may call: a tool that does nothing, and one that gives ten megabytes of text."""


class NotThere(Exception):
    """A runner can't do what is to be measured; the text says why, in a few words."""


class Runner(Protocol):
    """Runs code and tells how long that took."""

    name: str

    def time(self, code: str, times: int = 1) -> list[float]:
        """The seconds that a snippet takes, in a session that stays.

        Args:
            code: Python source.
            times: How often.
        """

    def fresh(self, times: int) -> list[float]:
        """The seconds that a fresh session takes with its first snippet, `1 + 1`.

        Args:
            times: How often.
        """

    def close(self) -> None:
        """End what was begun."""


class Native:
    """`exec` in this process: the floor."""

    name = "exec"

    def __init__(self) -> None:
        self._names: dict[str, Any] = dict(FUNCTIONS)

    def time(self, code: str, times: int = 1) -> list[float]:
        """The seconds of compiling and running."""
        return [timed(lambda: exec(code, self._names)) for _ in range(times)]

    def fresh(self, times: int) -> list[float]:
        """The seconds with empty globals."""
        return [timed(lambda: exec("1 + 1", dict(FUNCTIONS))) for _ in range(times)]

    def close(self) -> None:
        """There is nothing to end."""


ECHO = """
import socket, sys
with socket.socket(fileno=int(sys.argv[1])) as sock:
    while data := sock.recv(1000):
        sock.send(data)
"""


class Echo:
    """Another process that sends back what it hears: what a call between two processes costs at the least."""

    def __init__(self) -> None:
        self._sock, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-c", ECHO, str(theirs.fileno())]
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        self.times(1)

    def times(self, count: int) -> list[float]:
        """The seconds of messages of fifty bytes there and back, one after another."""
        sock, message = self._sock, b"x" * 50

        def there_and_back() -> None:
            sock.send(message)
            sock.recv(1000)

        return [timed(there_and_back) for _ in range(count)]

    def close(self) -> None:
        """End the other process."""
        self._sock.close()
        self._process.wait(30)


def timed(work: Callable[[], object]) -> float:
    """The seconds of a piece of work."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class InExecutor:
    """An executor of ours, found by name.

    Args:
        name: What people write.
        host: Who knows it.
        settings: Its own settings.
    """

    def __init__(self, name: str, host: Host, **settings: Any) -> None:
        self.name, self._host, self._loop = name, host, asyncio.Runner()
        self._executor: Executor = host.make("executor", name, **settings)
        self._session: Session | None = None

    def open(self, limits: Limits = PATIENT) -> Session:
        """A fresh session."""
        setup = Setup(functions=tuple(FUNCTIONS), limits=limits)
        session: Session = self._settled(self._executor.open(setup))
        return session

    def run(self, session: Session, code: str) -> Done:
        """Run a snippet to its end, however that is."""
        turn = self._settled(session.start(code))
        while isinstance(turn, Paused):
            answers = [Answer(one.id, FUNCTIONS[one.name](*one.args)) for one in turn.requests]
            turn = self._settled(session.resume(answers))
        assert isinstance(turn, Done)
        return turn

    def well(self, session: Session, code: str) -> None:
        """Run a snippet that must end well."""
        if (error := self.run(session, code).error) is not None:
            raise NotThere(f"{error.kind}: {error.message}"[:60])

    def end(self, session: Session) -> None:
        """Close a session."""
        self._settled(session.close())

    def time(self, code: str, times: int = 1) -> list[float]:
        """The seconds from `start` to `Done`, calls answered."""
        session = self._session = self._session or self.open()
        return [timed(lambda: self.well(session, code)) for _ in range(times)]

    def fresh(self, times: int, code: str = "1 + 1") -> list[float]:
        """The seconds from `open` to the first `Done`; the first of all, which starts what is shared, isn't counted."""
        took = []
        for _ in range(times + 1):
            began = time.perf_counter()
            self.well(session := self.open(), code)
            took.append(time.perf_counter() - began)
            self.end(session)
        return took[1:]

    def close(self) -> None:
        """End the session and the executor."""
        if self._session is not None:
            self.end(self._session)
        self._host.close_one(self._executor)
        self._loop.close()

    def _settled(self, value: Any) -> Any:
        if not inspect.isawaitable(value):
            return value

        async def settled() -> Any:
            return await value

        return self._loop.run(settled())


class Smolagents:
    """smolagents' LocalPythonExecutor, in a Python that has it.

    Args:
        python: That Python.
    """

    name = "smolagents"

    def __init__(self, python: str) -> None:
        script = Path(__file__).with_name("executors_smolagents.py")
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([python, script], stdin=pipe, stdout=pipe, text=True)

    def time(self, code: str, times: int = 1) -> list[float]:
        """The seconds of a call of the executor, taken over there."""
        return self._asked({"code": code, "times": times})

    def fresh(self, times: int) -> list[float]:
        """The seconds of making an executor and of its first call."""
        return self._asked({"code": None, "times": times})

    def close(self) -> None:
        """End its process."""
        self._process.communicate(timeout=30)

    def _asked(self, order: dict[str, Any]) -> list[float]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise NotThere("it ended")
        found = json.loads(line)
        if isinstance(found, str):
            raise NotThere(found)
        return [float(one) for one in found]
