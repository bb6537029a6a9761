"""What breaks, and what is left of it."""

from __future__ import annotations

import gc
import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from core_plus.errors import ExecutorError
from core_plus.executors import Answer, Done, Limits, Paused, Setup


def soon(true, seconds=10.0):
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


def test_closing_leaves_nothing(executor_of, form, value, left):
    before = left()
    executor = executor_of(form)
    sessions = [executor.open(Setup()) for _ in range(5)]
    for session in sessions:
        value(session, "open('x', 'w').write('x')")
    for session in sessions[:3]:
        session.close()
    executor.close()
    for session in sessions[3:]:
        session.close()
    assert left() == before


def test_a_worker_that_is_killed_is_told_and_replaced(session, run, value):
    pid = session._process._pidfd
    signal.pidfd_send_signal(pid, signal.SIGKILL)
    soon(lambda: not session._process.is_alive)
    assert value(session, "1 + 1") == 2
    error = run(session, "import os\nos.kill(os.getpid(), 9)\nimport time\ntime.sleep(9)").error
    assert error is not None
    assert "SIGKILL" in error.message
    assert value(session, "2 + 2") == 4


def test_the_parent_killed_ends_its_sandboxes_and_the_next_one_is_found(executor_of, form, value, run):
    executor = executor_of(form)
    session = executor.open(Setup())
    pid = executor._zygote._end.peek()[2][0].pid
    os.kill(pid, signal.SIGKILL)
    soon(lambda: not session._process.is_alive)
    done = run(session, "1 + 1")
    assert done.value == 2
    assert "lost" in done.stderr
    other = executor.open(Setup())
    assert value(other, "3") == 3
    other.close()
    session.close()


def test_the_parent_killed_in_the_middle_of_code_is_said(executor_of, form):
    executor = executor_of(form)
    session = executor.open(Setup(functions=("f",)))
    turn = session.start("f()\nimport time\ntime.sleep(30)")
    assert isinstance(turn, Paused)
    os.kill(executor._zygote._end.peek()[2][0].pid, signal.SIGKILL)
    turn = session.resume([Answer(1)])
    while isinstance(turn, Paused):
        turn = session.resume([])
    assert turn.error is not None
    assert turn.error.kind == "Lost"
    session.close()


def test_the_stream_cut_is_said(session, run, value):
    error = run(session, "import os\nos.close(3)\nimport time\ntime.sleep(5)").error
    assert error is not None
    assert error.kind == "Lost"
    assert value(session, "1") == 1


@pytest.mark.parametrize("count", [30, pytest.param(1000, marks=pytest.mark.slow)])
def test_sessions_that_are_abandoned_leave_nothing(executor_of, form, left, count):
    executor = executor_of(form, spare=False)
    executor.start()
    before = left()
    for _ in range(count):
        executor.open(Setup())
    gc.collect()
    soon(lambda: left() == before)
    if executor._zygote.base:
        assert {path.name for path in Path(executor._zygote.base).iterdir()} <= {"0"}


def test_an_executor_that_is_abandoned_leaves_nothing(executor_of, form, left):
    from core_plus_sandbox import SandboxExecutor

    executor_of(form)
    before = left()
    executor = SandboxExecutor(allow_missing=["namespaces"], leave_out=[] if form == "namespaces" else ["namespaces"])
    executor.open(Setup())
    del executor
    gc.collect()
    assert left() == before


HOST = """
    import os, sys, time
    from core_plus.executors import Setup
    from core_plus_sandbox import SandboxExecutor
    executor = SandboxExecutor(leave_out={leave_out!r})
    session = executor.open(Setup(functions=("f",)))
    session.start("open('x', 'w').close()\\nf()\\nwhile True: pass")
    print(executor._zygote._end.peek()[2][0].pid, executor._zygote.base, flush=True)
    time.sleep(60)
"""


def test_the_host_killed_leaves_nothing(form, left, children):
    before = left()
    code = textwrap.dedent(HOST.format(leave_out=[] if form == "namespaces" else ["namespaces"]))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        pid, _, base = host.stdout.readline().strip().partition(" ")
        family = [int(pid), *children(int(pid))]
        assert len(family) > 1
        host.kill()
    soon(lambda: not any(os.path.exists(f"/proc/{one}") for one in family))  # noqa: PTH110
    soon(lambda: not base or not os.path.exists(base))  # noqa: PTH110
    soon(lambda: left() == before)


