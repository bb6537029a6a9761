"""Kernels on a real kernel gateway, reached by HTTP and WebSocket on loopback."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from core_plus.errors import ExecutorError
from core_plus.executors import Answer, Done, Limits, Paused, Setup
from core_plus_jupyter import JupyterExecutor
from core_plus_testkit.executor_kit import ExecutorKit

TOKEN = "a-secret-token"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Gateway:
    def __init__(self, home) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log = (home / "log").open("w+b")
        self.popen = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "kernel_gateway",
                f"--KernelGatewayApp.port={port}",
                "--KernelGatewayApp.ip=127.0.0.1",
            ],
            env={**os.environ, "KG_AUTH_TOKEN": TOKEN, "HOME": str(home), "KG_LIST_KERNELS": "True"},
            cwd=home,
            stdout=self.log,
            stderr=self.log,
        )

    def ask(self, method, path):
        request = urllib.request.Request(  # http on loopback
            f"{self.url}{path}",
            method=method,
            headers={"Authorization": f"token {TOKEN}"},
            data=b"{}" if method == "POST" else None,
        )
        with urllib.request.urlopen(request, timeout=20) as response:
            body = response.read()
            return json.loads(body) if body else None

    def wait(self) -> None:
        deadline = time.monotonic() + 40
        while True:
            try:
                self.ask("GET", "/api/kernels")
                return
            except OSError:
                assert self.popen.poll() is None, "the gateway has ended"
                assert time.monotonic() < deadline
                time.sleep(0.1)

    def end(self) -> None:
        self.popen.terminate()
        self.popen.wait()
        self.log.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    pytest.importorskip("kernel_gateway", reason="jupyter-kernel-gateway isn't installed")
    gateway = Gateway(tmp_path_factory.mktemp("gateway"))
    gateway.wait()
    yield gateway
    gateway.end()


@pytest.fixture
def on_gateway(gateway):
    made = []

    def make(**settings):
        made.append(JupyterExecutor(**{"url": gateway.url, "token": TOKEN, **settings}))
        return made[-1]

    yield make
    for executor in made:
        executor.close()


def value(session, code):
    done = session.start(code)
    assert isinstance(done, Done), done
    assert done.error is None, done.error
    return done.value


def test_a_kernel_is_started_there_and_deleted_with_its_session(gateway, on_gateway):
    session = on_gateway().open(Setup(functions=("f",)))
    assert len(gateway.ask("GET", "/api/kernels")) == 1
    turn = session.start("print('before')\nx = f(1, k={2})\nx")
    assert isinstance(turn, Paused)
    (request,) = turn.requests
    assert (request.args, request.kwargs) == ((1,), {"k": {2}})
    done = session.resume([Answer(request.id, (3,))])
    assert isinstance(done, Done)
    assert (done.value, done.stdout) == ((3,), "before\n")
    assert value(session, "import asyncio\nawait asyncio.sleep(0)\nx") == (3,)
    # Larger than what a server takes in one message, and than what it passes on of output in a second.
    turn = session.start("len(f('x' * 6_000_000))")
    assert isinstance(turn, Paused)
    done = session.resume([Answer(1, "ü" * 12_000_000)])
    assert isinstance(done, Done)
    assert done.value == 12_000_000
    session.close()
    assert gateway.ask("GET", "/api/kernels") == []


@pytest.mark.slow
def test_time_limits_hold_there(on_gateway):
    session = on_gateway(limits=Limits(seconds=1)).open(Setup())
    done = session.start("import time\ntime.sleep(60)")
    assert isinstance(done, Done)
    assert done.error is not None
    assert done.error.kind == "TimeLimit"
    assert value(session, "1 + 1") == 2
    session.close()


@pytest.mark.slow
def test_a_kernel_that_runs_there_lives_on(gateway, on_gateway):
    kernel = gateway.ask("POST", "/api/kernels")["id"]
    session = on_gateway(kernel_id=kernel).open(Setup())
    assert value(session, "kept = 1\nkept") == 1
    session.close()
    again = on_gateway(kernel_id=kernel).open(Setup())
    assert value(again, "kept") == 1
    again.close()
    gateway.ask("DELETE", f"/api/kernels/{kernel}")


@pytest.mark.parametrize("token", ["wrong-token", None])
def test_a_token_that_is_refused_is_told_and_not_shown(on_gateway, monkeypatch, token):
    monkeypatch.delenv("JUPYTER_TOKEN", raising=False)
    with pytest.raises(ExecutorError, match=r"40[13].*give the executor token=, or set JUPYTER_TOKEN") as caught:
        on_gateway(token=token).open(Setup())
    assert "wrong-token" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_the_token_may_stand_in_the_address_or_in_the_environment(gateway, on_gateway, monkeypatch):
    executor = on_gateway(url=f"{gateway.url}/lab?token={TOKEN}", token=None)
    assert TOKEN not in repr(vars(executor))
    monkeypatch.setenv("JUPYTER_TOKEN", TOKEN)
    session = on_gateway(token=None).open(Setup())
    assert value(session, "1") == 1
    session.close()


def test_a_server_that_isnt_there_is_told(on_gateway):
    with pytest.raises(ExecutorError, match=r"the Jupyter server at http://127.0.0.1:\d+: POST /api/kernels failed"):
        on_gateway(url=f"http://127.0.0.1:{free_port()}").open(Setup())


@pytest.mark.slow
def test_a_kernel_that_is_deleted_there_is_told_and_replaced(gateway, on_gateway):
    session = on_gateway().open(Setup(functions=("f",)))
    assert isinstance(session.start("f()"), Paused)
    gateway.ask("DELETE", f"/api/kernels/{gateway.ask('GET', '/api/kernels')[0]['id']}")
    done = session.resume([])
    assert isinstance(done, Done)
    assert done.error is not None
    assert (done.error.kind, bool(done.error.lost)) == ("Lost", True)
    assert value(session, "2") == 2
    session.close()


@pytest.mark.slow
class TestJupyterOnAGateway(ExecutorKit):
    """The whole contract over HTTP and WebSocket."""

    within = 2.0  # a server is some way off: code may take a second to end softly
    deviations = {
        "test_memory_is_limited": "a kernel's memory can't be limited; it refuses the limit",
        "test_cpu_time_is_limited_and_sleep_costs_none": "a kernel's CPU time can't be limited; it refuses the limit",
        "test_printed_text_is_cut_in_the_middle": "a server drops some of what is printed at once",
    }

    @pytest.fixture
    def executor(self, on_gateway) -> JupyterExecutor:
        return on_gateway()
