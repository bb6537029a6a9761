"""Kernels that are started here, and kernels that run already: what is particular to a kernel."""

import base64
import os
import signal
import subprocess
import sys
import threading
import time
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import core_plus_jupyter
from core_plus.errors import ExecutorError
from core_plus.executors import Answer, Done, Executor, Limits, Paused, Setup
from core_plus.messages import Image
from core_plus_jupyter import JupyterExecutor

DOT = base64.b64encode(
    base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
).decode()
SHOW = f"from IPython.display import Image, display\nimport base64\ndot = Image(base64.b64decode('{DOT}'))\n"


def run(session, code, **functions):
    turn = session.start(code)
    while isinstance(turn, Paused):
        turn = session.resume([Answer(call.id, functions[call.name](*call.args)) for call in turn.requests])
    return turn


def value(session, code, **functions):
    done = run(session, code, **functions)
    assert done.error is None, done.error
    return done.value


@pytest.fixture
def opened(lending):
    """Opens sessions on kernels of the pool."""
    sessions = []

    def open_(**setup):
        sessions.append(lending.open(Setup(**setup)))
        return sessions[-1]

    yield open_
    for session in sessions:
        session.close()


@pytest.fixture
def lent(pool):
    """A kernel that runs already, as somebody else's."""
    kernel = pool.take()
    yield kernel
    if kernel.popen.poll() is None:
        pool.free.append(kernel)


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_it_says_that_it_is_no_sandbox():
    executor: Executor = JupyterExecutor()
    assert (executor.name, executor.is_sandbox, executor.imports) == ("jupyter", False, None)
    assert "NO sandbox" in (JupyterExecutor.__doc__ or "")


# -- what code displays


def test_what_code_displays_comes_back_as_pictures(opened):
    done = run(opened(), f"{SHOW}display(dot)\nprint('x')")
    assert done.stdout == "x\n"
    assert done.value == Image(data=base64.b64decode(DOT))


def test_a_value_stands_before_what_was_displayed(opened):
    assert value(opened(), f"{SHOW}display(dot)\n7") == [7, Image(data=base64.b64decode(DOT))]


def test_an_object_that_knows_how_to_look_is_a_picture(opened):
    assert value(opened(), f"{SHOW}dot") == Image(data=base64.b64decode(DOT))


def test_a_final_answer_stays_what_it_is(opened):
    done = run(opened(), f"{SHOW}display(dot)\nfinal_answer(1)")
    assert (done.value, done.is_final) == (1, True)


def test_magics_and_shell_commands_work(opened):
    session = opened()
    assert run(session, "!echo hey").stdout.strip() == "hey"
    assert value(session, "x = 3\n%who_ls int") == ["x"]
    done = run(session, "%%no_such_magic\n1")
    assert done.value is None


def test_what_programs_and_c_code_print_is_seen(opened):
    session = opened()
    printed = run(session, "import subprocess, time\nsubprocess.run(['echo', 'out'])\ntime.sleep(0.1)").stdout
    deadline = time.monotonic() + 20
    while not printed and time.monotonic() < deadline:
        printed = run(session, "time.sleep(0.1)").stdout
    assert printed == "out\n"


# -- values larger than a message of a server


def test_large_values_cross_both_ways(opened):
    session = opened(functions=("f",), variables={"given": "g" * 3_000_000})
    assert value(session, "back = f(given)\nback[:1] + str(len(back))", f=lambda text: "ü" * len(text)) == "ü3000000"


# -- the life of a kernel


@pytest.mark.slow
def test_a_kernel_of_its_own_ends_with_its_session_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("SOME_API_KEY", "secret")
    threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # names are enough
    executor = JupyterExecutor(env={"MODE": "test"})
    session = executor.open(Setup())
    pid, env, listed = value(session, "import os\n(os.getpid(), dict(os.environ), os.listdir())")
    assert listed == []
    assert "secret" not in str(env)
    assert env["MODE"] == "test"
    child = value(session, "import subprocess\nsubprocess.Popen(['sleep', '600'], start_new_session=True).pid")
    session.close()
    executor.close()
    assert not is_alive(pid)
    assert not is_alive(child)
    assert list(tmp_path.iterdir()) == []
    assert (threading.active_count(), len(os.listdir("/proc/self/fd"))) == (threads, descriptors)  # noqa: PTH208  # as above


@pytest.mark.slow
def test_a_kernel_ends_when_the_host_is_killed(tmp_path):
    code = (
        "import time\nfrom core_plus_jupyter import JupyterExecutor\nfrom core_plus.executors import Setup\n"
        "session = JupyterExecutor().open(Setup())\n"
        "print(session.start('import os\\nos.getpid()').value, flush=True)\ntime.sleep(600)"
    )
    host = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    with host:
        assert host.stdout is not None
        pid = int(host.stdout.readline())
        host.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while is_alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.slow
