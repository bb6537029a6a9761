"""Servers that nobody here wrote, and a client that nobody here wrote: see make_servers.sh."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from core_plus import CodeAgent, Host, Image, ToolCallingAgent
from core_plus_mcp import mcp_servers

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "core-plus/mcp-servers"
FOLDER = Path(os.environ.get("CORE_PLUS_MCP_SERVERS") or CACHE)
NODE, PYTHON = FOLDER / "node_modules/.bin", FOLDER / "venv/bin"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (NODE / "mcp-server-everything").exists(), reason="no servers: tests/make_servers.sh"),
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "notes.txt").write_text("buy milk")
    return tmp_path


@pytest.fixture
def configuration(folder):
    """What the README of each server shows, with the programs' paths here."""
    git = ["git", "-C", str(folder)]
    subprocess.run([*git, "init", "-q"], check=True)
    memory = str(folder / "memory.jsonl")
    return {
        "mcpServers": {
            "everything": {"command": str(NODE / "mcp-server-everything"), "args": ["stdio"]},
            "filesystem": {"command": str(NODE / "mcp-server-filesystem"), "args": [str(folder)]},
            "memory": {"command": str(NODE / "mcp-server-memory"), "env": {"MEMORY_FILE_PATH": memory}},
            "time": {"command": str(PYTHON / "mcp-server-time"), "args": ["--local-timezone", "UTC"]},
            "git": {"command": str(PYTHON / "mcp-server-git"), "args": ["--repository", str(folder)]},
        }
    }


@pytest.mark.parametrize("arun", [False, True])
def test_five_servers_work_together_in_one_run(configuration, folder, host, says, arun):
    turns = [
        ("get_sum", {"a": 20, "b": 22}),
        ("get_structured_content", {"location": "New York"}),
        ("get_tiny_image", {}),
        ("read_text_file", {"path": str(folder / "notes.txt")}),
        ("create_entities", {"entities": [{"name": "Ada", "entityType": "person", "observations": ["counts"]}]}),
        ("search_nodes", {"query": "Ada"}),
        ("convert_time", {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}),
        ("git_status", {"repo_path": str(folder)}),
        ("everything_read_resource", {"uri": "demo://resource/static/document/features.md"}),
    ]
    agent = ToolCallingAgent(model=says(*turns), tools=[configuration], host=host, max_steps=30)
    result = asyncio.run(agent.arun("go")) if arun else agent.run("go")
    records = [record for step in result.steps for record in getattr(step, "calls", ())]
    assert [record.error for record in records] == [None] * len(turns)
    total, weather, image, text, _, found, time, status, features = [record.value for record in records]
    assert "42" in total
    assert weather["temperature"] == 33
    assert any(isinstance(part, Image) for part in image)
    assert text == {"content": "buy milk"}
    assert found["entities"][0]["name"] == "Ada"
    assert "21:00" in time["target"]["datetime"]
    assert "notes.txt" in str(status)
    assert len(features) > 100


def test_both_eras_are_met(configuration, host):
    versions = {tool.server: tool.connection.client.protocol_version for tool in host.tools(configuration)}
    assert versions == {
        "everything": "2025-11-25",
        "filesystem": "2025-11-25",
        "memory": "2025-11-25",
        "time": "2026-07-28",
        "git": "2026-07-28",
    }


def test_the_tools_that_another_hand_wrote_are_valid_for_every_provider(configuration, host):
    import jsonschema

    for tool in host.tools(configuration):
        jsonschema.Draft202012Validator.check_schema(tool.spec.parameters)
        assert tool.spec.parameters["type"] == "object"
        assert tool.to_code_prompt().startswith(f"def {tool.name}(")


def test_a_form_of_another_hand_is_asked_field_by_field(configuration, host, says):
    class Person:
        asked = []

        def observe(self, event):
            pass

        def ask(self, question):
            self.asked.append(question)
            field = question.details["schema"]["properties"][question.details["field"]]
            if question.choices:
                return question.choices[0]
            return {"integer": "7", "number": "7", "array": "", "string": "x@example.com"}[field["type"]]

    only = {"mcpServers": {"everything": configuration["mcpServers"]["everything"]}}
    agent = ToolCallingAgent(model=says(("trigger_elicitation_request", {})), tools=[only], host=host)
    record = agent.run("go", ui=Person()).steps[1].calls[0]
    assert Person.asked
    assert record.error is None or "Elicitation" in record.error.message


