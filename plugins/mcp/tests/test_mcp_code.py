"""Code mode: an agent's code imports a server's tools, and the prompt holds no more than it must."""

from __future__ import annotations

import ast
import json
import sys

import attrs
import pytest

import core_plus_mcp
from core_plus import CodeAgent, Deny, Host, ToolCallingAgent, hookimpl
from core_plus_mcp.schemas import stub

EXECUTORS = ["subprocess", pytest.param("sandbox", marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux's"))]


@pytest.fixture(scope="session")
def coder():
    """A host with the executors of this machine, which tests share."""
    with Host() as made:
        yield made


@pytest.fixture
def written(coder, useful, tmp_path):
    """Run code as an agent's, with the shared server's tools as a module; the step."""

    def run(code, executor="subprocess", host=coder, **settings):
        file = tmp_path / "useful.json"
        file.write_text(json.dumps(useful))
        agent = CodeAgent(model=Writes(code), tools=[f"mcp-code:{file}"], executor=executor, host=host, **settings)
        return agent.run("go").steps[1]

    return run


class Writes:
    """A model that writes one piece of code and then ends."""

    def __init__(self, code):
        self.code, self.requests = code, []

    def forward(self, request):
        from core_plus import ModelResponse, message

        self.requests.append(request)
        code, self.code = self.code, "final_answer('done')"
        return ModelResponse(message("assistant", f"I go.\n<code>\n{code}\n</code>"))


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_servers_tools_are_imported_and_called(written, executor):
    code = "from mcp_servers.useful import add, weather\nprint(add(1), add(2, b=5), weather('Oslo')['degrees'])"
    step = written(code, executor)
    assert step.error is None
    assert step.stdout == "3 7 21.5\n"


def test_they_can_be_awaited_and_run_at_once(written):
    code = """
import asyncio
from mcp_servers import useful
print(await useful.add(1))
print(await asyncio.gather(*(useful.sleep(0.5) for _ in range(8)), useful.add(40)))
"""
    step = written(code)
    assert step.error is None
    assert step.stdout == "3\n" + repr(["rested"] * 8 + [42]) + "\n"
    slept = [record.seconds for record in step.calls if record.call.arguments.get("tool") == "sleep"]
    assert len(slept) == 8
    assert step.seconds < sum(slept)


def test_help_and_dir_tell_what_there_is(written):
    step = written("from mcp_servers import useful\nhelp(useful.add)\nprint(dir(useful))\nprint(useful.__doc__)")
    assert "add(a: 'int', b: 'int' = 2) -> 'int'" in step.stdout
    assert "a: The first." in step.stdout
    assert "'weather'" in step.stdout
    assert "Small things that tests need." in step.stdout


def test_what_is_not_there_is_an_import_error_that_names_what_is(written):
    step = written("from mcp_servers import nothing")
    assert "ImportError" in step.error.message
    step = written("import mcp_servers.nothing")
    assert "there is no module mcp_servers.nothing" in step.error.message
    step = written("from mcp_servers import useful\nuseful.ad")
    assert "did you mean add" in step.error.message


def test_tools_are_found_by_words(written):
    step = written("print(search_tools('the weather of a city'))")
    first = step.stdout.splitlines()[0]
    assert first.startswith("from mcp_servers.useful import weather  # weather(city: str) -> dict")


def test_results_stay_in_variables_and_pictures_are_shown(written):
    step = written("from mcp_servers.useful import large, picture\ntext = large(100_000)\nprint(len(text))")
    assert step.stdout == "100000\n"
    assert "xxxx" not in step.observation


def test_modules_that_code_may_import_stay_as_they_are(written):
    step = written("from mcp_servers.useful import add\nprint(add(1))\nimport socket", additional_authorized_imports=[])
    assert step.stdout == "3\n"
    assert "'socket' may not be imported" in step.error.message


def test_a_tool_is_reviewed_under_its_own_name(useful, tmp_path):
    class NoWeather:
        @hookimpl
        def review_effect(self, run, effect):
            return (
                Deny("no weather today")
                if getattr(getattr(effect, "call", 0), "name", "") == "useful.weather"
                else None
            )

    from importlib import import_module

    plugins = [core_plus_mcp, import_module("core_plus_subprocess"), NoWeather()]
    with Host(discover=False, plugins=plugins) as host:
        code = "from mcp_servers.useful import add, weather\nprint(add(1))\nweather('Oslo')"
        tools = [core_plus_mcp.mcp_servers(useful, host, code=True)]
        agent = CodeAgent(model=Writes(code), tools=tools, executor="subprocess", host=host)
        step = agent.run("go").steps[1]
    assert step.stdout == "3\n"
    assert "no weather today" in step.error.message


def test_an_executor_that_has_no_modules_says_so_and_goes_on(coder, useful):
    tools = [core_plus_mcp.mcp_servers(useful, coder, code=True)]
    agent = CodeAgent(model=Writes("1"), tools=tools, executor="monty", host=coder)
    warned = [event.text for event in agent.stream("go") if type(event).__name__ == "Warned"]
    assert len(warned) == 1
    assert warned[0].startswith("monty can't run what tools bring along for code: ")


def test_an_interpreter_that_was_lost_has_the_modules_again(coder, useful, says):
    lost = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    codes = [lost, "from mcp_servers.useful import add\nprint(add(1))", "final_answer(1)"]
    tools = [core_plus_mcp.mcp_servers(useful, coder, code=True)]
    model = says(*(f"I go.\n<code>\n{code}\n</code>" for code in codes))
    first, second = CodeAgent(model=model, tools=tools, executor="subprocess", host=coder).run("go").steps[1:3]
    assert "Lost" in first.error.message
    assert second.stdout == "3\n"


@pytest.mark.parametrize("executor", ["monty", "inprocess"])
def test_where_nothing_can_be_imported_tools_are_called_by_name(coder, useful, executor):
    tools = [core_plus_mcp.mcp_servers(useful, coder, code=True)]
    code = "print(mcp_servers.call('useful', 'add', {'a': 5}))"
    agent = CodeAgent(model=Writes(code), tools=tools, executor=executor, host=coder)
    assert agent.run("go").steps[1].stdout == "7\n"


@pytest.fixture
def many(host):
    """The prompt of an agent with so many tools of one server."""
    import mcp_types as types
    from mcp.server.lowlevel import Server as Near

    from core_plus_mcp import Server

    def make(count):
        async def listed(context, params):
            schema = {"type": "object", "properties": {"x": {"type": "string"}}}
            words = "Does the thing number {} to something."
            tools = [
                types.Tool(name=f"thing_{n}", description=words.format(n), input_schema=schema) for n in range(count)
            ]
            return types.ListToolsResult(tools=tools)

        near = Near("many", instructions="Very many things.", on_list_tools=listed)
        source = core_plus_mcp.mcp_servers(Server(name=f"many{count}", target=near), host, code=True)
        return CodeAgent(model=Writes("1"), tools=[source], executor=Nowhere(), host=host).prompt()

    return make


@attrs.frozen
class Nowhere:
    name: str = "nowhere"
    is_sandbox: bool = True
    imports: None = None


def test_past_the_threshold_the_prompt_does_not_grow_with_the_number_of_tools(many):
    few, hundred, thousand = many(10), many(100), many(1000)
    assert "thing_7(" in few
    assert "thing_7" not in hundred
    assert len(hundred.replace("many100", "")) == len(thousand.replace("many1000", ""))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": ["string", "null"]}, "b": {"enum": [1, "x", None]}}},
        {
            "type": "object",
            "properties": {"class": {"$ref": "#/$defs/T"}},
            "$defs": {"T": {"properties": {"t": {"$ref": "#/$defs/T"}}}},
        },
        {
            "type": "object",
            "properties": {"a": {"items": {"properties": {"b-c": {"type": "number"}}}, "type": "array"}},
        },
        {"type": "object", "properties": {"a": True, "b": {"$ref": "elsewhere.json"}, "c": {"allOf": []}}},
        {"type": "object", "properties": {"a": {"description": 'a """quoted\\ word'}}},
    ],
)
def test_every_schema_becomes_python_that_can_be_read(schema):
    source = stub("do", 'It """does" things\\n', schema, {"type": "object", "properties": {"ok": {"type": "boolean"}}})
    tree = ast.parse(source)
    assert isinstance(tree.body[-1], ast.FunctionDef)
    assert ast.unparse(tree.body[-1].returns) == "DoResult"


def test_an_agent_that_calls_tools_as_json_has_them_one_by_one(call, useful):
    (record,) = call(useful, ("add", {"a": 1}))
    assert record.call.name == "add"
    assert ToolCallingAgent is not None
