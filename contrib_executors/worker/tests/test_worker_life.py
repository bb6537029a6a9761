"""Processes, descriptors and memory: what a session takes, it gives back."""

import ast
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from core_plus.executors import Answer, Done, Limits, Paused, Setup
from core_plus_worker import WorkerSession, boot, payload
from core_plus_worker.source import MODULES, text_of

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def alive(pid: int) -> bool:
    """Whether a process runs (one that has ended and waits to be asked why doesn't)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(*pids: int) -> bool:
    """Whether processes end within a few seconds."""
    deadline = time.monotonic() + 30
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not any(map(alive, pids))


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))  # noqa: PTH208  # names are enough


@linux
def test_nothing_is_left_of_a_closed_session(tmp_path, local, finished):
    before, threads = descriptors(), threading.active_count()
    for code in ("x = 1", "import os\nos._exit(1)", "1 / 0"):
        session = WorkerSession(local(tmp_path), Setup(), restart=lambda: local(tmp_path))
        pid = session._process.pid
        finished(session, code)
        session.close()
        session.close()
        assert gone(pid)
    assert descriptors() == before
    assert threading.active_count() == threads


@linux
def test_what_code_started_ends_with_the_session(opened, finished):
    session = opened()
    code = """
        import subprocess, os
        near = subprocess.Popen(["sleep", "60"])
        far = subprocess.Popen(["sleep", "60"], start_new_session=True)
        shell = ["sh", "-c", "sleep 60 & echo $!; wait"]
        deep = subprocess.Popen(shell, start_new_session=True, stdout=subprocess.PIPE)
        [near.pid, far.pid, deep.pid, int(deep.stdout.readline())]
    """
    pids = finished(session, textwrap.dedent(code)).value
    assert all(map(alive, pids))
    session.close()
    assert gone(*pids)


@linux
def test_what_code_started_ends_with_its_time(opened, finished):
    session = opened(limits=Limits(seconds=0.5))
    code = "import subprocess\np = subprocess.Popen(['sleep', '60'])\nprint(p.pid)\nsum(range(10 ** 11))"
    done = finished(session, code)
    assert done.error is not None
    assert done.error.lost
    assert gone(int(done.stdout))


HOST = """
    import os, sys
    from core_plus.executors import Answer, Setup
    from core_plus_worker import LocalProcess, WorkerSession
    process = LocalProcess([sys.executable], env=dict(os.environ), cwd=sys.argv[1])
    session = WorkerSession(process, Setup(functions=("f",)), restart=None)
    code = "import os, subprocess\\nf(os.getpid(), subprocess.Popen(['sleep', '60']).pid)\\n"
    turn = session.start(code + sys.argv[2])
    print(*turn.requests[0].args, flush=True)
    if sys.argv[2]:
        session.resume([Answer(1)])
    sys.stdin.read()
