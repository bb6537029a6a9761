"""What servers have besides tools: resources, prompts, and lists that change."""

from __future__ import annotations

import pytest

from core_plus import Image, ToolCallingAgent
from core_plus_mcp import current_tools, mcp_servers


@pytest.fixture
def servers(home, useful):
    return mcp_servers(useful, home)


def test_resources_are_read_by_tools(call, useful):
    listed, note, pixel = call(
        useful,
        ("useful_list_resources", {}),
        ("useful_read_resource", {"uri": "note://one"}),
        ("useful_read_resource", {"uri": "note://pixel"}),
    )
    assert [one["uri"] for one in listed.value] == ["note://one", "note://pixel", "number://{number}"]
    assert note.value == "buy milk"
    assert isinstance(pixel.value, Image)


def test_a_resource_that_is_not_there_is_a_tool_error(call, useful):
    (record,) = call(useful, ("useful_read_resource", {"uri": "note://nowhere"}))
    assert record.error.kind == "AgentToolExecutionError"


def test_a_server_without_resources_brings_no_tools_for_them(host, block):
    assert [tool.name for tool in host.tools(block(plain=("broken.py", "good")))] == ["work"]


def test_a_program_reads_resources_and_prompts_itself(servers):
    assert servers.read("number://7") == "the number 7"
    assert [prompt.name for prompt in servers.prompts()["useful"]] == ["greet"]
    assert [one["name"] for one in servers.resources()["useful"]] == ["one", "pixel", "numbers"]


def test_a_prompt_is_a_template_for_tasks_and_conversations(servers, home, says):
    prompt = servers.prompt("greet", who="Ada")
    assert prompt.text == "Say hello to Ada."
    assert prompt.description == "Greets somebody."
    model = says("hello")
    ToolCallingAgent(model=model, host=home).run("now", message_history=prompt.messages)
    assert "Say hello to Ada." in model.requests[0].messages[1].text
    assert servers.prompt("useful/greet", who="Bo").text == "Say hello to Bo."
    with pytest.raises(LookupError, match="0 servers have a prompt 'nothing'; there is useful/greet"):
        servers.prompt("nothing")


def test_servers_are_given_to_an_agent_as_they_are(servers, home, says):
    agent = ToolCallingAgent(model=says(("add", {"a": 3})), tools=[servers], host=home)
    assert agent.run("go").steps[1].calls[0].value == 5


def test_a_tool_that_comes_while_an_agent_works_can_be_called_in_a_later_step(home, shop, says, until):
    tools = {tool.remote_name: tool for tool in home.tools(shop)}
    listing = tools["learn"].connection

    def once_known(_request):
        assert until(lambda: any(tool.name == "juggle" for tool in listing.listing))
        return tools["wait"].name, {}

    def call_it(request):
        (name,) = [spec.name for spec in request.tools if spec.name.endswith("juggle")]
        return name, {}

    turns = [(tools["learn"].name, {"name": "juggle"}), once_known, call_it]
    agent = ToolCallingAgent(model=says(*turns), tools=[shop], host=home, tool_filter=current_tools)
    records = [record for step in agent.run("go").steps for record in getattr(step, "calls", ())]
    assert [record.value for record in records] == ["learnt", None, "juggle does it"]
