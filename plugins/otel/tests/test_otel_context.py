"""Within a tool, a model or code, wherever it runs, the current context is the right one."""

from __future__ import annotations

import asyncio
import sys
import threading

import pytest
from opentelemetry import trace
from opentelemetry.context import get_current
from opentelemetry.propagate import inject
from otel_agents import calls

from core_plus import CodeAgent, Message, ModelResponse, Text, ToolCall, ToolCallingAgent, tool
from core_plus.models import PartDelta, TextDelta
from core_plus.ops import Emit, Invoke, Open, Wait
from core_plus_otel.carrying import carried, within
from core_plus_scripted import ScriptedModel


def here():
    carrier = {}
    inject(carrier)
    return carrier.get("traceparent")


def parent_of(span):
    return f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-{span.context.trace_flags:02x}"


@tool(effect="read", thread="caller")
def in_the_callers_thread() -> str:
    """Tell the context."""
    return here()


@tool(effect="read")
def in_a_worker_thread() -> str:
    """Tell the context."""
    return here()


@tool(effect="read")
async def in_a_task() -> str:
    """Tell the context."""
    await asyncio.sleep(0)
    return here()


@tool(effect="read")
async def in_another_thread() -> str:
    """Tell the context of a thread that the tool's own starts."""
    return await asyncio.to_thread(here)


TOOLS = [in_the_callers_thread, in_a_worker_thread, in_a_task, in_another_thread]


@pytest.mark.parametrize("name", [one.name for one in TOOLS])
@pytest.mark.parametrize("way", ["run", "arun"])
@pytest.mark.parametrize("times", [1, 3])
def test_what_a_tool_sends_on_names_its_own_span(name, way, times, seen, host):
    many = Message("assistant", tuple(ToolCall("", name, {}) for _ in range(times)))
    model = ScriptedModel([many, calls(final_answer={"answer": 1})], name="m")
    found = getattr(ToolCallingAgent(model=model, tools=TOOLS, name="a"), way)("do", host=host)
    result = asyncio.run(found) if way == "arun" else found
    values = {record.call.id: record.value for record in result.steps[1].calls}
    spans = {span.attributes["gen_ai.tool.call.id"]: span for span in seen.spans if span.name == f"execute_tool {name}"}
    assert len(spans) == times
    assert values == {key: parent_of(span) for key, span in spans.items()}


class Telling:
    """A model that says in which context it is asked; one way each."""

    def __init__(self, way):
        self.heard = []
        setattr(self, way, getattr(self, f"_{way}"))

    def __str__(self):
        return "telling:one"

    def forward(self, request):
        raise AssertionError("not this way")

    def _reply(self):
        self.heard.append(here())
        return calls(final_answer={"answer": "done"}).tool_calls

    def _forward(self, request):
        return ModelResponse(Message("assistant", self._reply()))

    async def _aforward(self, request):
        await asyncio.sleep(0)
        return ModelResponse(Message("assistant", self._reply()))

    def _stream(self, request):
        self.heard.append(here())
        yield TextDelta("so ")
        for call in self._reply():
            yield PartDelta(call)

    async def _astream(self, request):
        self.heard.append(here())
        yield TextDelta("so ")
        await asyncio.sleep(0)
        for call in self._reply():
            yield PartDelta(call)


@pytest.mark.parametrize(
    ("way", "face"),
    [("forward", "run"), ("forward", "arun"), ("aforward", "arun"), ("stream", "stream"), ("astream", "astream"),
     ("stream", "astream"), ("astream", "stream")],
)  # fmt: skip
def test_a_model_is_asked_within_the_span_of_the_call(way, face, seen, host):
    model = Telling(way)
    agent = ToolCallingAgent(model=model, name="a")

    async def through():
        if face == "arun":
            return await agent.arun("do", host=host)
        events = agent.astream("do", host=host)
        async for _ in events:
            pass
        return events.result

    if face.startswith("a"):
        result = asyncio.run(through())
    elif face == "run":
        result = agent.run("do", host=host)
    else:
        result = agent.stream("do", host=host).finish()
    assert result.output == "done"
    assert set(model.heard) == {parent_of(seen.named("chat one"))}


