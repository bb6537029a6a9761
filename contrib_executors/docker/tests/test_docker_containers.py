"""Real containers: what their walls hold, how they end, and what faults leave behind."""

import functools
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from core_plus.errors import ExecutorError
from core_plus.executors import Setup
from core_plus_docker import DockerExecutor
from core_plus_testkit.executor_kit.containers import ContainerKit, finished, soon, struck
from core_plus_testkit.hostile import HostileKit, named

pytestmark = pytest.mark.slow


class TestDockerContainers(ContainerKit):
    command = "docker"
    executor_class = DockerExecutor

    def test_a_stream_that_is_cut_ends_the_container(self, opened):
        session = opened()
        name = session.process.name
        session.process._cut()
        assert soon(lambda: not self.known(name))
        assert "the interpreter was lost before this code ran" in finished(session, "1").stderr


class TestHostile(HostileKit):
    deviations = {
        "kernel:the kernel's own log": "/sys/kernel/debug can be opened: a folder in which nothing is mounted"
    }

    @pytest.fixture
    def executor_factory(self, image):
        return functools.partial(named, "docker", image=image)


# -- an engine that dies


@pytest.fixture
def daemon(tmp_path, image, monkeypatch):
    """A Docker daemon of our own that may be killed, with the image in it."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("a daemon of one's own needs root and the command dockerd")
    archive = tmp_path / "image.tar"
    subprocess.run(["docker", "save", "--output", str(archive), image], check=True, timeout=60)
    place = Path(f"/var/tmp/core-plus-daemon-{os.getpid()}")  # on the disk: overlays don't stack in a tmpfs
    place.mkdir()
    host = f"unix://{place}/socket"
    options = ["--iptables=false", "--ip6tables=false", "--bridge=none", f"--pidfile={place}/pid"]
    command = ["dockerd", *options, "-H", host, "--data-root", f"{place}/data", "--exec-root", f"{place}/exec"]
    with (place / "log").open("wb") as log:
        popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        up = soon(
            lambda: subprocess.run(["docker", "-H", host, "version"], capture_output=True, check=False).returncode == 0,
            30,
        )
        if not up:
            popen.kill()
            pytest.skip("a second daemon doesn't start here")
        monkeypatch.setenv("DOCKER_HOST", host)
        subprocess.run(["docker", "load", "--quiet", "--input", str(archive)], check=True, timeout=60)
        yield popen
        end_daemon(popen, place)


def end_daemon(popen, place):
    """Kill a daemon, its containerd and what runs under it, and remove its folder."""
    pids = [int(file.parent.name) for file in Path("/proc").glob("[0-9]*/cmdline") if str(place) in read(file)]
    shims = [pid for pid in pids if pid != os.getpid()]
    for pid in shims:
        for child in read(Path(f"/proc/{pid}/task/{pid}/children")).split():
            os.kill(int(child), signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
    popen.wait()
    soon(lambda: not any(Path(f"/proc/{pid}").exists() for pid in shims))
    mounts = [line.split()[1] for line in read(Path("/proc/mounts")).splitlines() if str(place) in line]
    for mount in reversed(mounts):
        subprocess.run(["umount", "-l", mount], check=False)
    shutil.rmtree(place, ignore_errors=True)


def read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def test_a_daemon_that_is_killed_is_told_with_what_may_still_run(daemon, make):
    session = make().open(Setup(functions=("running",)))
    error = struck(session, "while True: pass", daemon.kill).error
    assert (error.kind, "the engine is gone" in error.message) == ("Lost", True)
    with pytest.raises(ExecutorError, match=r"may still run(?s:.*)start Docker"):
        session.close()
