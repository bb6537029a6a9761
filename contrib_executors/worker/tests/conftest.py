"""Workers for the tests: real ones, and one whose words are written beforehand."""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core_plus.executors import Answer, Done, Limits, Paused, Setup
from core_plus_worker import LocalProcess, WorkerSession
from core_plus_worker.inside.frames import pieces


class Scripted:
    """A `Process` that says what a test has written, and notes what is done to it.

    Args:
        *said: Messages, each a head or (head, blobs); bytes that are no message with `raw=`.
    """

    HELLO = b'["hello",1,[3,11,7],5,[]]'
    READY = b'["ready"]'

    def __init__(self, *said: bytes | tuple[bytes, list[bytes]], raw: bytes = b"", ends: bool = False) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._theirs.setblocking(False)
        self.outputs: dict[int, int] = {}
        self.reader = self.writer = self._ours.fileno()
        self._ours.setblocking(False)
        self.nudges = self.kills = self.closed = 0
        for message in said:
            self.say(message)
        if raw:
            self._theirs.sendall(raw)
        if ends:
            self._theirs.shutdown(socket.SHUT_WR)

    def say(self, message: bytes | tuple[bytes, list[bytes]]) -> None:
        head, blobs = message if isinstance(message, tuple) else (message, [])
        for piece in pieces(head, blobs):
            self._theirs.sendall(piece)

    def heard(self) -> bytes:
        return self._theirs.recv(1 << 20)

    def nudge(self) -> None:
        self.nudges += 1

    def kill(self) -> None:
        self.kills += 1

    def ending(self) -> str:
        return "killed by SIGKILL"

    def close(self) -> None:
        if not self.closed:
            self._ours.close()
            self._theirs.close()
        self.closed += 1


def start_local(cwd: Path, *python: str) -> LocalProcess:
    env = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0", "LANG": "C.UTF-8"}
    return LocalProcess(python or [sys.executable], env=env, cwd=cwd)


def run_to_end(session: WorkerSession, code: str, value: object = None) -> Done:
    """Run code to its end; every call gives the same value."""
    turn = session.start(code)
    while isinstance(turn, Paused):
        turn = session.resume([Answer(request.id, value) for request in turn.requests])
    return turn


@pytest.fixture
def scripted() -> type[Scripted]:
    """A process that says what it is given."""
    return Scripted


@pytest.fixture
def local() -> Callable[..., LocalProcess]:
    """Starts a real worker in a directory."""
    return start_local


@pytest.fixture
def finished() -> Callable[..., Done]:
    """Runs code to its end; every call gives the same value."""
    return run_to_end


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., WorkerSession]]:
    """Opens sessions on real workers."""
    sessions: list[WorkerSession] = []

    def open_(*python: str, **setup: object) -> WorkerSession:
        setup.setdefault("limits", Limits())
        given = Setup(**setup)  # type: ignore[arg-type]
        session = WorkerSession(start_local(tmp_path, *python), given, restart=lambda: start_local(tmp_path, *python))
        sessions.append(session)
        return session

    yield open_
    for session in sessions:
        session.close()
