"""One policy holds wherever a call comes from: native, an MCP server, a managed agent, code in every executor."""

from __future__ import annotations

from types import SimpleNamespace

import mcp_types
import pytest
from approval_doubles import Counting

from core_plus import (
    CodeAgent,
    ConfigurationError,
    ExecutorError,
    Host,
    Message,
    PluginError,
    ToolCall,
    ToolCallingAgent,
)
from core_plus_approval import Approval, Policy, Rule
from core_plus_mcp.tools import McpTool
from core_plus_scripted import ScriptedModel

DENY = Rule("deny", tool="write_*", reason="not on my disk")
FAR = {"docker", "e2b", "jupyter", "modal", "podman"}
"""Executors that are containers, servers or services: they take longer than a test should by default."""
CATCHES = """
<code>
try:
    write_file(path="a.txt")
except Exception as error:
    print("caught", error)
final_answer(read_file(path="a.txt"))
</code>
"""
FAILS = '<code>\nwrite_file(path="a.txt")\n</code>'


def from_server(name="write_file"):
    """A tool as the MCP plugin makes it, of a server that isn't there: a call of it would fail otherwise."""
    schema = {"type": "object", "properties": {"path": {"type": "string"}}}
    connection = SimpleNamespace(server=SimpleNamespace(name="files"))
    return McpTool(mcp_types.Tool(name=name, input_schema=schema), name, connection, [], list)


def call(name, **arguments):
    return Message("assistant", (ToolCall("", name, arguments),))


@pytest.fixture(scope="module")
def installed():
    """All plugins of this environment, without a policy of their own."""
    with Host(block=["core-plus-approval"]) as made:
        yield made


@pytest.fixture
def write():
    return Counting("write_file")


@pytest.fixture
def policy():
    return Approval(Policy([DENY]))


def told(result):
    """All that the model was shown in a run."""
    return "\n".join(
        said.text + " ".join(one.text for one in said.parts if hasattr(one, "parts")) for said in result.messages
    )


def by_call(tool, **settings):
    model = ScriptedModel([call("write_file", path="a.txt"), call("final_answer", answer="another way")])
    return ToolCallingAgent(model=model, tools=[tool], **settings)


@pytest.mark.parametrize("tool", [Counting("write_file"), from_server()], ids=["native", "MCP"])
@pytest.mark.parametrize("where", ["host", "agent"])
def test_a_denial_holds_for_a_tool(tool, where, policy):
    with Host(discover=False, plugins=[policy] if where == "host" else []) as host:
        result = by_call(tool, host=host, policies=[policy] if where == "agent" else []).run("write")
    assert result.output == "another way"
    assert tool.calls == []
    assert "write_file was denied: not on my disk" in told(result)


@pytest.mark.parametrize("where", ["host", "agent"])
def test_a_denial_holds_within_a_managed_agent(where, write, policy):
    with Host(discover=False, plugins=[policy] if where == "host" else []) as host:
        helper = by_call(write, name="helper", description="Writes.", host=host)
        model = ScriptedModel([call("helper", task="write it"), call("final_answer", answer="done")])
        policies = [policy] if where == "agent" else []
        result = ToolCallingAgent(model=model, managed_agents=[helper], host=host, policies=policies).run("write")
    assert result.output == "done"
    assert write.calls == []


@pytest.mark.parametrize("way", ["managed_agents", "handoffs"])
def test_an_agent_itself_can_be_denied(way, write):
    policy = Approval(Policy([Rule("deny", tool="helper")]))
    with Host(discover=False, plugins=[policy]) as host:
        helper = ToolCallingAgent(model=ScriptedModel(["I was asked"]), name="helper", description="Helps.", host=host)
        name = "helper" if way == "managed_agents" else "hand_off_to_helper"
        arguments = {"task": "do"} if way == "managed_agents" else {"message": "do"}
        model = ScriptedModel([call(name, **arguments), call("final_answer", answer="alone")])
        result = ToolCallingAgent(model=model, host=host, **{way: [helper]}).run("go")
    assert result.output == "alone"
    assert helper.model.requests == []


@pytest.mark.parametrize("origin", ["mcp", "mcp:files", "mcp:*"])
def test_a_rule_may_name_a_server(origin):
    with Host(discover=False, plugins=[Approval(Policy([Rule("deny", origin=origin, reason="no servers")]))]) as host:
        assert "no servers" in told(by_call(from_server(), host=host).run("write"))
        own = Counting("write_file")
        by_call(own, host=host).run("write")
    assert len(own.calls) == 1


EXECUTORS = [pytest.param(name, marks=[pytest.mark.slow] if name in FAR else []) for name in Host().names("executor")]


@pytest.mark.parametrize("name", EXECUTORS)
@pytest.mark.parametrize("tool", [Counting, from_server], ids=["native", "MCP"])
def test_a_denial_holds_for_a_call_from_code_which_can_catch_it(name, tool, installed, policy):
    write, read = tool("write_file"), Counting("read_file", effect="read")
    settings = {"executor": running(installed, name), "host": installed, "policies": [policy]}
    with CodeAgent(model=ScriptedModel([FAILS, CATCHES]), tools=[write, read], **settings) as agent:
        result = agent.run("write")
    assert result.output == "done a.txt"
    assert write.calls == []
    failed, caught = [step for step in result.steps if getattr(step, "code", None)]
    assert "write_file was denied: not on my disk" in failed.error.message
    assert caught.error is None
    assert "caught" in caught.stdout
    assert "not on my disk" in caught.stdout


def running(host, name):
    """The executor, where it can run here; it is tried with a line of code."""
    try:
        executor = host.executor(name)
        if lack := getattr(host.find("executor", name).factory, "missing", str)():
            pytest.skip(f"{name} can't run here: {lack}")
        with CodeAgent(model=ScriptedModel(["<code>final_answer(1)</code>"]), executor=executor, host=host) as agent:
            result = agent.run("try")
    except (ConfigurationError, ExecutorError, PluginError) as error:
        pytest.skip(f"{name} can't run here: {error}")
    if isinstance(result.error, ConfigurationError | ExecutorError):
        pytest.skip(f"{name} can't run here: {result.error}")
    assert result.output == 1
    return executor