def test_progress_of_another_hand_is_seen(configuration, host, says):
    only = {"mcpServers": {"everything": configuration["mcpServers"]["everything"]}}
    turn = ("trigger_long_running_operation", {"duration": 1, "steps": 4})
    agent = ToolCallingAgent(model=says(turn), tools=[only], host=host)
    said = [event.data for event in agent.stream("go") if type(event).__name__ == "ToolProgress"]
    assert [words.rpartition("/")[2].rstrip(")") for words in said] == ["4"] * len(said)
    assert len(said) >= 3


def test_the_same_server_is_used_over_http(host, says, until):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    command = [str(NODE / "mcp-server-everything"), "streamableHttp"]
    process = subprocess.Popen(command, env={**os.environ, "PORT": str(port)}, stderr=subprocess.DEVNULL)
    try:

        def listens():
            assert process.poll() is None, "the server ended"
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        assert until(listens)
        source = {"mcpServers": {"web": {"type": "http", "url": f"http://127.0.0.1:{port}/mcp"}}}
        agent = ToolCallingAgent(model=says(("echo", {"message": "over the wire"})), tools=[source], host=host)
        assert agent.run("go").steps[1].calls[0].value == "Echo: over the wire"
        assert [prompt.name for prompt in mcp_servers(source, host).prompts()["web"]][:2] == [
            "simple-prompt",
            "args-prompt",
        ]
    finally:
        process.terminate()
        process.wait()


def test_the_servers_tools_are_imported_by_code(configuration, folder, says):
    code = f"""
from mcp_servers.filesystem import list_directory
from mcp_servers.time import convert_time
print(list_directory({str(folder)!r})["content"])
print(convert_time("UTC", "12:00", "Asia/Tokyo")["time_difference"])
final_answer(1)
"""
    with Host() as host:
        servers = mcp_servers(configuration, host, code=True)
        agent = CodeAgent(model=says(f"Go.\n<code>{code}</code>"), tools=[servers], host=host)
        result = agent.run("go")
    assert result.output == 1
    assert "notes.txt" in result.steps[1].stdout
    assert "+9.0h" in result.steps[1].stdout


def test_the_inspector_reads_our_server(configuration, folder):
    file = folder / "servers.json"
    only = {"mcpServers": {"time": configuration["mcpServers"]["time"]}}
    file.write_text(json.dumps(only))
    ours = [sys.executable, "-m", "core_plus", "serve", "mcp", "--offer", f"mcp:{file}"]
    inspector = [str(NODE / "mcp-inspector"), "--cli", *ours]
    environ = {key: value for key, value in os.environ.items() if key != "CORE_PLUS_MODEL"}
    asked = {"capture_output": True, "text": True, "env": environ, "timeout": 100, "stdin": subprocess.DEVNULL}
    listed = json.loads(subprocess.run([*inspector, "--method", "tools/list"], check=True, **asked).stdout)
    assert [one["name"] for one in listed["tools"]] == ["get_current_time", "convert_time"]
    call = ["--method", "tools/call", "--tool-name", "get_current_time", "--tool-arg", "timezone=UTC"]
    called = json.loads(subprocess.run([*inspector, *call], check=True, **asked).stdout)
    assert called["structuredContent"]["timezone"] == "UTC"


@pytest.mark.parametrize("name", ["everything", "time"])
def test_a_server_that_is_unplugged_while_it_works_leaves_the_run_alive(configuration, host, says, name, until):
    import signal

    only = {"mcpServers": {name: configuration["mcpServers"][name]}}
    connection = host.tools(only)[0].connection
    tool = {"everything": ("echo", {"message": "x"}), "time": ("get_current_time", {"timezone": "UTC"})}[name]

    def unplug(_request):
        os.kill(connection.pid, signal.SIGKILL)
        return tool

    def plugged(_request):
        assert until(lambda: connection.problem == "")
        return tool

    agent = ToolCallingAgent(model=says(unplug, tool, plugged, "done"), tools=[only], host=host)
    result = agent.run("go")
    records = [record for step in result.steps for record in getattr(step, "calls", ())]
    assert records[0].error is not None
    assert records[-1].error is None
    assert result.output == "done"