def test_a_kernel_that_waits_is_used_and_replaced_and_ended():
    executor = JupyterExecutor(spare=1)
    first = executor.open(Setup())
    (waiting,) = executor._waiting
    waiting.first.wait()
    second = executor.open(Setup())
    assert value(second, "1") == 1
    assert waiting not in executor._waiting
    first.close()
    second.close()
    (waiting,) = executor._waiting
    executor.close()
    assert not waiting.first.is_alive
    with pytest.raises(ExecutorError, match="closed"):
        executor.open(Setup())


@pytest.mark.slow
def test_a_session_that_nobody_closes_ends_with_its_last_reference():
    executor = JupyterExecutor()
    session = executor.open(Setup())
    pid = value(session, "import os\nos.getpid()")
    del session
    deadline = time.monotonic() + 20
    while is_alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    executor.close()


# -- a kernel that runs already


def test_a_kernel_that_runs_already_shares_its_variables_and_lives_on(lent):
    executor = JupyterExecutor(connection_file=lent.file)
    first = executor.open(Setup(functions=("f",)))
    assert value(first, "shared = f()", f=lambda: 5) is None
    first.close()
    second = executor.open(Setup())
    assert value(second, "shared") == 5
    error = run(second, "f()").error
    assert error is not None
    assert error.kind == "NameError"
    second.close()
    executor.close()
    assert lent.popen.poll() is None


def test_closing_stops_code_that_runs_in_such_a_kernel(lent):
    executor = JupyterExecutor(connection_file=lent.file)
    session = executor.open(Setup(functions=("f",)))
    assert isinstance(session.start("f()"), Paused)
    session.close()
    another = executor.open(Setup())
    assert value(another, "1 + 1") == 2
    another.close()


def test_interrupts_reach_such_a_kernel(lent):
    session = JupyterExecutor(connection_file=lent.file, limits=Limits(seconds=0.3)).open(Setup())
    done = session.start("import time\ntime.sleep(60)")
    assert isinstance(done, Done)
    assert done.error is not None
    assert done.error.kind == "TimeLimit"
    session.close()


# -- what can't be


@pytest.mark.parametrize(
    ("settings", "limits", "text"),
    [
        ({"kernel": "no-such"}, Limits(), "no Jupyter kernel 'no-such'; there are: .*python3"),
        ({"cwd": "/no/directory"}, Limits(), "can't be started in /no/directory"),
        ({"connection_file": "/no/file"}, Limits(), "connection file /no/file can't be read"),
        ({}, Limits(memory=1 << 30), "can't hold limits.memory=1073741824: leave it None, or use an"),
        ({}, Limits(cpu_seconds=1), "can't hold limits.cpu_seconds"),
        ({}, Limits(processes=5), "can't hold limits.processes"),
    ],
)
def test_what_cant_start_says_why_and_leaves_nothing(settings, limits, text, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(ExecutorError, match=f"(?s){text}"):
        JupyterExecutor(**settings).open(Setup(limits=limits))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"connection_file": "a", "url": "http://b"}, "not both"),
        ({"kernel_id": "a"}, "give url= too"),
        ({"url": "http://a", "env": {"A": "b"}}, "set them where the kernel is started"),
        ({"connection_file": "a", "spare": 1}, "runs already"),
        ({"url": "ftp://a"}, "must be the http:// or https:// address"),
        ({"url": "http://me:secret@a"}, "must carry no user and password"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, text):
    with pytest.raises(ExecutorError, match=text) as caught:
        JupyterExecutor(**settings)
    assert "secret" not in str(caught.value)


def test_a_kernel_that_doesnt_answer_is_given_up(tmp_path):
    from jupyter_client.connect import write_connection_file

    file = tmp_path / "kernel.json"
    write_connection_file(str(file))
    with pytest.raises(ExecutorError, match=r"didn't answer within 0\.5 s: it is busy, or gone"):
        JupyterExecutor(connection_file=file, start_seconds=0.5).open(Setup())


# -- the plugin


def test_the_plugin_declares_the_executor_and_makes_it():
    declared = {}

    def register(name, factory, *, summary, config=None):
        declared[name] = (factory, summary)

    core_plus_jupyter.register_executors(register)
    factory, summary = declared["jupyter"]
    assert isinstance(factory(spare=0), JupyterExecutor)
    assert "no sandbox" in summary
    with pytest.raises(AttributeError, match="no attribute 'Other'"):
        _ = core_plus_jupyter.Other


def test_the_entry_point_names_kind_and_name():
    found = [point for point in entry_points(group="core_plus") if point.name == "executor.jupyter"]
    assert [point.value for point in found] == ["core_plus_jupyter"]
