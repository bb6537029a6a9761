"""Workers that are reached through a command, or through calls: both with a plain Python at the other end."""

import os
import shlex
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core_plus.errors import ExecutorError
from core_plus.executors import Answer, Done, Limits, Paused, Setup
from core_plus_worker import CommandProcess, Process, StreamProcess, WorkerSession, boot, worker_command
from core_plus_worker.source import FLAGS

HERE = worker_command([sys.executable])


class Far:
    """A Python that is reached by calls only, as a service's SDK would have it."""

    def __init__(self, command: list[str] = HERE) -> None:
        self.popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.process = StreamProcess(self.write, kill=self.popen.kill)
        self.threads = [
            threading.Thread(target=self.pass_on, args=(self.popen.stdout, self.process.feed, True)),
            threading.Thread(target=self.pass_on, args=(self.popen.stderr, self.print, False)),
        ]
        for thread in self.threads:
            thread.start()

    def write(self, data: bytes) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(data)
        self.popen.stdin.flush()

    def print(self, data: bytes) -> bool:
        return self.process.feed_print(2, data)

    def pass_on(self, file: Any, take: Callable[[bytes], bool], is_stream: bool) -> None:
        while data := os.read(file.fileno(), 1 << 16):
            take(data)
        if is_stream:
            self.process.ended(f"exit status {self.popen.wait()}")

    def over(self) -> None:
        self.process.close()
        for thread in self.threads:
            thread.join(5)
            assert not thread.is_alive()
        self.popen.wait(5)
        for file in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            assert file is not None
            file.close()


@pytest.fixture
def far() -> Iterator[Callable[[], Process]]:
    """Starts a worker that is reached by calls."""
    made: list[Far] = []

    def start() -> Process:
        made.append(Far())
        return made[-1].process

    yield start
    for one in made:
        one.over()


def by_command() -> Process:
    return CommandProcess(HERE)


def directly() -> Process:
    return CommandProcess([sys.executable, *FLAGS, "-c", boot(), "3", "3", "-1"], direct=True)


@pytest.fixture(params=["command", "calls", "a descriptor that the command passes on"])
def session(request: pytest.FixtureRequest, far: Callable[[], Process]) -> Iterator[WorkerSession]:
    start = {"command": by_command, "calls": far}.get(request.param, directly)
    session = WorkerSession(start(), Setup(functions=("f",), limits=Limits(seconds=2)), restart=start)
    yield session
    session.close()


def test_snippets_calls_and_output_go_through(session, finished):
    code = "import sys, subprocess\nprint('a')\nprint('b', file=sys.stderr)\nsubprocess.run(['echo', 'c'])\nx = f(1)\nx"
    done = finished(session, code, 5)
    assert (done.value, done.stdout[:2], done.error) == (5, "a\n", None)
    printed, deadline = done.stderr + done.stdout, time.monotonic() + 20
    # What programs print goes past the stream, so that it may come a little later than what the code does.
    while "c" not in printed and time.monotonic() < deadline:
        after = finished(session, "import time\ntime.sleep(0.05)\nx + 1")
        assert after.value == 6
        printed += after.stderr + after.stdout
    assert sorted(printed.split()) == ["a", "b", "c"]


def test_large_values_go_both_ways_at_once(session, finished):
    big = os.urandom(10 << 20)
    turn = session.start(f"import random\nback = f(random.Random(1).randbytes({10 << 20}))\nback")
    assert isinstance(turn, Paused)
    assert len(turn.requests[0].args[0]) == 10 << 20
    done = session.resume([Answer(1, big)])
    assert isinstance(done, Done)
    assert done.value == big


def test_calls_run_together(session):
    turn = session.start("import asyncio\nawait asyncio.gather(f(1), f(2))")
    seen = list(turn.requests)
    while len(seen) < 2:
        turn = session.resume([])
        seen += turn.requests
    assert [request.args for request in seen] == [(1,), (2,)]


def test_a_worker_that_ends_is_told_and_replaced(session, finished):
    done = finished(session, "import os\nprint('x', flush=True)\nos._exit(3)")
    assert done.error is not None
    assert "exit status 3" in done.error.message
    assert done.stdout == "x\n"
    assert finished(session, "1 + 1").value == 2


