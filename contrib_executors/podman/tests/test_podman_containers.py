"""Real containers: what their walls hold, how they end, and what faults leave behind."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from core_plus.errors import ExecutorError
from core_plus.executors import Limits, Setup

ENGINE = "podman"

pytestmark = pytest.mark.slow


def engine(*arguments: str) -> str:
    done = subprocess.run([ENGINE, *arguments], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def containers(session) -> list[str]:
    """Whether the container of a session is still known to the engine: its id, or nothing."""
    return engine("ps", "--all", "--quiet", "--filter", f"name={session._process.name}").split()


def soon(condition, seconds=10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def opened(make):
    """Opens sessions that are closed after the test."""
    sessions = []

    def open_(limits=Limits(seconds=20), **settings):  # noqa: B008  # it is frozen
        sessions.append(make(**settings).open(Setup(limits=limits)))
        return sessions[-1]

    yield open_
    for session in sessions:
        session.close()


# -- walls


def test_code_has_no_rights_no_network_and_no_place_to_write_but_scratch(opened, finished):
    code = """
import os, socket
seen = {"uid": os.getuid(), "net": os.listdir("/sys/class/net"), "cwd": os.getcwd()}
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
seen |= {name: int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "NoNewPrivs")}
def refused(do):
    try: do()
    except OSError: return True
places = ["/x", "/etc/x", "/usr/x", "/var/tmp/x", "/root/x"]
seen["written"] = [place for place in places if not refused(lambda: open(place, "w"))]
seen["reached"] = not refused(lambda: socket.create_connection(("192.0.2.1", 80), 1))
seen["scratch"] = open("/tmp/x", "w").write("x")
seen
"""
    assert finished(opened(), code).value == {
        "uid": 65534,
        "net": ["lo"],
        "cwd": "/tmp",
        "CapEff": 0,
        "CapPrm": 0,
        "CapBnd": 0,
        "NoNewPrivs": 1,
        "written": [],
        "reached": False,
        "scratch": 1,
    }


def test_too_much_memory_ends_the_code_and_is_told_as_such(opened, finished):
    session = opened(memory="128m")
    error = finished(session, "x = []\nwhile True: x.append(b'1' * (1 << 20))").error
    assert (error.kind, error.lost != "") == ("MemoryLimit", True)
    assert finished(session, "1").value == 1


def test_files_are_granted_one_by_one(opened, finished, tmp_path):
    (tmp_path / "in").write_text("given")
    (tmp_path / "out").mkdir(mode=0o777)
    (tmp_path / "out").chmod(0o777)
    session = opened(reads={tmp_path / "in": "/in"}, writes={tmp_path / "out": "/out"})
    assert finished(session, "open('/out/made', 'w').write('x')\nopen('/in').read()").value == "given"
    assert (tmp_path / "out" / "made").read_text() == "x"
    assert "Read-only" in finished(session, "open('/in', 'w')").error.message


def test_variables_reach_the_code_and_nothing_else_of_the_host_does(opened, finished, monkeypatch):
    monkeypatch.setenv("HOST_KEY", "of-the-host")
    monkeypatch.setenv("HTTP_PROXY", "of-the-host")
    monkeypatch.setenv("https_proxy", "of-the-host")
    env = finished(opened(env={"MODE": "x"}), "import os\ndict(os.environ)").value
    assert env["MODE"] == "x"
    assert "of-the-host" not in env.values()


# -- images


def test_what_cant_start_says_why(make, image):
    for settings, text in [
        ({"image": "no-such-image:1"}, "pull no-such-image:1"),
        ({"python": "python9"}, "there is no 'python9' in it"),
        ({"container": "no-such-container"}, "no container 'no-such-container' is running"),
        ({"reads": ["/no/such/place"]}, "/no/such/place"),
    ]:
        with pytest.raises(ExecutorError, match=text):
            make(**settings).open(Setup())


def test_code_runs_in_a_container_that_is_there_already(opened, finished, image):
    name = f"core-plus-test-{os.getpid()}"
    limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
    engine("run", "--detach", "--rm", "--name", name, "--network", "none", *limits, image, "sleep", "100")
    try:
        session = opened(container=name, limits=Limits(seconds=0.5))
        code = "import subprocess\nsubprocess.Popen(['sleep', '99'], start_new_session=True)\nsum(range(10 ** 11))"
        assert finished(session, code).error.kind == "TimeLimit"
        assert finished(session, "1").value == 1
        session.close()
        seen = "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"
        assert soon(lambda: "sleep 99" not in engine("exec", name, "sh", "-c", seen))
        assert "sleep 100" in engine("exec", name, "sh", "-c", seen)
    finally:
        engine("rm", "--force", name)


# -- faults


def test_closing_removes_the_container(opened):
    session = opened()
    assert containers(session)
    session.close()
    assert not containers(session)


def test_a_container_that_somebody_kills_is_told_and_replaced(opened, finished):
    session = opened()
    threading.Timer(0.3, engine, ["kill", session._process.name]).start()
    error = finished(session, "while True: pass").error
    assert (error.kind, "killed" in error.message) == ("Lost", True)
    assert finished(session, "1").value == 1


def test_a_command_that_is_killed_takes_its_container_along(opened, finished):
    session = opened()
    threading.Timer(0.3, os.kill, [session._process.pid, signal.SIGKILL]).start()
    assert finished(session, "sum(range(10 ** 12))").error.kind == "Lost"
    assert soon(lambda: not containers(session))


@pytest.mark.parametrize("code", ["while True: pass", "sum(range(10 ** 12))", "import time; time.sleep(99)"])
def test_a_host_that_is_killed_leaves_no_container(code, image):
    host = f"""
import core_plus_{ENGINE}
from core_plus.executors import Limits, Setup
session = core_plus_{ENGINE}.{ENGINE.title()}Executor(image={image!r}).open(Setup(limits=Limits(seconds=None)))
print(session._process.name, flush=True)
session.start({code!r})
"""
    with subprocess.Popen([sys.executable, "-c", host], stdout=subprocess.PIPE, text=True) as popen:
        name = popen.stdout.readline().strip()
        time.sleep(0.3)
        assert engine("ps", "--quiet", "--filter", f"name={name}")
        popen.send_signal(signal.SIGKILL)
    assert soon(lambda: not engine("ps", "--all", "--quiet", "--filter", f"name={name}"))


def test_what_an_owner_that_is_gone_has_left_is_removed(opened, image):
    import socket

    name = f"core-plus-test-left-{os.getpid()}"
    label = f"core-plus.owner={socket.gethostname()}/another boot/1/1"
    limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
    engine("run", "--detach", "--name", name, "--network", "none", "--label", label, *limits, image, "sleep", "100")
    opened()
    assert not engine("ps", "--all", "--quiet", "--filter", f"name={name}")


@pytest.fixture
def service(tmp_path, image):
    """The address of an engine that is reached as one elsewhere is."""
    address = f"unix://{tmp_path}/socket"
    with subprocess.Popen([ENGINE, "system", "service", "--time=0", address], stderr=subprocess.DEVNULL) as popen:
        assert soon((tmp_path / "socket").exists)
        yield address
        popen.terminate()


def test_an_engine_elsewhere_is_used_in_the_same_way(opened, finished, service):
    session = opened(host=service, limits=Limits(seconds=0.5))
    assert finished(session, "1 + 1").value == 2
    assert finished(session, "sum(range(10 ** 11))").error.kind == "TimeLimit"
    assert finished(session, "2").value == 2
    session.close()
