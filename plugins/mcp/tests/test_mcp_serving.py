"""Our server, asked by the SDK's own client: in both eras, over memory, stdio and HTTP."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys

import msgspec
import pytest

from core_plus import Ask, Host, Image, ToolCallingAgent, hookimpl, tool
from core_plus.cli import main
from core_plus_mcp import mcp_server

ERAS = pytest.mark.parametrize("era", ["auto", "legacy"])
SLOW_ERAS = pytest.mark.parametrize("era", ["auto", pytest.param("legacy", marks=pytest.mark.slow)])


class Point(msgspec.Struct):
    """A place.

    Args:
        x: To the right.
        y: Up.
    """

    x: int
    y: int


@tool(effect="read")
def add(a: int, b: int) -> int:
    """Add two numbers.

    Args:
        a: The first.
        b: The second.
    """
    return a + b


@tool
def mirrored(point: Point) -> Point:
    """The other side of a place.

    Args:
        point: The place.
    """
    return Point(-point.x, -point.y)


@tool
def draw() -> Image:
    """Draw something."""
    return Image(data=b"png")


@tool
def fail() -> str:
    """Fail."""
    raise ValueError("it is Monday")


@tool
def launch(what: str) -> str:
    """Launch something.

    Args:
        what: The thing.
    """
    return f"{what} is in the air"


class AskFirst:
    """A plugin that has each launch approved."""

    @hookimpl
    def review_effect(self, run, effect):
        return Ask() if getattr(getattr(effect, "call", None), "name", "") == "launch" else None


@pytest.fixture
def asking():
    with Host(discover=False, plugins=[AskFirst()]) as made:
        yield made


def talk(server, era, do, **more):
    """Connect the SDK's client to a server and do something with it."""
    from mcp import Client

    async def main():
        async with Client(server, mode=era, **more) as client:
            return await do(client)

    return asyncio.run(main())


@ERAS
def test_tools_are_listed_with_their_schemas(host, era):
    listed = talk(mcp_server(add, mirrored, host=host), era, lambda client: client.list_tools()).tools
    assert [one.name for one in listed] == ["add", "mirrored"]
    assert listed[0].input_schema["properties"]["a"] == {"type": "integer", "description": "The first."}
    assert listed[0].annotations.read_only_hint
    assert listed[0].output_schema["properties"]["result"] == {"type": "integer"}
    assert listed[1].output_schema["type"] == "object"


@ERAS
def test_values_are_words_data_and_pictures(host, era):
    async def do(client):
        return [
            await client.call_tool("add", {"a": 1, "b": 2}),
            await client.call_tool("mirrored", {"point": {"x": 1, "y": 2}}),
            await client.call_tool("draw"),
            await client.call_tool("fail"),
            await client.call_tool("add", {"a": "one"}),
        ]

    total, place, picture, failed, wrong = talk(mcp_server(add, mirrored, draw, fail, host=host), era, do)
    assert (total.structured_content, total.content[0].text) == ({"result": 3}, "3")
    assert place.structured_content == {"x": -1, "y": -2}
    assert (picture.content[0].type, picture.content[0].mime_type) == ("image", "image/png")
    assert failed.is_error
    assert "it is Monday" in failed.content[0].text
    assert wrong.is_error
    assert "a: expected int" in wrong.content[0].text


@ERAS
def test_an_agent_takes_a_task_and_says_how_far_it_is(host, says, era):
    model = says(("add", {"a": 1, "b": 2}), "it is three")
    agent = ToolCallingAgent(model=model, tools=[add], host=host, name="counter", description="Counts.")
    heard = []

    async def hear(progress, total, message):
        heard.append(message)

    async def do(client):
        return await client.call_tool("counter", {"task": "how much?"}, progress_callback=hear)

    result = talk(mcp_server(agent, host=host), era, do)
    assert result.content[0].text == "it is three"
    assert heard == ["step 1", "calls add", "step 2"]


@ERAS
@pytest.mark.parametrize(("answer", "outcome"), [("yes", "rocket is in the air"), ("no", "denied")])
def test_an_approval_is_asked_of_the_clients_person(asking, era, answer, outcome):
    from mcp_types import ElicitResult

    asked = []

    async def person(context, params):
        asked.append(params.message)
        return ElicitResult(action="accept", content={"answer": answer})

    async def do(client):
        return await client.call_tool("launch", {"what": "rocket"})

    result = talk(mcp_server(launch, host=asking), era, do, elicitation_callback=person)
    assert outcome in result.content[0].text
    assert len(asked) == 1
    assert "launch" in asked[0]
    assert "rocket" in asked[0]


