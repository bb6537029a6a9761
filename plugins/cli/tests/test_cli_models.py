"""`core-plus models`: providers and the default."""

from __future__ import annotations

import json
import stat

import pytest

from core_plus_cli import credentials, servers
from core_plus_testkit import OpenAIServer


def test_the_providers_are_listed_with_a_line_each_and_the_default(core_plus):
    done = core_plus("models")
    assert (done.status, done.err) == (0, "")
    assert "scripted:" in done.out
    assert "openai:" in done.out
    assert "default: none" in done.out
    assert core_plus("models", "list").out == done.out


def test_a_default_is_set_shown_used_and_unset(core_plus, script, home):
    model = script("final_answer('by default')")
    assert core_plus("models", "default", model).status == 0
    assert core_plus("models", "default").out == f"default: {model}\n"
    assert core_plus("run", "Do.", "-q").out == "by default\n"
    path = home / "config/core-plus/settings.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert core_plus("models", "default", "--unset").status == 0
    assert "default: none" in core_plus("models", "default").out


def test_the_variable_that_goes_first_is_shown(core_plus, monkeypatch):
    monkeypatch.setenv("CORE_PLUS_MODEL", "openai:other")
    assert "CORE_PLUS_MODEL, which goes first: openai:other" in core_plus("models", "default").out


def test_a_default_of_a_provider_that_isnt_installed_is_refused(core_plus):
    done = core_plus("models", "default", "opnai:gpt-x")
    assert done.status == 2
    assert "did you mean openai?" in done.err
    assert "default: none" in core_plus("models", "default").out


@pytest.mark.parametrize("arguments", [["list", "openai:x"], ["--unset"], ["default", "openai:x", "--unset"], ["show"]])
def test_wrong_usage_is_refused(core_plus, arguments):
    assert core_plus("models", *arguments).status == 2


def test_settings_that_cant_be_read_are_named(core_plus, home):
    path = home / "config/core-plus/settings.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"model": 3}')
    done = core_plus("models")
    assert done.status == 2
    assert str(path) in done.err


def test_a_broken_provider_is_told_and_the_others_are_listed(core_plus, broken_plugin):
    done = core_plus("models", host=broken_plugin("model.rotten"))
    assert done.status == 0
    assert "scripted:" in done.out
    assert "rotten_module" in done.err


@pytest.fixture
def server(monkeypatch):
    with OpenAIServer() as running:
        running.script(["hello"], model="small")
        running.script(["hello"], model="large")
        monkeypatch.setenv("OPENAI_BASE_URL", running.url)
        yield running


def test_what_a_provider_serves_is_listed_with_a_kept_key(core_plus, server):
    credentials.keep("openai", "sk-kept")
    assert core_plus("models", "openai").out == "large\nsmall\n"
    assert json.loads(core_plus("models", "openai", "--json").out) == {
        "provider": "openai",
        "models": ["large", "small"],
    }
    assert {each.headers["authorization"] for each in server.requests} == {"Bearer sk-kept"}


def test_a_provider_without_its_key_says_what_to_set(core_plus):
    done = core_plus("models", "openai")
    assert (done.status, done.out) == (1, "")
    assert "set OPENAI_API_KEY" in done.err
    assert "core-plus keys set openai" in done.err


def test_a_provider_that_has_no_list_says_so(core_plus, spying):
    _, host = spying()
    done = core_plus("models", "spy", host=host)
    assert (done.status, done.out, done.err) == (1, "", "spy has no list of models to ask for\n")


def test_a_server_that_doesnt_tell_is_named(core_plus, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    done = core_plus("models", "openai")
    assert done.status == 1
    assert "http://127.0.0.1:9/v1" in done.err


def test_the_models_of_local_servers_are_listed(core_plus, server, monkeypatch):
    port = int(server.origin.rpartition(":")[2])
    monkeypatch.setattr(servers, "KNOWN", (("Ollama", 9), ("vLLM", port)))
    lines = core_plus("models", "local").out.splitlines()
    assert (lines[0], sorted(lines[1:])) == (f"vLLM, {server.url}", ["  large", "  small"])
    found = json.loads(core_plus("models", "local", "--json").out)
    assert [(each["name"], each["base_url"], sorted(each["models"])) for each in found] == [
        ("vLLM", server.url, ["large", "small"])
    ]
    monkeypatch.setattr(servers, "KNOWN", (("Ollama", 9),))
    done = core_plus("models", "local")
    assert (done.status, done.out) == (1, "")
    assert "Ollama :9" in done.err


def test_the_list_as_json(core_plus, monkeypatch):
    monkeypatch.setenv("CORE_PLUS_MODEL", "openai:other")
    found = json.loads(core_plus("models", "--json").out)
    assert found["default"] == "openai:other"
    assert "openai" in [each["name"] for each in found["providers"]]
