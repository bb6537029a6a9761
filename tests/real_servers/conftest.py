"""Foreign servers, started here: none of their code is ours. `scripts/real_servers` makes what they need."""

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from core_plus import Host, ToolCallingAgent, tool

HERE = Path(__file__).parent
VARIABLE = "CORE_PLUS_REAL_SERVERS"
KEY = "sk-local-9f3kQ2vX7wLmZt41"
PATIENCE = 240
"""Seconds for a server to begin; importing torch on a busy machine takes one minute."""
OFFLINE = {"HF_HUB_OFFLINE": "1", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent == HERE:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(900))
            if VARIABLE not in os.environ:
                item.add_marker(pytest.mark.skip(f"{VARIABLE} isn't set: scripts/real_servers makes what is needed"))


@pytest.fixture(scope="session")
def programs():
    """Finds a program of the environments that scripts/real_servers has made."""

    def find(name):
        path = Path(os.environ[VARIABLE]) / name
        if not path.exists():
            pytest.skip(f"{path} isn't there: scripts/real_servers makes it")
        return str(path)

    return find


@pytest.fixture(scope="session")
def trained(programs):
    """The folder of a small model that was really trained; the first run takes minutes."""
    python = programs("models/bin/python")
    folder = Path(os.environ[VARIABLE]) / "tiny-tools"
    subprocess.run([python, HERE / "tiny_model.py", folder], check=True, timeout=800, stdout=subprocess.DEVNULL)
    return folder


@pytest.fixture(scope="session")
def gguf(programs, trained):
    """The same model as a GGUF file."""
    file = trained.with_suffix(".gguf")
    command = [programs("models/bin/python"), HERE / "tiny_gguf.py", trained, file]
    subprocess.run(command, check=True, timeout=100, stdout=subprocess.DEVNULL)
    return file


@pytest.fixture(scope="session")
def start(tmp_path_factory):
    """Starts servers, waits for them, and ends them with the session."""
    logs = tmp_path_factory.mktemp("servers")
    with contextlib.ExitStack() as stack:
        yield lambda name, command, path, **settings: stack.enter_context(
            serving(logs / f"{name}.log", command, path, **settings)
        )


@contextlib.contextmanager
def serving(log, command, path, **environment):
    """A server at a free port, which stands for {port} in the command."""
    port = free_port()
    command = [str(part).replace("{port}", str(port)) for part in command]
    address = f"http://127.0.0.1:{port}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **OFFLINE, **environment},
            start_new_session=True,
            cwd=log.parent,
        )
    try:
        wait_for(process, address + path, log)
        yield address
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(process, address, log):
    """Wait until a server answers anything at all."""
    end = time.monotonic() + PATIENCE
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        if process.poll() is not None or time.monotonic() > end:
            state = "never answered" if process.poll() is None else f"ended with {process.returncode}"
            pytest.fail(f"the server {state}; it said: {log.read_text('utf-8', 'replace')[-3000:]}")
        try:
            opener.open(address, timeout=5).close()
        except urllib.error.HTTPError as error:
            error.close()
        except OSError:
            time.sleep(0.2)
            continue
        return


@pytest.fixture(scope="session")
def transformers_serve(programs, trained, start):
    """`transformers serve` with the trained model, named by its folder."""
    options = ["--host", "127.0.0.1", "--port", "{port}", "--device", "cpu"]
    return start("serve", [programs("models/bin/transformers"), "serve", trained, *options], "/health")


@pytest.fixture(scope="session")
def litellm_proxy(programs, trained, transformers_serve, start, tmp_path_factory):
    """LiteLLM's proxy in front of it, which speaks the other vendors' dialects; the model's name is "tiny"."""
    settings = (HERE / "litellm.yaml").read_text("utf-8")
    for name, value in (("MODEL", trained), ("SERVER", f"{transformers_serve}/v1"), ("KEY", KEY)):
        settings = settings.replace(f"${name}", str(value))
    file = tmp_path_factory.mktemp("litellm") / "proxy.yaml"
    file.write_text(settings, "utf-8")
    command = [programs("litellm/bin/litellm"), "--config", file, "--host", "127.0.0.1", "--port", "{port}"]
    return start("litellm", command, "/health/liveliness")


@pytest.fixture
def key():
    """The proxy's."""
    return KEY


@pytest.fixture(scope="session")
def llamacpp_server(programs, gguf, start):
    """llama.cpp's server in the form that llama-cpp-python brings."""
    command = [programs("models/bin/python"), "-m", "llama_cpp.server", "--model", gguf, "--n_ctx", "2048"]
    return start("llamacpp", [*command, "--host", "127.0.0.1", "--port", "{port}"], "/v1/models")


@pytest.fixture(scope="session")
def aimock(programs, start):
    """Starts aimock, a server of many dialects, with further options."""
    program = programs("node_modules/.bin/llmock")
    command = [program, "-h", "127.0.0.1", "-p", "{port}", "-f", HERE / "aimock.json", "--log-level", "warn"]
    return lambda name, *options: start(name, [*command, *options], "/health")


@pytest.fixture
def asked():
    """The cities that the tool was asked for."""
    return []


@pytest.fixture
def get_weather(asked):
    """The tool that the trained model knows."""

    @tool
    def get_weather(city: str) -> str:
        """The weather in a city.

        Args:
            city: Its name.
        """
        asked.append(city)
        return {"Lima": "fog", "Oslo": "snow"}[city]

    return get_weather


@pytest.fixture
def agent(get_weather):
    """Makes an agent with the tool."""
    with Host() as host:
        yield lambda model, **settings: ToolCallingAgent(model=model, tools=[get_weather], host=host, **settings)
