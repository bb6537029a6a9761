"""The table of servers: every row makes a model, and a person can add rows."""

import subprocess
import sys

import pytest

import core_plus_compatible
from core_plus import ConfigurationError, Host, PluginError
from core_plus.messages import ToolCall, ToolResult, message
from core_plus.models import ModelRequest
from core_plus_compatible import own
from core_plus_compatible.model import quirks_in
from core_plus_compatible.table import Server, read, servers
from core_plus_testkit import ModelKit, Turn
from core_plus_testkit.model_kit import KEY

LOCAL = ("ollama", "vllm", "lmstudio", "llamacpp-server")
REQUEST = ModelRequest((message("user", "hi"),))


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch, tmp_path):
    for server in servers().values():
        for name in (server.key_variable, server.address_variable):
            monkeypatch.delenv(name or "UNSET", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("CORE_PLUS_PROVIDERS", raising=False)


@pytest.fixture
def host():
    with Host(discover=False, plugins=[core_plus_compatible, own]) as found:
        yield found


@pytest.fixture
def providers(tmp_path, monkeypatch):
    """Writes a person's own rows."""
    path = tmp_path / "providers.toml"
    monkeypatch.setenv("CORE_PLUS_PROVIDERS", str(path))
    return path.write_text


@pytest.mark.parametrize("name", servers())
def test_each_row_makes_a_model_that_speaks_to_its_server(name, host, openai_server, monkeypatch):
    row = servers()[name]
    monkeypatch.setenv(row.key_variable, KEY)
    openai_server.script([Turn(text="hello")])
    model = host.find("model", name).factory("some-model", base_url=openai_server.url)
    assert str(model) == f"{name}:some-model"
    assert model.forward(REQUEST).message.text == "hello"
    assert openai_server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in repr(vars(model))


@pytest.mark.parametrize("name", servers())
def test_each_row_says_in_a_line_what_it_is_and_where(name):
    row = servers()[name]
    assert row.summary
    assert row.base_url.startswith("http://127.0.0.1:" if name in LOCAL else "https://")
    assert quirks_in(row, name, "m", row.base_url)


@pytest.mark.parametrize("name", sorted({*servers()} - {*LOCAL}))
def test_a_server_that_wants_a_key_says_which_variable_holds_it(name, host, monkeypatch):
    factory, variable = host.find("model", name).factory, servers()[name].key_variable
    assert factory.missing() == f"set {variable}"
    with pytest.raises(ConfigurationError, match=f"wants a key: set {variable} or give api_key="):
        factory("m")
    monkeypatch.setenv(variable, KEY)
    assert factory.missing() == ""


@pytest.mark.parametrize("name", LOCAL)
def test_a_server_on_this_machine_wants_no_key_and_may_stand_elsewhere(name, host, openai_server, monkeypatch):
    monkeypatch.setenv(servers()[name].address_variable, openai_server.url)
    openai_server.script([Turn(text="hello")])
    assert host.model(f"{name}:m").forward(REQUEST).message.text == "hello"
    assert "authorization" not in openai_server.requests[0].headers


def test_four_lines_add_a_server(host, openai_server, providers, monkeypatch):
    providers(f'[mine]\nbase_url = "{openai_server.url}"\nkey_variable = "MINE_KEY"\nquirks = {{ stop = false }}\n')
    monkeypatch.setenv("MINE_KEY", KEY)
    openai_server.script([Turn(text="hello")])
    model = host.model("mine:qwen3")
    assert model.forward(ModelRequest(REQUEST.messages, stop=("END",))).message.text == "hello"
    assert str(model) == "mine:qwen3"
    assert "stop" not in openai_server.requests[0].json


def test_a_name_that_nobody_knows_is_still_refused(host, providers):
    providers("")
    with pytest.raises(PluginError, match="mine"):
        host.model("mine:qwen3")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[mine", "is no TOML"),
        ("[mine]\n", "missing required field `base_url`"),
        ('[mine]\nbase_url = "http://x"\nkey = "k"\n', "unknown field `key`.*key_variable"),
    ],
)
def test_a_table_that_is_wrong_is_said_to_be(text, words):
    with pytest.raises(ConfigurationError, match=f"(?s)mine.toml.*{words}"):
        read(text, "mine.toml")


def test_a_quirk_that_there_isnt_is_named():
    with pytest.raises(ConfigurationError, match="mine has no quirk 'tools'; there are bad_arguments, call_ids"):
        quirks_in(Server("http://x", quirks={"tools": False}), "mine", "m", "http://x")


def test_a_quirk_of_the_wrong_type_is_named():
    with pytest.raises(ConfigurationError, match="the quirks of mine: Expected `bool`, got `str`"):
        quirks_in(Server("http://x", quirks={"stop": "no"}), "mine", "m", "http://x")


def test_a_file_that_is_named_must_be_there(monkeypatch, tmp_path):
    monkeypatch.setenv("CORE_PLUS_PROVIDERS", str(tmp_path / "none.toml"))
    with pytest.raises(ConfigurationError, match=r"CORE_PLUS_PROVIDERS names .*none\.toml, which isn't there"):
        own.resolve_model("mine:m")


def test_mistral_gets_ids_in_its_own_form_the_same_for_call_and_result(host, openai_server):
    history = (
        message("user", "hi"),
        message("assistant", [ToolCall("call_1_1", "f", {}), ToolCall("abcdefgh1", "f", {})]),
        message("tool", [ToolResult("call_1_1", "f"), ToolResult("abcdefgh1", "f")]),
    )
    openai_server.script(lambda body: Turn(text="ok"))
    factory = host.find("model", "mistral").factory
    factory("m", base_url=openai_server.url, api_key=KEY).forward(ModelRequest(history))
    calls, *results = openai_server.requests[0].json["messages"][1:]
    ids = [call["id"] for call in calls["tool_calls"]]
    assert ids == [result["tool_call_id"] for result in results]
    assert ids[1] == "abcdefgh1"
    assert len(ids[0]) == 9
    assert ids[0].isalnum()


def test_where_a_schema_isnt_taken_any_json_object_is_asked_for(host, openai_server):
    openai_server.script([Turn(text="{}")])
    factory = host.find("model", "deepseek").factory
    factory("m", base_url=openai_server.url, api_key=KEY).forward(ModelRequest(REQUEST.messages, output_schema={}))
    assert openai_server.requests[0].json["response_format"] == {"type": "json_object"}


def test_listing_the_names_imports_no_transport():
    script = (
        "import sys, core_plus_compatible, core_plus_compatible.own; found = []\n"
        "core_plus_compatible.register_models(lambda name, *a, **k: found.append(name))\n"
        "print([n for n in ('core_plus_http', 'platformdirs', 'h11', 'httpx') if n in sys.modules], len(found))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == f"[] {len(servers())}\n"


class TestCompatibleModel(ModelKit):
    @pytest.fixture
    def model(self, backend, host):
        model = host.find("model", "vllm").factory("scripted", base_url=backend.url, api_key=KEY)
        yield model
        model.close()
