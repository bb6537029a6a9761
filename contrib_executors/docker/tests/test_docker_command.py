"""The host's half, with a command that answers as Docker's does and runs what it is given on this machine."""

import gc
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core_plus.errors import ExecutorError
from core_plus.executors import Answer, Limits, Setup
from core_plus_docker import DockerExecutor
from core_plus_docker.executor import DOCKER
from core_plus_worker.containers import missing
from core_plus_worker.containers.engine import Calls
from core_plus_worker.containers.owners import LABEL, owner
from core_plus_worker.containers.process import started
from core_plus_worker.containers.settings import Box

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

STAND_IN = """#!{python}
import json, os, pathlib, sys, time
here, arguments = pathlib.Path(__file__).parent, sys.argv[1:]
with open(here / "calls", "a") as file:
    file.write(json.dumps(arguments) + "\\n")
if (here / "complaint").exists() and arguments[0] != "ps":
    sys.stderr.write((here / "complaint").read_text())
    sys.exit(125)
if arguments[0] == "run":
    if (here / "deaf").exists():
        os.execvp("sleep", ["sleep", "60"])
    os.execv(sys.executable, [sys.executable, *arguments[arguments.index("image:1") + 1 :]])
if arguments[0] in ("ps", "inspect"):
    sys.stdout.write((here / arguments[0]).read_text() if (here / arguments[0]).exists() else "")
if arguments[0] == "rm":
    print(*arguments[2:], sep="\\n")
"""


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """A folder with a command `docker` on the PATH, and nothing else there."""
    command = tmp_path / "docker"
    command.write_text(STAND_IN.format(python=sys.executable))
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return tmp_path


@pytest.fixture
def opened(engine):
    """Opens sessions, and closes them and their executors after the test."""
    made = []

    def open_(limits=Limits(seconds=20), functions=(), **settings):  # noqa: B008  # it is frozen
        executor = DockerExecutor(image="image:1", **settings)
        made.append(executor)
        made.append(executor.open(Setup(limits=limits, functions=functions)))
        return made[-1]

    yield open_
    for each in reversed(made):
        each.close()


def calls(engine: Path, name: str) -> list[list[str]]:
    lines = (engine / "calls").read_text().splitlines() if (engine / "calls").exists() else []
    return [arguments for arguments in map(json.loads, lines) if arguments[0] == name]


