"""Configurations as other clients write them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

import core_plus_mcp
from core_plus import ConfigurationError, Host, ToolCallingAgent
from core_plus_mcp.settings import Server, read_block, read_file

# As the documentation of Claude Desktop, VS Code, Cursor and Gemini's command line show it.
CLAUDE = {"mcpServers": {"fs": {"command": "npx", "args": ["-y", "server-filesystem", "/srv"]}}}
VS_CODE = {"servers": {"github": {"type": "http", "url": "https://api.example.com/mcp/"}}}
CURSOR = {"mcpServers": {"api": {"url": "http://localhost:3000/mcp", "headers": {"API_KEY": "${env:MY_KEY}"}}}}
GEMINI = {
    "mcpServers": {"py": {"command": "python", "args": ["-m", "it"], "cwd": "./x", "env": {"K": "$N"}, "trust": True}}
}
CLINE = {
    "mcpServers": {"old": {"type": "sse", "url": "https://x.example/sse", "disabled": False, "autoApprove": ["a"]}}
}


@pytest.mark.parametrize(
    ("block", "kind", "place"),
    [
        (CLAUDE, "stdio", "npx"),
        (VS_CODE, "http", "https://api.example.com"),
        (CURSOR, "http", "http://localhost:3000"),
        (GEMINI, "stdio", "python"),
        (CLINE, "sse", "https://x.example"),
    ],
)
def test_the_blocks_of_other_clients_are_read(block, kind, place):
    (server,) = read_block(block, "it", {"MY_KEY": "k"})
    assert (server.kind, server.place) == (kind, place)


def test_variables_are_filled_in_with_their_defaults():
    entry = {"command": "${HOME}/bin/it", "args": ["--level=${LEVEL:-low}"], "env": {"TOKEN": "${TOKEN}", "N": 3}}
    (server,) = read_block({"mcpServers": {"it": entry}}, "it", {"HOME": "/home/me", "TOKEN": "t0psecret"})
    assert server.command == "/home/me/bin/it"
    assert server.args == ("--level=low",)
    assert server.env == {"TOKEN": "t0psecret", "N": "3"}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            {"command": "x", "env": {"A": "${NOWHERE}"}},
            "f.json: MCP server 's': env: A: the environment variable NOWHERE",
        ),
        ({"command": "x", "env": {"A": "${input:key}"}}, r"nobody is asked for \$\{input:key\} here"),
        ({"command": "x", "url": "http://y"}, "needs one of a command .* and a url"),
        ({}, "needs one of a command"),
        ({"command": 3}, "command: expected `str`"),
        ({"command": "x", "args": "a b"}, "args: expected `array`"),
        ({"command": "x", "timeout": 0}, "timeout is a number above 0"),
        ({"url": "ftp://x"}, "must begin with http"),
        ({"url": "http://x", "type": "websocket"}, "type 'websocket' is none of"),
        ({"command": "x", "type": "http"}, "type 'http' doesn't go with a command"),
        ("npx", "is an object with a command or a url"),
    ],
)
def test_what_is_wrong_is_said_with_the_place(entry, words):
    with pytest.raises(ConfigurationError, match=words):
        read_block({"mcpServers": {"s": entry}}, "f.json", {})


def test_a_file_that_can_not_be_read_is_said(tmp_path):
    with pytest.raises(ConfigurationError, match=r"no-file\.json can't be read: No such file"):
        read_file(tmp_path / "no-file.json")
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(ConfigurationError, match="is no JSON"):
        read_file(broken)
    broken.write_text("{}")
    with pytest.raises(ConfigurationError, match="holds no MCP servers"):
        read_file(broken)


@given(some.text(some.characters(codec="ascii", categories=["L", "N"]), min_size=8, max_size=40))
def test_no_secret_is_in_a_repr_or_in_a_text_that_was_redacted(secret):
    entry = {"url": f"https://x.example/?q={secret}", "headers": {"Authorization": f"Bearer {secret}", "X-Key": "${K}"}}
    (server,) = read_block({"mcpServers": {"s": entry}}, "it", {"K": f"{secret}2"})
    assert secret not in repr(server)
    assert secret not in server.redacted(f"GET https://x.example/?q={secret} failed with Bearer {secret} and {secret}2")


def test_words_that_are_no_secrets_stay_readable():
    server = Server(name="s", command="x", env={"LEVEL": "debug", "API_KEY": "abcdef"})
    assert server.redacted("debug: the key abcdef is wrong") == "debug: the key *** is wrong"


def test_servers_come_from_the_configuration_of_the_host_from_a_file_and_by_name(block, tmp_path, monkeypatch, says):
    config = block(one=("broken.py", "good"), two=("broken.py", "pages"))
    file = tmp_path / "more.json"
    file.write_text(json.dumps(block(three=("broken.py", "good"))))
    monkeypatch.setenv("CORE_PLUS_MCP", str(file))
    with Host(discover=False, plugins=[core_plus_mcp], config={"tool.mcp": config}) as host:
        assert [tool.name for tool in host.tools("mcp:one")] == ["work"]
        assert len(host.tools("mcp:two")) == 15
        assert [tool.name for tool in host.tools("mcp:three")] == ["three_work"]
        assert len(host.tools("mcp:*")) == len(host.tools("mcp")) == 17
        assert len(host.tools(f"mcp:{file}")) == 1
        with pytest.raises(ConfigurationError, match="no MCP server 'tow': did you mean two"):
            host.tools("mcp:tow")
        agent = ToolCallingAgent(model=says(("work", {})), tools=["mcp:one"], host=host)
        assert agent.run("go").steps[1].calls[0].value == "worked"


def test_a_host_without_servers_says_how_to_name_some():
    with (
        Host(discover=False, plugins=[core_plus_mcp]) as host,
        pytest.raises(ConfigurationError, match="no MCP server is configured: give a file"),
    ):
        host.tools("mcp:*")


def test_a_server_that_is_disabled_is_left_alone(host, entry):
    off = {**entry("broken.py", "exits"), "disabled": True, "env": {"K": "${NOT_SET_ANYWHERE}"}}
    assert host.tools({"mcpServers": {"off": off}}) == []
