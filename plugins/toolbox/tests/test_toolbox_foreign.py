"""Tools from elsewhere: a module's functions, LangChain's tools, Gradio apps, agents."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import textwrap
import types

import pytest

from core_plus import (
    ConfigurationError,
    Host,
    Image,
    ModelResponse,
    Tool,
    ToolCall,
    ToolCallingAgent,
    ToolDefinitionError,
    message,
)
from core_plus_toolbox import ToolboxError, from_agent, from_langchain, from_module, from_space
from core_plus_toolbox.foreign import identifier
from core_plus_toolbox.spaces import SpaceTool


class Says:
    """A model that answers from a list, and keeps what it was asked."""

    def __init__(self, *replies):
        self.replies, self.requests = list(replies), []

    def forward(self, request):
        self.requests.append(request)
        return ModelResponse(message("assistant", self.replies.pop(0)))


@pytest.fixture
def host():
    with Host() as made:
        yield made


# ---- a module ---------------------------------------------------------------------


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Makes a module of some source."""
    made = []

    def make(source, name="shop_of_a_test"):
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        monkeypatch.syspath_prepend(str(tmp_path))
        sys.modules.pop(name, None)
        made.append(name)
        return importlib.import_module(name)

    yield make
    for name in made:
        sys.modules.pop(name, None)


SHOP = '''
    from os.path import join
    from core_plus import tool

    def price(item: str, count: int = 1) -> float:
        """What something costs.

        Args:
            item: What.
            count: How many.
        """
        return 2.5 * count

    async def stock(item: str) -> int:
        """How much there is.

        Args:
            item: What.
        """
        return 7

    @tool(effect="read")
    def open_now() -> bool:
        """Whether the shop is open."""
        return True

    def _secret(): ...
    LIMIT = 5
    class Basket: ...
'''


def test_a_modules_own_public_functions_become_tools(module):
    tools = {tool.name: tool for tool in from_module(module(SHOP), effect="read", prefix="shop_")}
    assert set(tools) == {"shop_price", "shop_stock", "open_now"}
    assert tools["shop_price"]("tea", count="4") == 10.0
    assert asyncio.run(tools["shop_stock"]("tea")) == 7
    assert tools["shop_price"].effect == "read"


def test_only_some_functions_may_be_meant_and_all_says_which_are_public(module):
    assert [tool.name for tool in from_module(module(SHOP), ["price"])] == ["price"]
    listed = module("__all__ = ['join']\nfrom os.path import join\n", "listed_of_a_test")
    with pytest.raises(ToolDefinitionError, match="join"):
        from_module(listed)


def test_functions_that_cannot_be_told_to_a_model_are_all_named(module):
    odd = module("def a(x): ...\ndef b(*y: int): ...\n", "odd_of_a_test")
    with pytest.raises(ToolDefinitionError, match=r"odd_of_a_test(.|\n)*'a'(.|\n)*'b'"):
        from_module(odd)
    with pytest.raises(ToolDefinitionError, match="no function 'gone'"):
        from_module(odd, ["gone"])
    with pytest.raises(ToolDefinitionError, match="no public functions"):
        from_module(types.ModuleType("empty"))


def test_an_agent_takes_a_module_as_it_is(module, host):
    model = Says([ToolCall("1", "price", {"item": "tea", "count": 2})], "done")
    ToolCallingAgent(model=model, tools=[module(SHOP)], host=host).run("buy")
    assert model.requests[1].messages[-1].parts[0].text == "5.0"


def test_what_is_wrong_with_a_module_is_told_to_whoever_wanted_its_tools(module, host):
    with pytest.raises(ToolDefinitionError, match="odd_of_a_test"):
        ToolCallingAgent(model=Says(), tools=[module("def a(x): ...\n", "odd_of_a_test")], host=host).prompt()


# ---- an agent ---------------------------------------------------------------------


def test_an_agent_is_a_tool_whose_work_is_part_of_the_run(host):
    cook = ToolCallingAgent(model=Says("soup"), name="cook", description="Cooks.", host=host)
    lead = Says([ToolCall("1", "cook", {"task": "make soup"})], "done")
    result = ToolCallingAgent(model=lead, tools=[cook], host=host).run("feed us")
    assert lead.requests[1].messages[-1].parts[0].text == "soup"
    assert result.usage.calls == 3


def test_an_agent_may_get_another_name_as_a_tool(host):
    nameless = ToolCallingAgent(model=Says("soup"), host=host)
    tool = from_agent(nameless, "chef", "Cooks well.")
    assert (tool.name, tool.description) == ("chef", "Cooks well.")
    with pytest.raises(ConfigurationError, match="name and a description"):
        from_agent(nameless)


# ---- LangChain --------------------------------------------------------------------


def langchain(name="core"):
    return pytest.importorskip(f"langchain_{name}", reason="langchain-core isn't installed here")


@pytest.fixture
def weather():
    langchain()
    from langchain_core.tools import tool

    @tool("weather-of", parse_docstring=True)
    def weather_of(city: str, days: int = 1) -> str:
        """How the weather will be.

        Args:
            city: Where.
            days: For how long.
        """
        return f"{city}: rain for {days} days"

    return weather_of


def test_a_tool_of_langchains_keeps_its_schema_and_answers(weather):
    tool = from_langchain(weather, effect="read")
    assert isinstance(tool, Tool)
    assert (tool.name, tool.effect) == ("weather_of", "read")
    assert tool.spec.parameters["properties"]["city"]["type"] == "string"
    assert tool.spec.parameters["required"] == ["city"]
    assert tool(city="Oslo", days=3) == "Oslo: rain for 3 days"
    assert tool("Oslo") == "Oslo: rain for 1 days"