def exists(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def gone(*pids: int) -> bool:
    deadline = time.monotonic() + 10
    while any(map(exists, pids)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_code_calls_and_is_answered(opened, finished):
    session = opened(functions=("f",))
    assert finished(session, "print('x')\n1 + 1").value == 2
    turn = session.start("f(2) + 1")
    assert session.resume([Answer(turn.requests[0].id, 5)]).value == 6


def test_a_large_value_goes_through(opened):
    session = opened(functions=("f",))
    turn = session.start("x = f()\nlen(x), x[-1]")
    assert session.resume([Answer(turn.requests[0].id, bytes(5 << 20) + b"\7")]).value == ((5 << 20) + 1, 7)


def test_code_that_is_stopped_softly_keeps_its_variables(opened, finished):
    session = opened(Limits(seconds=0.3))
    finished(session, "kept = 1")
    for _ in range(3):
        error = finished(session, "while True: pass").error
        assert error.kind == "TimeLimit"
        if not error.lost:
            break
    assert finished(session, "kept").value == 1


def test_code_that_cant_be_stopped_softly_is_killed_with_all_that_it_started(opened, finished):
    session = opened(Limits(seconds=0.5))
    code = "import subprocess, os\np = subprocess.Popen(['sleep', '60'], start_new_session=True)\n[os.getpid(), p.pid]"
    pids = finished(session, code).value
    error = finished(session, "while True:\n    try: sum(range(10 ** 10))\n    except BaseException: pass").error
    assert (error.kind, error.lost != "") == ("TimeLimit", True)
    assert gone(*pids)
    assert finished(session, "1").value == 1


def test_the_end_of_the_worker_is_told(opened, finished):
    session = opened()
    assert "exit status 3" in finished(session, "import os\nos._exit(3)").error.message
    assert "SIGKILL" in finished(session, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)").error.message
    assert "the engine is gone" in finished(session, "import os\nos._exit(125)").error.message
    error = finished(session, "import os\nos._exit(86)").error  # what the first process says of a lack of memory
    assert (error.kind, error.lost != "") == ("MemoryLimit", True)


def test_a_host_that_is_killed_leaves_nothing(engine):
    code = "import os\nprint(os.getpid(), os.getppid())\nwhile True: sum(range(10 ** 9))"
    host = f"""
from core_plus.executors import Limits, Setup
from core_plus_docker import DockerExecutor
session = DockerExecutor(image="image:1").open(Setup(limits=Limits(seconds=None), stream=True))
turn = session.start({code!r})
while not turn.output: turn = session.resume([])
print(turn.output[0].text, flush=True)
session.resume([])
"""
    with subprocess.Popen([sys.executable, "-c", host], stdout=subprocess.PIPE, text=True) as popen:
        pids = [int(word) for word in popen.stdout.readline().split()]
        assert len(pids) == 2
        popen.send_signal(signal.SIGKILL)
    assert gone(*pids)


def test_code_that_kills_what_watches_over_it_ends_too(opened, finished):
    session = opened()
    pid = finished(session, "import os\nos.getpid()").value
    assert finished(session, "os.kill(os.getppid(), 9)\nwhile True: pass").error.kind == "Lost"
    assert gone(pid)


def test_closing_leaves_no_process_no_descriptor_and_no_container(engine, opened):
    before = len(list(Path("/proc/self/fd").iterdir()))
    session = opened()
    pids = session.start("import os\n[os.getpid(), os.getppid()]").value
    session.close()
    assert gone(*pids)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert calls(engine, "rm") == []  # it ended by itself, and --rm removed it


def test_a_container_that_doesnt_end_is_removed_by_the_engine(engine):
    (engine / "deaf").touch()
    one = Calls.to(DOCKER, host="", context="", options=())
    process = started(one, Box(image="image:1"), (None, None))
    deadline = time.monotonic() + 10
    while not calls(engine, "run") and time.monotonic() < deadline:
        time.sleep(0.01)
    process.close()
    (run,) = calls(engine, "run")
    assert calls(engine, "rm") == [["rm", "--force", run[run.index("--name") + 1]]]
    assert gone(process.pid)


def test_a_session_that_was_forgotten_is_ended(opened, engine):
    executor = DockerExecutor(image="image:1")
    session = executor.open(Setup())
    pid = session.start("import os\nos.getpid()").value
    del session
    gc.collect()
    assert gone(pid)


def test_a_variable_is_passed_by_name_and_the_hosts_own_are_not(engine, opened, finished, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://user:password@proxy")
    opened(env={"TOKEN": "secret-value", "HTTPS_PROXY": "mine"})
    (arguments,) = calls(engine, "run")
    assert "secret-value" not in json.dumps(arguments)
    assert "password" not in json.dumps(arguments)
    assert arguments[arguments.index("TOKEN") - 1] == "--env"
    assert "HTTPS_PROXY=mine" in arguments
    assert "HTTP_PROXY" in arguments  # empty, in place of what the command's own configuration says


def test_an_engine_elsewhere_is_named_to_the_command(engine, opened):
    with pytest.raises(ExecutorError):
        opened(host="ssh://one", context="two", command_options=["--tls"])  # the stand-in knows no such options
    *_, arguments = calls(engine, "--tls")
    assert arguments[:6] == ["--tls", "--host", "ssh://one", "--context", "two", "run"]


def test_spare_containers_are_used_replaced_and_ended(engine):
    with_spare = DockerExecutor(image="image:1", spare=1)
    first = with_spare.open(Setup())
    (waiting,) = with_spare._waiting
    second = with_spare.open(Setup())
    assert second._process is waiting
    with_spare.open(Setup(limits=Limits(processes=5))).close()  # none of those in waiting will do
    assert len(calls(engine, "run")) == 4
    with_spare._waiting[0].kill()
    assert gone(with_spare._waiting[0].pid)
    third = with_spare.open(Setup())
    assert third.start("3").value == 3
    for session in (first, second, third):
        session.close()
    (waiting,) = with_spare._waiting
    with_spare.close()
    with_spare.close()
    assert gone(waiting.pid)
    with pytest.raises(ExecutorError, match="closed"):
        with_spare.open(Setup())


def test_its_limits_stand_in_for_those_of_the_session(opened, finished):
    executor_limits = Limits(seconds=0.2)
    session = opened(Limits(seconds=60))
    del session
    session = DockerExecutor(image="image:1", limits=executor_limits).open(Setup())
    assert "0.2 s" in finished(session, "while True: pass").error.message
    session.close()


def test_what_owners_that_are_gone_have_left_is_removed_before_the_first_session(engine, opened):
    host, boot, pid, start = owner().split("/")
    (engine / "ps").write_text("one\ntwo\nthree\nfour\n")
    (engine / "inspect").write_text(
        f"one {owner()}\ntwo {host}/{boot}/{pid}/{int(start) + 1}\nthree {host}/old/1/1\nfour other/{boot}/1/1\n"
    )
    opened()
    assert calls(engine, "rm") == [["rm", "--force", "two", "three"]]
    (arguments,) = calls(engine, "run")
    assert f"{LABEL}={owner()}" in arguments


@pytest.mark.parametrize(
    ("complaint", "settings", "hint"),
    [
        ("Cannot connect to the Docker daemon at x. Is the docker daemon running?", {}, "start Docker"),
        ("permission denied while trying to connect to the Docker daemon socket", {}, "group docker"),
        ("docker: Error response from daemon: No such image: image:1", {}, "run 'docker pull image:1'"),
        ('exec: "python3": executable file not found in $PATH: unknown', {}, "take an image with Python 3.8"),
        ("Error: No such container: mine", {"container": "mine"}, "no container 'mine' is running"),
        ("Error response from daemon: unknown or invalid runtime name: runsc", {"runtime": "runsc"}, "runtime="),
        ("error setting rlimit type 7: operation not permitted", {}, "ulimits="),
        ("something else\nSee 'docker run --help'.", {}, "something else$"),
    ],
)
def test_a_complaint_comes_with_what_to_do(engine, complaint, settings, hint):
    (engine / "complaint").write_text(complaint)
    with pytest.raises(ExecutorError, match=f"(?s){hint}") as caught:
        DockerExecutor(image="image:1", **settings).open(Setup())
    assert str(caught.value).count("start Docker,") <= 1


def test_an_engine_that_isnt_there_is_named_with_the_way_out(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ExecutorError, match="the command 'docker' isn't there: install Docker Engine"):
        DockerExecutor().open(Setup())


def test_an_engine_that_doesnt_answer_is_missing(engine):
    assert missing(DOCKER) == ""
    (engine / "complaint").write_text("more\nIs the docker daemon running?")
    assert missing(DOCKER) == "Docker doesn't answer: Is the docker daemon running?"