def test_a_fork_of_the_host_does_no_harm_and_can_make_its_own(executor_of, form, value):
    executor = executor_of(form)
    session = executor.open(Setup())
    value(session, "x = 41")
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            own = executor.open(Setup())
            done = own.start("6 * 7")
            own.close()
            executor.close()
            del session
            gc.collect()
            os.write(writer, str(done.value).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as said:
        assert said.read() == "42"
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert value(session, "x + 1") == 42
    session.close()


def test_a_host_with_5000_open_files_can_open_sandboxes(executor_of, form, value):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 6000:
        pytest.skip(f"at most {hard} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 6000), hard))
    files = [os.open("/dev/null", os.O_RDONLY) for _ in range(5000)]
    try:
        session = executor_of(form).open(Setup(functions=("f",)))
        assert isinstance(session.start("f()"), Paused)
        done = session.resume([Answer(1, 5)])
        assert isinstance(done, Done)
        assert done.value == 5
        session.close()
    finally:
        for fd in files:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_host_without_descriptors_says_so(executor_of, left):
    executor = executor_of(spare=False)
    executor.start()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = left()
    for room in range(8):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, before[0])) + room, hard))
        try:
            executor.open(Setup()).close()
        except (ExecutorError, OSError) as error:
            assert "descriptor" in str(error) or "open files" in str(error)  # noqa: PT017
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    soon(lambda: left() == before)


def test_many_threads_open_sandboxes_at_once(executor_of, form, value):
    from concurrent.futures import ThreadPoolExecutor

    executor = executor_of(form)

    def work(number):
        session = executor.open(Setup(variables={"n": number}))
        try:
            return value(session, "n * 2")
        finally:
            session.close()

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(work, range(40))) == [2 * number for number in range(40)]


def test_a_sandbox_waits_ready_made_and_isnt_missed_when_it_is_killed(executor_of, form, value, children):
    executor = executor_of(form)
    executor.open(Setup(variables={"x": 1})).close()
    pid = executor._zygote._end.peek()[2][0].pid

    def waiting(*, beside=None):
        return [one for one in children(pid) if not children(one) and one != beside]

    soon(lambda: len(waiting()) == 1)
    (spare,) = waiting()
    session = executor.open(Setup())
    assert spare in children(pid)
    with pytest.raises(AssertionError, match="NameError"):
        value(session, "x")
    soon(lambda: len(waiting(beside=spare)) == 1)
    (other,) = waiting(beside=spare)
    os.kill(other, signal.SIGKILL)
    soon(lambda: other not in children(pid))
    assert value(executor.open(Setup()), "7") == 7
    assert value(executor.open(Setup(limits=Limits(memory=50 << 20))), "8") == 8


def test_a_disk_that_is_full_is_said(executor_of, run, value):
    session = executor_of("namespaces", scratch=1 << 20).open(Setup())
    error = run(session, "open('x', 'wb').write(b'x' * (2 << 20))").error
    assert error is not None
    assert "No space left on device" in error.message or "too large" in error.message
    assert value(session, "1 + 1") == 2
    session.close()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small disk")
def test_no_room_for_its_folder_is_said(executor_of, tmp_path, monkeypatch):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "nr_inodes=3", "small", str(tmp_path)], check=True)
    try:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        executors = [executor_of("no namespaces") for _ in range(5)]
        with pytest.raises((ExecutorError, OSError), match="No space left"):
            [executor.open(Setup()) for executor in executors]
    finally:
        monkeypatch.undo()
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_memory_is_said_to_be_the_limit(form, executor_of, run, value):
    session = executor_of(form).open(Setup(limits=Limits(memory=100 << 20, seconds=20.0)))
    assert value(session, "len(bytearray(60 << 20))") == 60 << 20
    error = run(session, "bytearray(120 << 20)").error
    assert error is not None
    assert error.kind == "MemoryLimit"
    assert f"{100 << 20:,}" in error.message


def test_memory_is_limited_though_nobody_asked(form, executor_of, run):
    error = run(executor_of(form).open(Setup()), "x = bytearray(2 << 30)").error
    assert error is not None
    assert error.kind == "MemoryLimit"


@pytest.mark.slow
def test_two_hundred_live_at_once(executor_of, value):
    executor = executor_of("namespaces")
    sessions = []
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 1500:
        if hard != resource.RLIM_INFINITY and hard < 1500:
            pytest.skip(f"at most {hard} files may be open here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (1500, hard))
    try:
        sessions += [executor.open(Setup(variables={"n": number})) for number in range(200)]
        assert [value(session, "n") for session in sessions] == list(range(200))
    finally:
        for session in sessions:
            session.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_control_socket_isnt_in_the_sandbox(session, value):
    code = """
import os, socket
found = []
for fd in range(3, 64):
    try:
        s = socket.socket(fileno=os.dup(fd))
    except OSError:
        continue
    found.append(s.type.name)
    s.close()
found
"""
    assert value(session, code) == ["SOCK_STREAM"]
