"""Hosts with this plugin, and servers to connect to: processes of the tests' own, on this machine."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import core_plus_mcp
from core_plus import Host, ModelResponse, ToolCallingAgent, Usage, message
from core_plus.messages import ToolCall

SERVERS = Path(__file__).parent / "servers"
PATIENCE = 30.0
SHOP = ["order", "learn", "wait", "juggle"]


@pytest.fixture(name="until")
def _until():
    return until


@pytest.fixture(name="alive")
def _alive():
    return alive


@pytest.fixture(name="says")
def _says():
    return Says


def until(condition, seconds=PATIENCE):
    """Wait for something to become true; its last value."""
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


def alive(number):
    """Whether a process runs; one that only waits to be collected doesn't."""
    status = Path(f"/proc/{number}/status")
    try:
        os.kill(number, 0)
        return "State:\tZ" not in (status.read_text() if status.exists() else "")
    except OSError:
        return False


class Says:
    """A model that calls one tool after another, and keeps what it was asked."""

    def __init__(self, *turns):
        self.turns, self.requests = list(turns), []

    def forward(self, request):
        self.requests.append(request)
        turn = self.turns.pop(0) if self.turns else "done"
        turn = turn(request) if callable(turn) else turn
        if isinstance(turn, str):
            return ModelResponse(message("assistant", turn), Usage(5, 1))
        calls = turn if isinstance(turn, list) else [turn]
        parts = [ToolCall(f"c{len(self.requests)}_{n}", name, given) for n, (name, given) in enumerate(calls)]
        return ModelResponse(message("assistant", parts), Usage(5, 1))


@pytest.fixture
def host():
    with Host(discover=False, plugins=[core_plus_mcp]) as made:
        yield made


@pytest.fixture(scope="session")
def home():
    """A host that tests share, and with it a server: starting one takes a second."""
    with Host(discover=False, plugins=[core_plus_mcp]) as made:
        yield made


@pytest.fixture
def useful():
    """The configuration of the server that tests share."""
    return {"mcpServers": {"useful": entry("useful.py")}}


@pytest.fixture(params=["auto", "legacy"], ids=["2026-07-28", "2025-11-25"])
def shop(request):
    """The same for a server of either era, shared as well; its tools are called shop_…."""
    name = "shop" if request.param == "auto" else "shop_old"
    return {"mcpServers": {name: entry("useful.py", protocol=request.param, includeTools=SHOP)}}


@pytest.fixture(name="entry")
def _entry():
    return entry


def entry(file, *args, **more):
    """An entry of mcpServers for one of the tests' servers."""
    return {"command": sys.executable, "args": [str(SERVERS / file), *args], **more}


@pytest.fixture
def block():
    """A configuration: by name, the file and arguments of a server."""

    def make(**servers):
        found = {
            name: given if isinstance(given, dict) else entry(*([given] if isinstance(given, str) else given))
            for name, given in servers.items()
        }
        return {"mcpServers": found}

    return make


@pytest.fixture
def call(home):
    """Call tools by an agent, one after another; what came of each."""

    def run(source, *turns, arun=False, on=None, **options):
        agent = ToolCallingAgent(model=Says(*turns), tools=[source], host=on or home)
        result = asyncio.run(agent.arun("go", **options)) if arun else agent.run("go", **options)
        return [record for step in result.steps for record in getattr(step, "calls", ())]

    return run


@pytest.fixture
def listening():
    """Start one of the tests' servers on a port; its address."""
    started = []

    def start(kind, *words):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        command = [sys.executable, str(SERVERS / "useful.py"), kind, str(port), *words]
        started.append(subprocess.Popen(command, stdin=subprocess.DEVNULL))

        def answers():
            assert started[-1].poll() is None, "the server ended"
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        assert until(answers), "the server doesn't listen"
        return f"http://127.0.0.1:{port}/{'sse' if kind == 'sse' else 'mcp'}"

    start.processes = started
    yield start
    for process in started:
        process.kill()
        process.wait()
