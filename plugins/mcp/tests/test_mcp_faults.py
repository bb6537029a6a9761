"""Servers that fail: each gives a clear error within its limit, and the other tools go on."""

from __future__ import annotations

import http.server
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import threading

import pytest

import core_plus_mcp
from core_plus import ConfigurationError, Host, ToolCallingAgent
from core_plus_mcp import ServerError, mcp_servers


@pytest.fixture
def broken(entry):
    """A configuration with one broken server and, to see that it goes on, a good one."""

    def make(kind, **more):
        good = entry("broken.py", "good", prefix=True)
        return {"mcpServers": {"bad": entry("broken.py", kind, **more), "good": good}}

    return make


@pytest.fixture
def calls(host, says):
    """Call tools of a configuration; what came of each."""

    def run(source, *turns, **settings):
        agent = ToolCallingAgent(model=says(*turns), tools=[source], host=host, **settings)
        return [record for step in agent.run("go").steps for record in getattr(step, "calls", ())]

    return run


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("silent", "did not say what it can within 1 s"),
        ("garbage", "no MCP message: '<html>'"),
        ("exits", "exit status 7.*no configuration found"),
        ("no-schema", "what is no MCP"),
        ("endless", "more than 1000 pages"),
        ("flood", "did not say what it can within 1 s"),
    ],
)
def test_a_server_that_does_not_come_up_is_named_with_the_reason_and_the_others_are_there(host, broken, kind, words):
    limit = 1 if kind in ("silent", "garbage", "flood") else 20
    names = [tool.name for tool in host.tools(broken(kind, start_timeout=limit, max_bytes=1 << 20))]
    assert names == ["good_work"]
    (problem,) = host.problems
    assert problem.startswith("MCP server 'bad'")
    assert re.search(words, problem), problem


def test_a_server_that_is_slow_to_come_up_does_not_hold_up_the_others_and_is_there_later(
    host, entry, says, until, tmp_path, monkeypatch
):
    monkeypatch.setattr("core_plus_mcp.pool.GRACE", 0.2)
    sign = tmp_path / "now"
    block = {"quick": entry("broken.py", "good"), "slow": entry("broken.py", "late", str(sign), prefix=True)}
    servers = mcp_servers({"mcpServers": block}, host)

    def come(_request):
        sign.touch()
        assert until(lambda: len(servers.current(None, [])) == 2)
        return "work", {}

    agent = ToolCallingAgent(
        model=says(come, ("slow_work", {})), tools=[servers], host=host, tool_filter=servers.current
    )
    records = [record for step in agent.run("go").steps for record in getattr(step, "calls", ())]
    assert [record.value for record in records] == ["worked", "worked"]
    assert any("'slow': is not up yet" in problem for problem in host.problems)


def test_a_server_that_was_named_alone_and_does_not_come_up_stops_the_agent(host, entry, says):
    source = {"mcpServers": {"bad": entry("broken.py", "exits")}}
    agent = ToolCallingAgent(model=says(), tools=[source], host=host)
    with pytest.raises(ServerError, match="'bad': ended with exit status 7; its last words: no configuration found"):
        agent.run("go")


def test_a_program_that_is_not_there_is_said(host):
    with pytest.raises(ConfigurationError, match="there is no program 'no-such-program-here'"):
        host.tools({"mcpServers": {"none": {"command": "no-such-program-here"}}})


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("silent-call", "gave no sign of life for 1 s"),
        ("garbage-call", "gave no sign of life for 1 s"),
        ("large", "52,428,87[0-9] bytes, more than the 1,048,576 that max_bytes allows|more than the 1,048,576"),
        ("wrong-result", "not what the protocol says"),
        ("output", "'three' is not of type 'integer'"),
        ("dies", "whether it did what was asked is unknown"),
    ],
)
def test_a_call_that_fails_says_why_and_the_other_tools_go_on(broken, calls, kind, words):
    limit = 1.0 if kind in ("silent-call", "garbage-call") else 30.0
    both = [("work", {}), ("good_work", {})]
    bad, good = calls(broken(kind, timeout=limit, max_bytes=1 << 20), both)
    assert bad.error.kind == "AgentToolExecutionError"
    assert re.search(words, bad.error.message), bad.error.message
    assert good.value == "worked"


def test_a_connection_lives_on_after_an_answer_that_was_too_long(broken, calls):
    first, second = calls(broken("large", max_bytes=1 << 20), ("work", {}), ("work", {}))
    assert first.error is not None
    assert "max_bytes" in first.error.message
    assert "max_bytes" in second.error.message  # the same answer again, and not a connection that is gone


def test_a_tool_with_an_invalid_schema_is_left_out_and_said(host, broken):
    names = [tool.name for tool in host.tools(broken("schema"))]
    assert names == ["work", "good_work"]
    assert any("'bad' of MCP server 'bad' has an invalid schema" in problem for problem in host.problems)