@ERAS
def test_an_approval_in_the_middle_of_an_agents_work_is_asked_too(asking, says, era):
    from mcp_types import ElicitResult

    async def person(context, params):
        return ElicitResult(action="accept", content={"answer": "yes"})

    async def do(client):
        return await client.call_tool("pilot", {"task": "up"})

    model = says(("launch", {"what": "kite"}), lambda request: request.messages[-1].parts[0].text)
    pilot = ToolCallingAgent(model=model, tools=[launch], host=asking, name="pilot", description="Flies.")
    result = talk(mcp_server(pilot, host=asking), era, do, elicitation_callback=person)
    assert result.content[0].text == "kite is in the air"


@ERAS
def test_a_client_that_can_not_ask_is_told_what_was_to_be_asked(asking, era):
    result = talk(mcp_server(launch, host=asking), era, lambda client: client.call_tool("launch", {"what": "x"}))
    assert result.is_error
    assert "which this client can't" in result.content[0].text


def test_answers_that_nobody_waits_for_are_refused(asking):
    from mcp import MCPError
    from mcp_types import ElicitResult

    async def do(client):
        answers = {"1": ElicitResult(action="accept", content={"answer": "yes"})}
        with pytest.raises(MCPError, match="nobody waits for these answers"):
            await client.call_tool("launch", {"what": "x"}, input_responses=answers, request_state="guessed")
        with pytest.raises(MCPError, match="there is no tool 'lunch'; there are launch"):
            await client.call_tool("lunch", {})

    talk(mcp_server(launch, host=asking), "auto", do)


def test_two_things_of_one_name_are_refused(host):
    with pytest.raises(ValueError, match="two tools or agents are called 'add'"):
        mcp_server(add, add, host=host)
    with pytest.raises(ValueError, match="nothing to offer"):
        mcp_server(host=host)


@pytest.fixture
def offered(tmp_path, block):
    """A configuration with a server, whose tools ours offers on."""
    file = tmp_path / "servers.json"
    file.write_text(msgspec.json.encode(block(plain=("broken.py", "good"))).decode())
    return file


@SLOW_ERAS
def test_the_command_serves_on_standard_input_and_output(offered, era, tmp_path):
    from mcp import Client
    from mcp.client.stdio import StdioServerParameters

    turns = tmp_path / "turns.json"
    turns.write_text('["hello from the agent"]')
    words = ["-m", "core_plus", "serve", "mcp", "-m", f"scripted:{turns}", "--agent", "tool_calling"]
    started = StdioServerParameters(command=sys.executable, args=[*words, "--offer", f"mcp:{offered}"])

    async def main():
        async with Client(started, mode=era) as client:
            names = [one.name for one in (await client.list_tools()).tools]
            said = await client.call_tool("agent", {"task": "say hello"})
            return names, said, await client.call_tool("work")

    names, said, worked = asyncio.run(main())
    assert names == ["agent", "work"]
    assert said.content[0].text == "hello from the agent"
    assert worked.content[0].text == "worked"


@pytest.mark.slow
@ERAS
def test_the_command_serves_over_http_to_those_who_have_the_token(offered, era, until):
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    command = [sys.executable, "-m", "core_plus", "serve", "mcp", "--offer", f"mcp:{offered}"]
    environ = {**os.environ, "WORD": "sesame"}
    environ.pop("CORE_PLUS_MODEL", None)
    process = subprocess.Popen(
        [*command, "--http", str(port), "--token-env", "WORD"], env=environ, stderr=subprocess.PIPE
    )
    try:

        def listens():
            assert process.poll() is None, process.stderr.read()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        assert until(listens)
        url = f"http://127.0.0.1:{port}/mcp"
        assert httpx2.post(url, json={}).status_code == 401

        async def main():
            async with (
                httpx2.AsyncClient(headers={"Authorization": "Bearer sesame"}) as http,
                Client(streamable_http_client(url, http_client=http), mode=era) as client,
            ):
                return client.protocol_version, await client.call_tool("work")

        version, worked = asyncio.run(main())
        assert version == ("2025-11-25" if era == "legacy" else "2026-07-28")
        assert worked.content[0].text == "worked"
    finally:
        process.terminate()
        process.communicate()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "required: protocol"),
        (["mcp"], "no model: give -m provider:id"),
        (["mcp", "--offer", "no_such_tool"], "no plugin offers tool 'no_such_tool'"),
        (["mcp", "-m", "scripted:x", "--executor", "subprocess"], "is no sandbox"),
    ],
)
def test_what_is_wrong_with_the_command_is_said(words, said, capsys, monkeypatch, tmp_path):
    monkeypatch.delenv("CORE_PLUS_MODEL", raising=False)
    turns = tmp_path / "turns.json"
    turns.write_text('["hello"]')
    with Host() as host:
        assert main(["serve", *(word.replace("scripted:x", f"scripted:{turns}") for word in words)], host) == 2
    assert said in capsys.readouterr().err


def test_other_machines_are_not_let_in_without_a_token(host):
    from core_plus import ConfigurationError
    from core_plus_mcp.serving.transports import http_app

    with pytest.raises(ConfigurationError, match="set a token"):
        http_app(mcp_server(add, host=host), "0.0.0.0")