def test_code_that_runs_too_long_is_ended(session, finished):
    done = finished(session, "while True: pass")
    assert done.error is not None
    assert done.error.kind == "TimeLimit"
    assert finished(session, "1 + 1").value == 2


def test_an_interpreter_that_is_not_there_is_an_error_that_says_what_was_printed():
    with pytest.raises(ExecutorError, match=r"(?s)the worker didn't start.*exit status 127.*no-such-python"):
        WorkerSession(CommandProcess(["sh", "-c", "no-such-python"]), Setup(), restart=by_command)


def test_a_command_line_in_one_piece_works_too(finished):
    session = WorkerSession(CommandProcess(["sh", "-c", shlex.join(HERE)]), Setup(), restart=by_command)
    assert finished(session, "1 + 1").value == 2
    session.close()


def test_a_command_gets_the_environment_and_directory_that_it_is_given(tmp_path, finished):
    process = CommandProcess(HERE, env={"A": "1"}, cwd=tmp_path)
    session = WorkerSession(process, Setup(), restart=by_command)
    assert finished(session, "import os\nos.environ['A'], os.getcwd()").value == ("1", str(tmp_path))
    assert process.is_alive
    session.close()
    assert not process.is_alive


@pytest.mark.parametrize("kind", ["command", "calls"])
def test_what_ends_the_worker_is_called_once_and_without_waiting(kind):
    calls: list[int] = []
    go = threading.Event()

    def kill() -> None:
        go.wait(20)
        calls.append(1)

    process: Process = CommandProcess(HERE, kill=kill) if kind == "command" else StreamProcess(ignore, kill=kill)
    process.kill()
    process.kill()
    assert calls == []
    go.set()
    process.close()
    process.close()
    assert len(calls) == 1


def ignore(data: bytes) -> None:
    """Nobody is there."""


@pytest.mark.parametrize("kind", ["command", "calls"])
def test_a_worker_that_couldnt_be_ended_is_an_error_when_it_is_closed(kind):
    def kill() -> None:
        raise RuntimeError("the engine is gone")

    process: Process = CommandProcess(HERE, kill=kill) if kind == "command" else StreamProcess(ignore, kill=kill)
    with pytest.raises(ExecutorError, match="may still run: it couldn't be ended: RuntimeError: the engine is gone"):
        process.close()
    process.close()


def test_one_that_was_forgotten_is_ended_with_a_warning_if_it_cant_be():
    ended: list[int] = []
    process: Process = StreamProcess(ignore, kill=lambda: ended.append(1))
    del process
    assert ended == [1]
    process = StreamProcess(ignore, kill=lambda: 1 / 0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del process
    assert "couldn't be ended: ZeroDivisionError" in str(caught[0].message)


def test_a_stream_that_cant_be_written_is_the_end_of_the_worker():
    def write(data: bytes) -> None:
        raise RuntimeError("the service says no")

    with pytest.raises(ExecutorError, match="its stream can't be written: RuntimeError: the service says no"):
        WorkerSession(StreamProcess(write), Setup(), restart=by_command)


def test_after_the_end_nobody_wants_anything_and_nobody_waits():
    process = StreamProcess(ignore)
    assert process.feed(b"x")
    blocked: list[bool] = []
    thread = threading.Thread(target=lambda: blocked.append(process.feed(b"x" * (8 << 20))))
    thread.start()
    time.sleep(0.05)
    process.close()
    thread.join(5)
    assert blocked == [False]
    assert not process.feed(b"x")
    assert not process.feed_print(1, b"x")
    process.ended("too late")
    with pytest.raises(ValueError, match="no output 3"):
        process.feed_print(3, b"x")


def test_no_thread_and_no_descriptor_is_left(far):
    if sys.platform != "linux":
        pytest.skip("looks into /proc")
    before, threads = set(Path("/proc/self/fd").iterdir()), threading.active_count()
    for _ in range(3):
        one = StreamProcess(ignore, kill=lambda: None)
        one.feed(b"x")
        one.close()
        CommandProcess(HERE, kill=lambda: None).close()
        directly().close()
    assert set(Path("/proc/self/fd").iterdir()) == before
    assert threading.active_count() == threads
