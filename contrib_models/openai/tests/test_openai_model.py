"""Settings of the model object, and how a host finds it."""

import asyncio
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

import core_plus_openai
from core_plus import errors
from core_plus.messages import message
from core_plus.models import ModelRequest
from core_plus.secret import Secret
from core_plus_openai import OpenAIModel
from core_plus_testkit import Answer, LoopbackServer, Turn

REQUEST = ModelRequest((message("user", "hi"),))


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)


def test_openais_own_server_wants_a_key():
    with pytest.raises(errors.ConfigurationError, match=r"https://api\.openai\.com/v1 wants a key: set OPENAI_API_KEY"):
        OpenAIModel("gpt-5-mini")
    assert str(OpenAIModel("gpt-5-mini", api_key="sk-x")) == "openai:gpt-5-mini"


def test_another_server_needs_none(openai_server):
    openai_server.script([Turn(text="hi")])
    OpenAIModel("m", base_url=openai_server.url).forward(REQUEST)
    assert "authorization" not in openai_server.requests[0].headers


def test_the_environment_names_server_and_key(openai_server, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-env\n")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
    openai_server.script([Turn(text="hi")])
    OpenAIModel("m").forward(REQUEST)
    headers = openai_server.requests[0].headers
    assert headers["authorization"] == "Bearer sk-env"
    assert (headers["openai-organization"], headers["openai-project"]) == ("org-1", "proj-1")


def test_what_the_caller_says_wins_over_the_environment(openai_server, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://nowhere.invalid")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-env")
    openai_server.script([Turn(text="hi")])
    model = OpenAIModel(
        "m", base_url=openai_server.url, api_key=Secret("sk-own"), organization="o", headers={"X-Title": "t"}
    )
    model.forward(REQUEST)
    headers = openai_server.requests[0].headers
    assert (headers["authorization"], headers["openai-organization"], headers["x-title"]) == ("Bearer sk-own", "o", "t")


def test_a_header_of_the_callers_may_carry_the_key():
    model = OpenAIModel(
        "m", base_url="https://me.openai.azure.com/openai/v1", headers={"API-Key": Secret("azure-key-1")}
    )
    assert "azure-key-1" not in repr(vars(model))


def test_options_reach_the_server(openai_server):
    openai_server.script([Turn(text="hi")])
    model = OpenAIModel("m", base_url=openai_server.url, options={"temperature": 0})
    model.forward(ModelRequest(REQUEST.messages, options={"seed": 7}))
    assert {"temperature": 0, "seed": 7}.items() <= openai_server.requests[0].json.items()


def test_the_servers_models_are_listed(openai_server):
    openai_server.script([], model="b")
    openai_server.script([], model="a")
    assert OpenAIModel("m", base_url=openai_server.url).list_models() == ["a", "b"]
    assert openai_server.requests[0].method == "GET"


@pytest.mark.parametrize(
    ("body", "names"),
    [(b'[{"id": "b"}, {"id": "a"}]', ["a", "b"]), (b'{"models": [{"name": "a"}]}', ["a"]), (b'{"data": []}', [])],
)
def test_other_forms_of_list_are_read_too(body, names):
    with LoopbackServer(lambda _: Answer(body)) as server:
        assert OpenAIModel("m", base_url=server.origin).list_models() == names


@pytest.mark.parametrize(
    ("answer", "kind"), [(Answer(b"{}"), errors.MalformedReplyError), (Answer(status=500), errors.ServerError)]
)
def test_a_server_that_does_not_tell_its_models_is_an_error(answer, kind):
    with LoopbackServer(lambda _: answer) as server, pytest.raises(kind):
        OpenAIModel("m", base_url=server.origin).list_models()


def test_closing_leaves_no_connection(openai_server):
    openai_server.script([Turn(text="hi")])
    model = OpenAIModel("m", base_url=openai_server.url)
    model.forward(REQUEST)
    assert openai_server.connections == 1
    asyncio.run(model.aclose())
    for _ in range(500):
        if not openai_server.connections:
            break
        asyncio.run(asyncio.sleep(0.01))
    assert openai_server.connections == 0


def test_a_thousand_runs_at_once_share_one_model(openai_server):
    openai_server.script([Turn(calls=[("add", {"a": 1})]), Turn(text="hi")])
    model = OpenAIModel("m", base_url=openai_server.url)

    async def many():
        return await asyncio.gather(*(model.aforward(REQUEST) for _ in range(1000)))

    replies = asyncio.run(many())
    assert [reply.finish_reason for reply in replies] == ["tool_calls"] * 1000
    model.close()


def test_a_host_finds_it_by_its_entry_point():
    found = [each for each in entry_points(group="core_plus", name="model.openai") if each.value == "core_plus_openai"]
    if not found:
        pytest.skip("core-plus-openai isn't installed here")
    registered = {}
    core_plus_openai.register_models(lambda name, factory, **more: registered.update({name: (factory, more)}))
    factory, more = registered["openai"]
    assert str(factory("m", base_url="http://127.0.0.1")) == "openai:m"
    assert more["summary"]


def test_a_look_up_imports_no_transport():
    heavy = ["httpx", "h11", "asyncio", "ssl"]
    script = f"import sys, core_plus_openai; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_a_sync_call_imports_neither_httpx_nor_asyncio(openai_server):
    openai_server.script([Turn(text="hi")])
    script = f"""
import sys
from core_plus_openai import OpenAIModel
from core_plus.messages import message
from core_plus.models import ModelRequest
model = OpenAIModel("m", base_url={openai_server.url!r})
assert model.forward(ModelRequest((message("user", "hi"),))).message.text == "hi"
print([name for name in ("httpx", "asyncio", "openai") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_there_is_nothing_else_in_the_package():
    assert core_plus_openai.__all__ == ["OpenAIModel", "OpenAIResponsesModel", "Quirks"]
    with pytest.raises(AttributeError, match="no attribute 'GPT'"):
        core_plus_openai.GPT  # noqa: B018 (asking is the test)
