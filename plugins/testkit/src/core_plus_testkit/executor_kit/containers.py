"""What an executor keeps that runs the worker in the containers of an engine, as tests to inherit.

The engine is a command such as `docker` or `podman`; each test makes real containers.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest

from core_plus.errors import ExecutorError
from core_plus.executors import Answer, Done, Executor, Limits, Paused, Session, Setup

ROOM: Final = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
"""What engines need that may not raise limits themselves."""

PATIENCE: Final = 30.0
"""Seconds in which an engine must have done anything, on any machine."""

ANYTHING: Final = Limits(seconds=20)

Make = Callable[..., Executor]
Open = Callable[..., Any]


def soon(condition: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """Wait until something is so.

    Args:
        condition: What.
        seconds: How long at most.

    Returns:
        Whether it is.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def finished(session: Session, code: str) -> Done:
    """Run a snippet that calls nothing to its end.

    Args:
        session: Where.
        code: What.
    """
    turn: Any = session.start(code)
    while isinstance(turn, Paused):
        turn = session.resume([])
    assert isinstance(turn, Done)
    return turn


def struck(session: Session, code: str, blow: Callable[[], object]) -> Done:
    """Run a snippet to its end, and have something happen to it in its course.

    Args:
        session: Where; its code may call `running`.
        code: What.
        blow: What happens.
    """
    turn: Any = session.start(f"running()\n{code}")
    timer = threading.Timer(0.3, blow)
    timer.start()
    while isinstance(turn, Paused):
        turn = session.resume([Answer(request.id) for request in turn.requests])
    timer.join()
    assert isinstance(turn, Done)
    return turn


def image_of(command: str, none: str) -> str:
    """The name of an image with Python: CORE_PLUS_TEST_IMAGE, or a local one whose name says so; else a skip.

    Args:
        command: The engine's.
        none: What to do where there is none.
    """
    names = _said(command, "images", "--format", "{{.Repository}}:{{.Tag}}").split()
    known = [name for name in names if "core-plus-test" in name or "python" in name.rpartition("/")[2]]
    found = os.environ.get("CORE_PLUS_TEST_IMAGE") or next(iter(sorted(known)), "")
    if not found:
        pytest.skip(f"{command} has no image with Python; {none}")
    return found