def test_code_runs_within_its_span(seen, host):
    """As far as the host goes: the executor's session is asked within it."""
    model = ScriptedModel(["<code>\nfinal_answer(in_a_worker_thread())\n</code>"], name="m")
    result = CodeAgent(model=model, tools=TOOLS, executor="inprocess", name="a").run("do", host=host)
    assert result.output == parent_of(seen.named("execute_tool in_a_worker_thread"))


SERVER = """
import json, sys

for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    params, reply = asked.get("params") or {}, {"jsonrpc": "2.0", "id": asked["id"]}
    if asked["method"] == "initialize":
        told = {"capabilities": {"tools": {}}, "serverInfo": {"name": "telling", "version": "1"}}
        reply["result"] = {"protocolVersion": params["protocolVersion"], **told}
    elif asked["method"] == "tools/list":
        annotations = {"readOnlyHint": KIND}
        reply["result"] = {"tools": [{"name": "told", "inputSchema": {"type": "object"}, "annotations": annotations}]}
    elif asked["method"] == "tools/call":
        text = (params.get("_meta") or {}).get("traceparent", "nothing")
        reply["result"] = {"content": [{"type": "text", "text": text}]}
    else:
        reply["error"] = {"code": -32601, "message": "no such method"}
    print(json.dumps(reply), flush=True)
"""


@pytest.mark.parametrize("kind", ["read", "write"])
@pytest.mark.parametrize("way", ["run", "arun"])
def test_mcp_servers_are_told_the_span_of_the_call(way, kind, seen, host, tmp_path):
    pytest.importorskip("mcp", reason="the MCP SDK isn't installed")
    server = tmp_path / "server.py"
    server.write_text(SERVER.replace("KIND", str(kind == "read")))
    source = {"mcpServers": {"telling": {"command": sys.executable, "args": [str(server)]}}}
    (told,) = (one for one in host.tools(source) if "told" in one.name)
    model = ScriptedModel([calls(**{told.name: {}}), calls(final_answer={"answer": 1})], name="m")
    found = getattr(ToolCallingAgent(model=model, tools=[told], name="a"), way)("do", host=host)
    result = asyncio.run(found) if way == "arun" else found
    (record,) = result.steps[1].calls
    assert record.value == parent_of(seen.named(f"execute_tool {told.name}"))
    assert seen.named(f"execute_tool {told.name}").attributes["mcp.method.name"] == "tools/call"
    (duration,) = seen.metrics["mcp.client.operation.duration"]
    assert dict(duration.attributes) == {"mcp.method.name": "tools/call", "gen_ai.tool.name": told.name}
    assert seen.tree == [
        ("invoke_agent a", "chat m", f"execute_tool {told.name}", "chat m", "execute_tool final_answer")
    ]


def test_operations_that_call_nothing_pass_unchanged():
    op = Emit(None)
    assert carried(op, get_current()) is op


def test_errors_reach_the_engine_and_its_clean_up_is_done():
    seen = []

    def engine():
        try:
            yield Wait(None)
        except ValueError as error:
            seen.append(error)
            yield Wait(None)
        finally:
            seen.append("closed")

    ops = within(engine(), lambda op: op)
    next(ops)
    ops.throw(error := ValueError("x"))
    ops.close()
    assert seen == [error, "closed"]


def test_the_context_is_set_only_while_something_is_carried_out(seen):
    span = seen.tracers.get_tracer("t").start_span("x")
    context = trace.set_span_in_context(span)
    op = carried(Invoke(trace.get_current_span), context)
    assert op.function() is span
    assert trace.get_current_span() is not span
    thread_found = []
    thread = threading.Thread(target=lambda: thread_found.append(op.function()))
    thread.start()
    thread.join()
    assert thread_found == [span]
    span.end()


def test_a_stream_is_closed_in_its_context(seen):
    span = seen.tracers.get_tracer("t").start_span("x")
    found = []

    def stream():
        try:
            yield Text("a")
            yield Text("b")
        finally:
            found.append(trace.get_current_span())

    opened = carried(Open(stream, ()), trace.set_span_in_context(span)).function()
    assert next(opened) == Text("a")
    opened.close()
    assert found == [span]
    span.end()
