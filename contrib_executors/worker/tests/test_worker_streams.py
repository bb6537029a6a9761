"""A worker whose standard input and output are the stream, as in a container."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core_plus.executors import Answer, Limits, Output, Paused, Setup
from core_plus_worker import WorkerSession, boot, payload


class Piped:
    """A `Process` that is reached through its standard input and output; only its standard error is beside them."""

    def __init__(self, cwd: Path) -> None:
        command = [sys.executable, "-c", boot(), "0", "1", "-1"]
        pipe = subprocess.PIPE
        self._popen = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=cwd, start_new_session=True)
        files = self._popen.stdin, self._popen.stdout, self._popen.stderr
        self.writer, self.reader, errors = [file.fileno() for file in files if file is not None]
        self.outputs = {2: errors}
        os.write(self.writer, payload(compiled=False)[:1000])
        os.write(self.writer, payload(compiled=False)[1000:])
        for fd in (self.reader, self.writer, errors):
            os.set_blocking(fd, False)

    def nudge(self) -> None:
        self._popen.send_signal(2)

    def kill(self) -> None:
        self._popen.kill()

    def ending(self) -> str:
        return f"exit status {self._popen.wait(1)}"

    def close(self) -> None:
        self._popen.kill()
        with self._popen:
            pass


@pytest.fixture
def piped(tmp_path):
    sessions = []

    def open_(**setup):
        session = WorkerSession(Piped(tmp_path), Setup(**setup), restart=lambda: Piped(tmp_path))
        sessions.append(session)
        return session

    yield open_
    for session in sessions:
        session.close()


def test_code_runs_and_calls(piped, finished):
    session = piped(functions=("f",), variables={"n": 2})
    assert finished(session, "f(n) + 1", 41).value == 42
    assert finished(session, "import asyncio\nawait asyncio.gather(f(1), f(2))", 5).value == [5, 5]


def test_printed_text_comes_as_messages_and_in_order(piped):
    session = piped(functions=("f",), stream=True)
    turn = session.start("print('a')\nprint('b', end='')\nf()\nprint('c')")
    shown = list(turn.output)
    while isinstance(turn, Paused):
        turn = session.resume([Answer(request.id) for request in turn.requests])
        shown += turn.output
    assert "".join(output.text for output in shown) == turn.stdout == "a\nbc\n"
    assert {type(output) for output in shown} == {Output}


def test_what_programs_print_doesnt_reach_the_stream(piped, finished):
    done = finished(piped(), "import subprocess\nsubprocess.run('echo out; echo err >&2; cat', shell=True).returncode")
    assert (done.value, done.stdout, done.stderr) == (0, "", "out\nerr\n")


def test_much_goes_both_ways_through_pipes(piped, finished):
    big = os.urandom(3 << 20)
    assert finished(piped(functions=("f",)), f"f(bytes({3 << 20})) * 2", big).value == big * 2


def test_time_is_limited_and_a_lost_worker_replaced(piped, finished):
    session = piped(limits=Limits(seconds=0.3))
    assert finished(session, "x = 1\nwhile True: pass").error.lost == ""
    assert finished(session, "x").value == 1
    assert finished(session, "sum(range(10 ** 11))").error.lost
    assert finished(session, "1").value == 1