"""


@linux
@pytest.mark.parametrize("code", ["", "while True: pass", "sum(range(10 ** 12))"])
def test_a_worker_and_its_children_end_when_the_host_is_killed(tmp_path, code):
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    host = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOST), str(tmp_path), code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=env,
    )
    with host:
        assert host.stdout is not None
        pids = [int(word) for word in host.stdout.readline().split()]
        assert len(pids) == 2
        time.sleep(0.1)
        host.kill()
    assert gone(*pids)


@linux
def test_a_session_that_was_forgotten_is_ended(tmp_path, local, finished):
    before = descriptors()
    session = WorkerSession(local(tmp_path), Setup(), restart=lambda: local(tmp_path))
    pid = session._process.pid
    finished(session, "x = 1")
    del session
    assert gone(pid)
    assert descriptors() == before


@linux
def test_a_fork_of_the_host_ends_nothing(tmp_path, opened, finished):
    session = opened()
    finished(session, "x = 1")
    child = os.fork()
    if child == 0:
        try:
            session._process.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert finished(session, "x").value == 1


def test_ten_megabytes_go_both_ways_at_once(opened):
    big, text = os.urandom(10 << 20), "ü" * (5 << 20)
    session = opened(functions=("swap",), variables={"big": big})
    turn = session.start("back = swap(big, 'ü' * (5 << 20))\nback, len(big)")
    assert isinstance(turn, Paused)
    assert turn.requests[0].args == (big, text)
    done = session.resume([Answer(1, big[::-1])])
    assert isinstance(done, Done)
    assert done.value == (big[::-1], len(big))


def test_a_thread_may_send_much_while_much_comes(opened, finished):
    code = """
        from concurrent.futures import ThreadPoolExecutor
        big = b"x" * (4 << 20)
        with ThreadPoolExecutor(4) as pool:
            sizes = list(pool.map(lambda n: len(swap(big)), range(8)))
        sizes
    """
    session = opened(functions=("swap",))
    assert finished(session, textwrap.dedent(code), b"y" * (4 << 20)).value == [4 << 20] * 8


def test_children_that_code_forks_print_but_call_nobody(opened, finished):
    code = """
        import os
        pid = os.fork()
        if pid == 0:
            print("child")
            try:
                f()
            except ToolError as error:
                print(error)
        else:
            os.waitpid(pid, 0)
            print("parent", f())
    """
    done = finished(opened(functions=("f",)), textwrap.dedent(code), 5)
    refused = "f() can be called from the first process only, not from one that it started"
    assert done.stdout == f"child\n{refused}\nparent 5\n"
    assert done.error is None


def test_what_programs_print_is_output_in_its_place(opened, finished):
    code = "import subprocess, sys\nprint('a')\nsubprocess.run('echo b; echo c >&2', shell=True)\nprint('d')"
    done = finished(opened(), f"{code}\nprint('e', file=sys.stderr)")
    assert (done.stdout, done.stderr) == ("a\nb\nd\n", "c\ne\n")
    assert finished(opened(), "import subprocess\nsubprocess.run(['cat']).returncode").value == 0


def test_a_flood_from_a_program_is_cut_and_holds_nobody_up(opened, finished):
    session = opened(limits=Limits(output=1000, seconds=0.5))
    done = finished(session, "import subprocess\nsubprocess.run(['yes'])")
    assert done.error is not None
    assert done.error.kind == "TimeLimit"
    assert len(done.stdout) < 1100


def test_what_was_redirected_is_put_right_for_the_next_snippet(opened, finished):
    session = opened()
    finished(session, "import sys, io\nsys.stdout = io.StringIO()\nprint('lost')")
    assert finished(session, "print('seen')").stdout == "seen\n"


def test_a_background_thread_prints_into_the_next_snippet(opened, finished):
    session = opened()
    code = """
        import threading, time
        def late():
            time.sleep(0.1)
            print("late")
        threading.Thread(target=late).start()
    """
    assert finished(session, textwrap.dedent(code)).stdout == ""
    deadline = time.monotonic() + 20
    while not (printed := finished(session, "time.sleep(0.01)").stdout):
        assert time.monotonic() < deadline
    assert printed == "late\n"


def test_a_background_thread_can_call_in_the_next_snippet_only(opened, finished):
    session = opened(functions=("f", "has_called"))
    code = """
        import threading
        seen = []
        def work():
            try: f()
            except ToolError as error: seen.append(str(error))
            go.wait()
            seen.append(f())
        go = threading.Event()
        thread = threading.Thread(target=work)
        thread.start()
        has_called()
    """
    turn = session.start(textwrap.dedent(code))
    calls = []
    while isinstance(turn, Paused):
        calls += turn.requests
        ids = [call.id for call in calls if call.name == "has_called"] if len(calls) == 2 else []
        turn = session.resume([Answer(id) for id in ids])
    assert finished(session, "go.set()\nthread.join()\nseen", 7).value == [
        "the code ended before this call was answered",
        7,
    ]


def test_tasks_live_on_from_snippet_to_snippet(opened, finished):
    session = opened()
    code = "import asyncio\nasync def work():\n    await event.wait()\n    return 5\nevent = asyncio.Event()\n"
    finished(session, f"{code}task = asyncio.create_task(work())\nawait asyncio.sleep(0)")
    assert finished(session, "event.set()\nawait task").value == 5


def test_a_loop_that_says_nothing_about_its_waits_can_be_used_too(opened, finished):
    code = """
        import asyncio, selectors
        async def main(): return await asyncio.gather(f(), f())
        loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
        try: values = loop.run_until_complete(main())
        finally: loop.close()
        values
    """
    assert finished(opened(functions=("f",)), textwrap.dedent(code), 3).value == [3, 3]


def test_output_may_be_watched_while_nothing_else_happens(opened):
    session = opened(stream=True)
    turn = session.start("import time\nprint('now')\ntime.sleep(60)")
    assert isinstance(turn, Paused)
    assert [output.text for output in turn.output] == ["now\n"]
    assert turn.running
    session.interrupt()
    while isinstance(turn, Paused):
        turn = session.resume([])
    assert turn.stdout == "now\n"


def test_hashes_are_the_same_in_every_worker(opened, finished):
    code = "list({'a', 'b', 'c', 'd', 'e'}), hash('x')"
    assert finished(opened(), code).value == finished(opened(), code).value


def test_files_beside_the_code_can_be_imported_but_stand_in_for_nothing(opened, tmp_path, finished):
    (tmp_path / "mine.py").write_text("n = 1")
    (tmp_path / "json.py").write_text("raise SystemError")
    assert finished(opened(), "import mine, json\nmine.n, json.dumps(1)").value == (1, "1")


def test_a_limit_that_cant_be_set_is_an_error_when_the_session_is_opened(opened):
    from core_plus.errors import ExecutorError

    with pytest.raises(ExecutorError, match="less than the interpreter itself needs"):
        opened(limits=Limits(memory=1000))


@pytest.mark.parametrize("module", ["boot", *MODULES])
def test_the_worker_is_python_3_8(module):
    ast.parse(text_of(module), feature_version=(3, 8))


def test_the_worker_needs_nothing_but_its_payload():
    found = {name.name for name in Path(sys.modules["core_plus_worker.inside"].__path__[0]).glob("*.py")}
    assert found == {f"{name}.py" for name in ("__init__", "boot", *MODULES)}
    assert len(payload(compiled=False)) < 150_000
    assert "core_plus_worker" in boot()


def test_an_interpreter_that_is_given_the_text_does_the_same(opened, finished):
    session = opened("/usr/bin/env", sys.executable, functions=("f",))
    assert finished(session, "import asyncio\nawait asyncio.gather(f(), f())", (1, {2})).value == [(1, {2})] * 2