def test_an_async_tool_of_langchains_is_async_here(host):
    langchain()
    from langchain_core.tools import StructuredTool

    async def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    tool = from_langchain(StructuredTool.from_function(coroutine=add, name="add", description="Adds."))
    assert tool.is_async
    model = Says([ToolCall("1", "add", {"a": 1, "b": 2})], "done")
    ToolCallingAgent(model=model, tools=[tool], host=host).run("go")
    assert model.requests[1].messages[-1].parts[0].text == "3"


def test_an_agent_takes_a_tool_of_langchains_as_it_is_and_reads_its_errors(weather, host):
    model = Says([ToolCall("1", "weather_of", {"city": "Oslo", "days": "many"})], "done")
    ToolCallingAgent(model=model, tools=[weather], host=host).run("go")
    assert "days" in model.requests[1].messages[-1].parts[0].text


def test_something_else_is_no_tool_of_langchains():
    with pytest.raises(ToolDefinitionError, match="no invoke"):
        from_langchain(object())


@pytest.mark.parametrize(
    ("name", "becomes"), [("Weather-Of", "weather_of"), ("3d", "tool_3d"), ("!!", "tool"), ("für", "für")]
)
def test_names_become_what_code_can_say(name, becomes):
    assert identifier(name) == becomes


# ---- Gradio -----------------------------------------------------------------------

APP = """
import sys, gradio, PIL.Image
def describe(name: str, times: float = 2, loud: bool = False, kind: str = "a"):
    text = " ".join([f"hello {name}"] * int(times))
    return text.upper() if loud else text
def draw(picture, tint: str):
    return picture.rotate(90, expand=True), f"{tint} {picture.size}"
with gradio.Blocks() as app:
    takes = ["text", gradio.Number(2), gradio.Checkbox(), gradio.Dropdown(["a", "b"], value="a")]
    gradio.Interface(describe, takes, "text", api_name="describe")
    gradio.Interface(draw, [gradio.Image(type="pil"), "text"], [gradio.Image(type="pil"), "text"], api_name="draw")
here = {"server_name": "127.0.0.1", "server_port": int(sys.argv[1])}
app.queue().launch(**here, quiet=True, prevent_thread_lock=True)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def app():
    """A real Gradio app in a process of its own."""
    if not all(importlib.util.find_spec(name) for name in ("gradio", "gradio_client")):
        pytest.skip("gradio isn't installed here")
    import os
    import socket
    import subprocess

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    quiet = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", APP, str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=quiet) as process:
        try:
            assert any("ready" in line for line in process.stdout)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.stdin.close()
            process.terminate()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of Gradio's own client
def test_an_app_tells_what_it_takes_and_does_it(app, host):
    model = Says([ToolCall("1", "greet", {"name": "you", "times": 3})], "done")
    tool = from_space(app, "greet", "Greets.", api_name="/describe")
    assert tool.spec.parameters["required"] == ["name"]
    assert tool.spec.parameters["properties"]["times"]["type"] == "number"
    with ToolCallingAgent(model=model, tools=[tool], host=host) as agent:
        agent.run("go")
    assert model.requests[1].messages[-1].parts[0].text == "hello you hello you hello you"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_an_apps_files_go_out_as_data_and_come_back_as_parts(app):
    import io

    import PIL.Image

    file = io.BytesIO()
    PIL.Image.new("RGB", (4, 2)).save(file, "PNG")
    tool = from_space(app, api_name="draw")
    picture, words = tool(picture=Image(data=file.getvalue()), tint="red")
    assert words == "red (4, 2)"
    assert PIL.Image.open(io.BytesIO(picture.data)).size == (2, 4)
    with pytest.raises(ToolboxError, match="not a path"):
        tool(picture="/etc/passwd", tint="red")
    tool.close()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_an_app_that_lacks_the_endpoint_says_which_there_are(app):
    with pytest.raises(ConfigurationError, match="/describe, /draw"):
        from_space(app, api_name="paint")


class Client:
    """Answers as gradio_client does, for what needs no app."""

    def __init__(self, answer, gives="Textbox"):
        self.answer, self.asked, self.gives = answer, {}, gives

    def view_api(self, **_):
        takes = [{"parameter_name": "n", "type": {"type": "number"}, "component": "Number", "label": "How many"}]
        return {
            "named_endpoints": {"/do": {"parameters": takes, "returns": [{"component": self.gives, "label": "Text"}]}}
        }

    def predict(self, **asked):
        self.asked = asked
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_an_apps_schema_and_failures_are_told_in_our_words():
    client = Client("five")
    tool = SpaceTool("me/My-App", description="Counts.", client=client)
    assert tool.name == "my_app"
    assert tool.to_tool_calling_prompt() == "my_app(n: int | float) -> Any: Counts. It gives: Text."
    assert tool(n=5) == "five"
    assert client.asked == {"api_name": "/do", "n": 5}
    with pytest.raises(ToolboxError, match="ValueError: too many"):
        SpaceTool("me/x", client=Client(ValueError("too many")))(n=5)


def test_an_app_that_names_a_file_of_this_machine_gets_it_read_to_nobody(tmp_path):
    (tmp_path / "secret.png").write_bytes(b"secret")
    for answer in (str(tmp_path / "secret.png"), {"path": str(tmp_path / "secret.png")}):
        assert SpaceTool("me/x", client=Client(answer, "Image"))(n=5) == answer


def test_a_space_by_name_without_the_library_says_what_to_install(host, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"core-plus-toolbox\[gradio\]"):
        host.tools("space:me/my-app")
