"""Tools of real server processes, as an agent has them; over stdio, streamable HTTP and the old HTTP."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest

import core_plus_mcp
from core_plus import Audio, File, Host, Image, ToolCallingAgent


@pytest.fixture
def tools(home, useful):
    return {tool.name: tool for tool in home.tools(useful)}


def test_a_tool_has_the_signature_of_its_schema(tools):
    assert tools["add"].signature() == "add(a: int, b: int = 2) -> int"
    assert tools["weather"].signature() == "weather(city: str) -> dict"
    assert "a: The first." in tools["add"].to_code_prompt()


def test_what_repeating_a_call_does_is_what_the_server_says(tools):
    assert [tools[name].effect for name in ("add", "weather", "fail")] == ["read", "idempotent", "write"]


def test_names_that_are_none_in_python_are_made_such_and_go_to_the_server_as_they_are(home, call, block):
    source = block(odd=("broken.py", "odd"))
    (tool,) = home.tools(source)
    assert tool.signature() == "odd_name_of_tool(self: str, class_: str = ...) -> Any"
    (record,) = call(source, ("odd_name_of_tool", {"class_": "first", "self": "me"}))
    assert record.value == '{"class": "first", "self": "me"}'


@pytest.mark.parametrize("arun", [False, True])
def test_values_come_as_data_words_and_parts(call, useful, arun):
    turns = [("add", {"a": 1}), ("weather", {"city": "Oslo"}), ("picture", {}), ("linked", {})]
    add, weather, picture, linked = call(useful, *turns, arun=arun)
    assert add.value == 3
    assert weather.value == {"city": "Oslo", "degrees": 21.5}
    words, image, sound = picture.value
    assert (words, type(image), image.media_type) == ("look", Image, "image/png")
    assert (type(sound), sound.data) == (Audio, b"RIFF")
    link, file = linked.value
    assert link == "[resource notes at note://one: what was noted]"
    assert file == File(data=b"%PDF", media_type="application/pdf", name="b.pdf")


def test_a_tool_that_fails_is_a_tool_error_in_its_own_words(call, useful):
    (record,) = call(useful, ("fail", {"why": "the moon is full"}))
    assert record.error.kind == "AgentToolExecutionError"
    assert "the moon is full" in record.error.message


def test_arguments_are_checked_before_the_server_is_asked(call, useful):
    (record,) = call(useful, ("add", {"a": "one"}))
    assert record.error.kind == "AgentToolCallError"


@pytest.mark.parametrize(
    "kind", [("http",), *(pytest.param(kind, marks=pytest.mark.slow) for kind in (("http", "stateless"), ("sse",)))]
)
def test_servers_on_the_network_are_used_as_those_in_a_process(call, listening, kind, host):
    url = listening(*kind)
    more = {"type": "sse"} if kind[0] == "sse" else {}
    add, slow = call(
        {"mcpServers": {"web": {"url": url, **more}}}, ("add", {"a": 40}), ("sleep", {"seconds": 0.1}), on=host
    )
    assert (add.value, slow.value) == (42, "rested")


def test_both_eras_of_the_protocol_are_spoken(home, shop):
    versions = {tool.connection.client.protocol_version for tool in home.tools(shop)}
    assert versions == {"2025-11-25" if "shop_old" in shop["mcpServers"] else "2026-07-28"}


def test_a_bearer_token_goes_with_every_request_and_is_never_shown(call, listening, monkeypatch, host):
    monkeypatch.setenv("SESAME", "sesame-open")
    url = listening("http", "token")
    monkeypatch.setenv("OTHER", "not-the-word")
    good = {"mcpServers": {"web": {"url": url, "headers": {"Authorization": "Bearer ${SESAME}"}}}}
    (record,) = call(good, ("add", {"a": 1}), on=host)
    assert record.value == 3
    bad = {"mcpServers": {"wrong": {"url": url, "headers": {"Authorization": "Bearer ${OTHER}"}}}}
    with pytest.raises(Exception, match="MCP server 'wrong'") as caught:
        host.tools(bad)
    assert "not-the-word" not in str(caught.value)
    assert "sesame-open" not in repr(host.tools(good))


def test_all_pages_of_a_list_are_read(host, block):
    tools = host.tools(block(paged=("broken.py", "pages")))
    assert len(tools) == 15


def test_two_servers_with_a_tool_of_one_name_are_told_apart_and_it_is_said(host, block, says):
    source = block(first=("broken.py", "good"), second=("broken.py", "good"))
    assert [tool.name for tool in host.tools(source)] == ["work", "second_work"]
    assert any("both have a tool 'work': the latter's is 'second_work'" in problem for problem in host.problems)
    agent = ToolCallingAgent(model=says(("second_work", {})), tools=[source], host=host)
    assert agent.run("go").steps[1].calls[0].value == "worked"


def test_a_prefix_can_be_had_always_and_tools_can_be_chosen(host, entry):
    wish = entry("broken.py", "pages", prefix=True, includeTools=["work_1_1", "work_1_2"], excludeTools=["work_1_2"])
    assert [tool.name for tool in host.tools({"mcpServers": {"u": wish}})] == ["u_work_1_1"]


def test_many_calls_at_once_take_about_as_long_as_one(call, useful):
    many = [("sleep", {"seconds": 1.0})] * 50
    records = call(useful, ("add", {"a": 1}), many)
    assert [record.value for record in records[1:]] == ["rested"] * 50
    # One after another they would take 50 s; a busy machine is no failure.
    assert max(record.seconds for record in records[1:]) < 25


def test_progress_is_seen_as_it_happens(home, useful, says):
    agent = ToolCallingAgent(model=says(("count", {"to": 3})), tools=[useful], host=home)
    said = [event.data for event in agent.stream("go") if type(event).__name__ == "ToolProgress"]
    assert said == ["at 1 (1/3)", "at 2 (2/3)", "at 3 (3/3)"]


def test_one_host_serves_sync_and_async_runs_at_once(home, useful):
    agent = ToolCallingAgent(model=Adder(), tools=[useful], host=home)

    async def some():
        return await asyncio.gather(*(agent.arun(str(n)) for n in range(5)))

    results: list = []
    threads = [threading.Thread(target=lambda n=n: results.append(agent.run(str(n)))) for n in range(5)]
    for thread in threads:
        thread.start()
    results += asyncio.run(some())
    for thread in threads:
        thread.join()
    assert sorted(result.output for result in results) == sorted(["102"] * 10)


class Adder:
    """A model that adds 100 and 2, and says the sum."""

    def forward(self, request):
        from core_plus import ModelResponse, ToolCall, message

        last = request.messages[-1]
        if last.role == "tool":
            return ModelResponse(message("assistant", last.parts[0].text))
        return ModelResponse(message("assistant", ToolCall("1", "add", {"a": 100})))


def test_a_server_object_of_the_sdk_needs_no_process(host, says):
    from mcp.server.mcpserver import MCPServer

    from core_plus_mcp import Server

    near = MCPServer("near", log_level="ERROR")
    near.add_tool(lambda: "here", name="where", description="Where it is.")
    (tool,) = host.tools(Server(name="near", target=near))
    result = ToolCallingAgent(model=says((tool.name, {})), tools=[Server(name="near", target=near)], host=host).run(
        "go"
    )
    assert result.steps[1].calls[0].value == "here"


def test_nothing_is_left_when_the_host_is_closed(block, says, alive, until):
    before = set(threading.enumerate())
    with Host(discover=False, plugins=[core_plus_mcp]) as host:
        source = block(one=("broken.py", "good"))
        assert ToolCallingAgent(model=says(("work", {})), tools=[source], host=host).run("go").output == "done"
        pid = host.tools(source)[0].connection.pid
        assert alive(pid)
    assert until(lambda: not alive(pid))
    assert until(lambda: not set(threading.enumerate()) - before)


def test_nothing_is_left_when_the_host_is_forgotten(block, alive, until):
    host = Host(discover=False, plugins=[core_plus_mcp])
    pid = host.tools(block(one=("broken.py", "good")))[0].connection.pid
    assert alive(pid)
    del host
    gc.collect()
    assert until(lambda: not alive(pid))