def _said(command: str, *arguments: str) -> str:
    """What the engine says, or a skip with what it complains of."""
    if shutil.which(command) is None:
        pytest.skip(f"the command {command!r} isn't there")
    try:
        done = subprocess.run([command, *arguments], capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{command} {arguments[0]} doesn't answer")
    if done.returncode != 0:
        pytest.skip(f"{command} doesn't run here: {done.stderr.strip()[-200:]}")
    return done.stdout


WALLS: Final = """
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

BEHIND: Final = {
    "uid": 65534, "net": ["lo"], "cwd": "/tmp", "CapEff": 0, "CapPrm": 0, "CapBnd": 0, "NoNewPrivs": 1, "written": [],
    "reached": False, "scratch": 1,
}  # fmt: skip

HOST: Final = """
import threading, time, {module}
from core_plus.executors import Answer, Limits, Setup
session = {module}.{name}(image={image!r}).open(Setup(limits=Limits(seconds=None), functions=("running",)))
session.start("running()\\n" + {code!r})
threading.Thread(target=session.resume, args=([Answer(1)],)).start()
time.sleep(0.3)
print(session.process.name, flush=True)
"""


class ContainerKit:
    """Inherit it in a test class marked slow, name the engine's command, and give the fixture `make`.

    `make` makes executors by their settings and closes them; the fixture `image` is an image with Python that the
    engine has (`image_of`), and `make` uses it.
    """

    command: ClassVar[str]
    executor_class: ClassVar[type]

    def engine(self, *arguments: str) -> str:
        """What the engine's command says."""
        done = subprocess.run([self.command, *arguments], capture_output=True, text=True, timeout=60, check=True)
        return done.stdout.strip()

    def known(self, name: str) -> list[str]:
        """Whether a container is still known to the engine: its id, or nothing."""
        return self.engine("ps", "--all", "--quiet", "--filter", f"name={name}").split()

    @pytest.fixture
    def opened(self, make: Make) -> Iterator[Open]:
        """Opens sessions that are closed after the test."""
        sessions: list[Any] = []

        def open_(limits: Limits = ANYTHING, **settings: Any) -> Any:
            sessions.append(make(**settings).open(Setup(limits=limits, functions=("running",))))
            return sessions[-1]

        yield open_
        for session in sessions:
            session.close()

    # -- walls

    def test_code_has_no_rights_no_network_and_no_place_to_write_but_scratch(self, opened: Open) -> None:
        assert finished(opened(), WALLS).value == BEHIND

    def test_too_much_memory_ends_the_code_and_is_told_as_such(self, opened: Open) -> None:
        session = opened(memory="128m")
        error = finished(session, "x = []\nwhile True: x.append(b'1' * (1 << 20))").error
        assert error is not None
        assert (error.kind, error.lost != "") == ("MemoryLimit", True)
        assert finished(session, "1").value == 1

    def test_too_many_processes_are_an_error_in_the_code(self, opened: Open) -> None:
        code = "import subprocess\nps = [subprocess.Popen(['sleep', '9']) for _ in range(40)]"
        error = finished(opened(pids=20), code).error
        assert error is not None
        assert error.kind in ("BlockingIOError", "OSError")

    def test_scratch_has_an_end(self, opened: Open) -> None:
        error = finished(opened(scratch="2m"), "with open('/tmp/x', 'wb') as f: f.write(bytes(3 << 20))").error
        assert error is not None
        assert "No space left" in error.message

    def test_files_are_granted_one_by_one(self, opened: Open, tmp_path: Path) -> None:
        (tmp_path / "in").write_text("given")
        (tmp_path / "out").mkdir()
        (tmp_path / "out").chmod(0o777)
        session = opened(reads={tmp_path / "in": "/in"}, writes={tmp_path / "out": "/out"})
        assert finished(session, "open('/out/made', 'w').write('x')\nopen('/in').read()").value == "given"
        assert (tmp_path / "out" / "made").read_text() == "x"
        error = finished(session, "open('/in', 'w')").error
        assert error is not None
        assert "Read-only" in error.message

    def test_variables_reach_the_code_and_nothing_else_of_the_host_does(
        self, opened: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("HOST_KEY", "HTTP_PROXY", "https_proxy"):
            monkeypatch.setenv(name, "of-the-host")
        env: Any = finished(opened(env={"MODE": "x"}), "import os\ndict(os.environ)").value
        assert env["MODE"] == "x"
        assert "of-the-host" not in env.values()

    # -- images

    @pytest.mark.parametrize(
        ("settings", "text"),
        [
            ({"image": "no-such-image:1"}, "pull no-such-image:1"),
            ({"python": "python9"}, "there is no 'python9' in it"),
            ({"container": "no-such-container"}, "no container 'no-such-container' is running"),
            ({"reads": ["/no/such/place"]}, "/no/such/place"),
        ],
        ids=["image", "python", "container", "file"],
    )
    def test_what_cant_start_says_why(self, make: Make, settings: dict[str, Any], text: str) -> None:
        with pytest.raises(ExecutorError, match=text):
            make(**settings).open(Setup())

    def test_an_image_is_built_once_from_a_recipe(self, opened: Open, image: str) -> None:
        recipe = f"FROM {image}\nRUN cat /proc/sys/kernel/random/uuid > /made\n"
        first = finished(opened(build=recipe), "open('/made').read()").value
        assert first
        assert finished(opened(build=recipe), "open('/made').read()").value == first

    def test_code_runs_in_a_container_that_is_there_already(self, opened: Open, image: str) -> None:
        name = f"core-plus-test-{os.getpid()}"
        self.engine("run", "--detach", "--rm", "--name", name, "--network", "none", *ROOM, image, "sleep", "100")
        try:
            session = opened(container=name, limits=Limits(seconds=0.5))
            code = "import subprocess\nsubprocess.Popen(['sleep', '99'], start_new_session=True)\nsum(range(10 ** 11))"
            error = finished(session, code).error
            assert error is not None
            assert error.kind == "TimeLimit"
            assert finished(session, "1").value == 1
            session.close()
            seen = "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"
            assert soon(lambda: "sleep 99" not in self.engine("exec", name, "sh", "-c", seen))
            assert "sleep 100" in self.engine("exec", name, "sh", "-c", seen)
        finally:
            self.engine("rm", "--force", name)

    # -- faults

    def test_closing_removes_the_container(self, opened: Open) -> None:
        session = opened()
        name = session.process.name
        assert self.known(name)
        session.close()
        assert not self.known(name)

    def test_code_that_is_killed_leaves_no_container(self, opened: Open) -> None:
        session = opened(limits=Limits(seconds=0.3))
        name = session.process.name
        error = finished(session, "while True:\n    try: sum(range(10 ** 10))\n    except BaseException: pass").error
        assert error is not None
        assert error.lost
        assert soon(lambda: not self.known(name))

    def test_a_container_that_somebody_kills_is_told_and_replaced(self, opened: Open) -> None:
        session = opened()
        name = session.process.name
        error = struck(session, "while True: pass", lambda: self.engine("kill", name)).error
        assert error is not None
        assert (error.kind, "killed" in error.message) == ("Lost", True)
        assert finished(session, "1").value == 1

    def test_a_command_that_is_killed_takes_its_container_along(self, opened: Open) -> None:
        """At once where the stream goes through it, else with the end of the code: then it wasn't needed."""
        session = opened(limits=Limits(seconds=5))
        name, pid = session.process.name, session.process.pid
        error = struck(session, "sum(range(10 ** 12))", lambda: os.kill(pid, signal.SIGKILL)).error
        assert error is not None
        assert error.lost
        assert soon(lambda: not self.known(name))

    @pytest.mark.parametrize("code", ["while True: pass", "sum(range(10 ** 12))", "import time; time.sleep(99)"])
    def test_a_host_that_is_killed_leaves_no_container(self, code: str, image: str) -> None:
        names = {"module": self.executor_class.__module__.partition(".")[0], "name": self.executor_class.__name__}
        host = HOST.format(**names, image=image, code=code)
        with subprocess.Popen([sys.executable, "-c", host], stdout=subprocess.PIPE, text=True) as popen:
            assert popen.stdout is not None
            name = popen.stdout.readline().strip()
            assert self.known(name)
            popen.send_signal(signal.SIGKILL)
        assert soon(lambda: not self.known(name))

    def test_what_an_owner_that_is_gone_has_left_is_removed(self, opened: Open, image: str) -> None:
        import socket

        name = f"core-plus-test-left-{os.getpid()}"
        label = f"core-plus.owner={socket.gethostname()}/another boot/1/1"
        given = ["--name", name, "--network", "none", "--label", label, *ROOM]
        self.engine("run", "--detach", *given, image, "sleep", "100")
        opened()
        assert not self.known(name)
