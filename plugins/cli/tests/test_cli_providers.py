"""Which model works: servers, keys, failures of providers, and what is said where none is set."""

from __future__ import annotations

import json
import shlex

import pytest

from core_plus_cli import credentials, servers, storage
from core_plus_testkit import OpenAIServer, Turn


@pytest.fixture
def server():
    with OpenAIServer() as running:
        running.script([Turn(text="Now.\n<code>\nfinal_answer('from the server')\n</code>")])
        yield running


@pytest.fixture
def local(monkeypatch):
    """Says which local servers are looked for."""
    return lambda *known: monkeypatch.setattr(servers, "KNOWN", known)


def port_of(server: OpenAIServer) -> int:
    return int(server.url.rpartition(":")[2].partition("/")[0])


def test_base_url_chooses_the_server(core_plus, server):
    done = core_plus("run", "Do.", "-q", "-m", "openai:small", "--base-url", server.url)
    assert (done.status, done.out) == (0, "from the server\n")
    assert server.requests[0].json["model"] == "small"


@pytest.mark.parametrize("spelling", ["openai:small", "core-plus-openai:openai:small"])
def test_the_owner_of_a_provider_can_be_named(core_plus, server, spelling):
    assert core_plus("run", "Do.", "-q", "-m", spelling, "--base-url", server.url).out == "from the server\n"


def test_a_kept_key_is_sent_unless_another_is_set_and_missed_once_removed(core_plus, server, monkeypatch):
    credentials.keep("openai", "sk-kept")
    core_plus("run", "Do.", "-q", "-m", "openai:small", "--base-url", server.url)
    assert server.requests[0].headers["authorization"] == "Bearer sk-kept"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-set")
    core_plus("run", "Do.", "-q", "-m", "openai:small", "--base-url", server.url)
    assert server.requests[1].headers["authorization"] == "Bearer sk-set"
    monkeypatch.delenv("OPENAI_API_KEY")
    credentials.remove("openai")
    assert "core-plus keys set openai" in core_plus("run", "Do.", "-m", "openai:small").err


def test_a_refused_key_says_how_to_keep_another_and_doesnt_show_it(core_plus, server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-one")
    server.script([Turn(status=401, error="Incorrect API key provided")])
    done = core_plus("run", "Do.", "-m", "openai:small", "--base-url", server.url)
    assert done.status == 1
    assert "Incorrect API key provided" in done.out
    assert "core-plus keys set openai" in done.err
    assert "sk-wrong-one" not in done.out + done.err


def test_a_server_that_isnt_there_is_named(core_plus):
    done = core_plus("run", "Do.", "-m", "openai:small", "--base-url", "http://127.0.0.1:9/v1")
    assert done.status == 1
    assert "http://127.0.0.1:9/v1" in done.out
    assert "--base-url says where the server is" in done.err


def test_a_model_that_isnt_there_is_named(core_plus, server):
    server.script([Turn(status=404, error="The model 'smal' does not exist")])
    done = core_plus("run", "Do.", "-m", "openai:smal", "--base-url", server.url)
    assert done.status == 1
    assert "check the model's name" in done.err


@pytest.mark.parametrize("place", ["option", "variable", "default"])
def test_the_model_is_taken_from_the_option_else_the_variable_else_the_default(core_plus, script, monkeypatch, place):
    right, wrong = script("final_answer('right')"), "scripted:wrong.md"
    options = []
    if place == "option":
        options = ["-m", right]
        monkeypatch.setenv("CORE_PLUS_MODEL", wrong)
    elif place == "variable":
        monkeypatch.setenv("CORE_PLUS_MODEL", right)
    storage.write_settings(storage.Settings(model=right if place == "default" else wrong))
    assert core_plus("run", "Do.", "-q", *options).out == "right\n"


def test_without_a_model_three_lines_say_what_to_set_and_where_it_looked(core_plus, local):
    local(("Ollama", 9), ("vLLM", 11))
    done = core_plus("run", "Do it.")
    assert (done.status, done.out) == (2, "")
    assert done.err.count("\n") == 3
    for shown in ("Ollama :9, vLLM :11", "CORE_PLUS_MODEL", "core-plus models default", "core-plus demo"):
        assert shown in done.err


def test_without_a_model_a_local_server_that_answers_is_offered_with_the_very_command(core_plus, local):
    with OpenAIServer() as server:
        server.script([Turn(text="<code>\nfinal_answer('found')\n</code>")], model="qwen3:8b")
        local(("Ollama", port_of(server)), ("vLLM", 9))
        done = core_plus("run", "What's up?")
        assert done.status == 2
        assert "Ollama answers" in done.err
        command = next(line for line in done.err.splitlines() if line.startswith("  core-plus run"))
        assert core_plus(*shlex.split(command)[1:], "-q").out == "found\n"


def test_chat_without_a_model_offers_chat(core_plus, server, local):
    local(("LM Studio", port_of(server)))
    assert "core-plus chat -m openai:" in core_plus("chat").err


@pytest.mark.parametrize(
    "body", [b"<html>hello</html>", b'{"data": []}', b'{"data": "no list"}', json.dumps({"models": []}).encode(), b""]
)
def test_whatever_else_listens_at_the_port_is_no_server(local, body):
    from core_plus_testkit import Answer, LoopbackServer

    with LoopbackServer(lambda seen: Answer(body)) as other:
        local(("Ollama", int(other.origin.rpartition(":")[2])))
        assert servers.look() == []


def test_a_server_that_never_answers_is_given_up_soon(local):
    import time

    from core_plus_testkit import Answer, LoopbackServer

    with LoopbackServer(lambda seen: Answer(fault="hang")) as other:
        local(("Ollama", int(other.origin.rpartition(":")[2])))
        began = time.monotonic()
        assert servers.look() == []
        assert time.monotonic() - began < 2