def test_a_server_that_dies_is_started_again_and_says_so_meanwhile(host, block, says, until, alive):
    source = block(weak=("broken.py", "dies"))
    before = host.tools(source)[0].connection.pid
    agent = ToolCallingAgent(model=says(("work", {}), ("work", {})), tools=[source], host=host)
    first, second = [record for step in agent.run("go").steps for record in getattr(step, "calls", ())]
    assert "MCP server 'weak' ended with exit status 3" in first.error.message
    assert "its last words: out of memory, says the server" in first.error.message
    assert "whether it did what was asked is unknown" in first.error.message
    assert "a new attempt is made soon" in second.error.message or second.error.message == first.error.message
    connection = host.tools(source)[0].connection
    assert until(lambda: connection.problem == "")
    assert connection.pid != before
    assert alive(connection.pid)
    assert not alive(before)


def test_a_server_that_is_killed_while_it_works_is_no_end_of_the_run(host, block, says, until, alive):
    source = block(stuck=("broken.py", "silent-call"))
    pid = host.tools(source)[0].connection.pid
    agent = ToolCallingAgent(model=says(("work", {})), tools=[source], host=host)
    threading.Timer(0.3, os.kill, (pid, signal.SIGKILL)).start()
    result = agent.run("go")
    assert "unknown" in result.steps[1].calls[0].error.message
    assert result.output == "done"
    assert until(lambda: not alive(pid))


def test_a_server_on_the_network_that_goes_away_is_said(host, listening, says, until):
    url = listening("http")
    source = {"mcpServers": {"web": {"url": url}}}
    assert host.tools(source)
    listening.processes[0].kill()
    listening.processes[0].wait()
    agent = ToolCallingAgent(model=says(("add", {"a": 1})), tools=[source], host=host)
    (record,) = agent.run("go").steps[1].calls
    assert record.error.kind == "AgentToolExecutionError"
    assert "MCP server 'web' " in record.error.message
    assert "unknown" in record.error.message or "a new attempt is made soon" in record.error.message


@pytest.mark.parametrize("form", ["events", "json"])
def test_an_answer_over_http_that_is_too_long_is_refused_and_the_connection_lives_on(host, listening, calls, form):
    url = listening("http", "stateless", form)
    source = {"mcpServers": {"web": {"url": url, "max_bytes": 1_000_000}}}
    large, add = calls(source, ("large", {"bytes": 3_000_000}), ("add", {"a": 1}))
    assert "bytes" in large.error.message
    assert add.value == 3


def test_a_web_page_is_no_server(host, says):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as page:
        threading.Thread(target=page.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{page.server_address[1]}/mcp?key=hidden-word"
        with pytest.raises(ServerError, match=r"MCP server 'web': could not be reached: .*text/html") as caught:
            host.tools({"mcpServers": {"web": {"url": url}}})
        page.shutdown()
    assert "hidden-word" not in str(caught.value)


class Page(http.server.BaseHTTPRequestHandler):
    """Answers anything with a page."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "13")
        self.end_headers()
        self.wfile.write(b"<html></html>")

    def log_message(self, *_):
        pass


def test_nobody_at_the_address_is_said(host):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/mcp"
        with pytest.raises(ServerError, match=r"MCP server 'web': could not be reached: .*127\.0\.0\.1"):
            host.tools({"mcpServers": {"web": {"url": url}}})


def test_a_run_that_is_interrupted_does_not_wait_for_the_server(home, useful, says, until):
    agent = ToolCallingAgent(model=says(("sleep", {"seconds": 600})), tools=[useful], host=home)
    run = agent.stream("go")
    for event in run:
        if type(event).__name__ == "ToolStarted":
            run.interrupt()
    assert run.result.state == "interrupted"


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_servers_end_when_the_host_is_killed(block, alive, until, tmp_path):
    program = textwrap.dedent(
        f"""
        import time
        import core_plus_mcp
        from core_plus import Host
        host = Host(discover=False, plugins=[core_plus_mcp])
        tools = host.tools({block(one=("broken.py", "good"), two=("broken.py", "good"))!r})
        print(*(tool.connection.pid for tool in tools), flush=True)
        time.sleep(600)
        """
    )
    host = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert host.stdout is not None
    pids = [int(word) for word in host.stdout.readline().split()]
    assert len(pids) == 2
    assert all(alive(pid) for pid in pids)
    host.kill()
    host.wait()
    host.stdout.close()
    assert until(lambda: not any(alive(pid) for pid in pids))


def test_a_server_that_does_not_go_is_ended_with_the_host(entry, alive, until):
    with Host(discover=False, plugins=[core_plus_mcp]) as host:
        (tool,) = host.tools({"mcpServers": {"stays": entry("broken.py", "stays")}})
        pid = tool.connection.pid
        assert alive(pid)
    assert until(lambda: not alive(pid))
