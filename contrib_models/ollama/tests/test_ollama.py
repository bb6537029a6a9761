"""Ollama's own API, over a real socket."""

import asyncio
import json
import logging

import pytest

from core_plus.errors import ConfigurationError, MalformedReplyError, ModelNotFoundError
from core_plus.messages import Audio, Image, Text, Thinking, ToolCall, ToolResult, message
from core_plus.models import ModelRequest
from core_plus_ollama import OllamaModel
from core_plus_ollama.model import address_of
from core_plus_testkit import Answer, FaultKit, LoopbackServer, ModelKit, OpenAIServer, RequestKit, ScriptedServer, Turn
from core_plus_testkit.model_kit import KEY, TOOLS
from core_plus_testkit.scripted_server import cut, dumps

REQUEST = ModelRequest((message("user", "hi"),))


class OllamaServer(ScriptedServer):
    """Answers /api/chat from scripts."""

    stream_type = "application/x-ndjson"

    def handles(self, path):
        return path == "/api/chat"

    def other(self, path):
        if path == "/api/embed":
            return {"embeddings": [[0.5, 1.0]]}
        return {"models": [{"name": "b"}, {"name": "a"}]} if path == "/api/tags" else None

    def complaint(self, body):
        return OpenAIServer().complaint(body)  # calls and results pair as in chat completions

    def whole(self, turn, seen, step):
        said = {"role": "assistant", "content": turn.text}
        return self.line(seen, {**said, **self.more(turn, step)}, turn, done=True)

    def more(self, turn, step):
        calls = [
            {"id": f"call_{step}_{n}", "function": {"name": name, "arguments": given}}
            for n, (name, given) in enumerate(turn.calls)
        ]
        thinking = {"thinking": turn.thinking} if turn.thinking else {}
        return {**thinking, **({"tool_calls": calls} if calls else {})}

    def events(self, turn, seen, step):
        pieces = [{"thinking": part, "content": ""} for part in cut(turn.thinking, turn.size)]
        pieces += [{"content": part} for part in cut(turn.text, turn.size)]
        more = self.more(turn, step)
        more.pop("thinking", None)
        pieces += [{"content": "", **more}] if more else []
        lines = [self.line(seen, {"role": "assistant", **piece}, turn, done=False) for piece in pieces]
        lines.append(self.line(seen, {"role": "assistant", "content": ""}, turn, done=True))
        return [dumps(line) + b"\n" for line in lines]

    def line(self, seen, said, turn, *, done):
        line = {"model": seen.json["model"], "message": said, "done": done}
        if done:
            line |= {"done_reason": turn.finish or "stop"}
        if done and turn.usage:
            line |= {"prompt_eval_count": turn.usage.input_tokens, "eval_count": turn.usage.output_tokens}
        return line

    def failure(self, turn):
        return dumps({"error": turn.error}) + b"\n"

    def refused(self, status, words, code=None):
        return {"error": words}


@pytest.fixture
def server():
    with OllamaServer() as found:
        yield found


class TestOllamaModel(ModelKit):
    deviations = {"test_the_tokens_are_told": "Ollama counts neither cached tokens nor those of reasoning apart"}

    @pytest.fixture
    def backend(self, server):
        return server

    @pytest.fixture
    def model(self, backend):
        model = OllamaModel("scripted", base_url=backend.url, api_key=KEY)
        yield model
        model.close()


class TestRequests(RequestKit):
    server = OllamaServer
    owner = "ollama-native"
    takes = ("image", "text file")

    @staticmethod
    def validate(body):
        """There is no description of the API but its words: calls, results and roles are held against a double."""
        return ""

    @pytest.fixture
    def body(self):
        model = OllamaModel("scripted", base_url="http://x.invalid")
        return lambda request, stream: model.codec.send(request, stream=stream).body


class TestFaults(FaultKit):
    server = OllamaServer

    def make(self, url, **settings):
        return OllamaModel("scripted", base_url=url, api_key=KEY, **settings)


def sent(server, request, **settings):
    server.script(lambda body: Turn(text="ok"))
    OllamaModel("m", base_url=server.url, **settings).forward(request)
    return server.requests[-1].json


def test_parameters_stand_where_ollama_wants_them(server):
    schema = {"type": "object"}
    request = ModelRequest(REQUEST.messages, stop=("END",), max_tokens=5, output_schema=schema, options={"seed": 1})
    body = sent(server, request, options={"think": "high", "num_ctx": 4096, "keep_alive": "1h"})
    assert body["options"] == {"num_predict": 5, "stop": ["END"], "num_ctx": 4096, "seed": 1}
    assert (body["think"], body["keep_alive"], body["format"]) == ("high", "1h", schema)


def test_tools_pictures_thinking_and_results_are_written(server):
    history = (
        message("user", [Text("look"), Image(b"png")]),
        message("assistant", [Thinking("hm", provider="ollama-native"), ToolCall("c1", "add", {"a": 1})]),
        message("tool", [ToolResult("c1", "add", (Text("3"),))]),
    )
    body = sent(server, ModelRequest(history, TOOLS))
    user, said, result = body["messages"]
    assert user == {"role": "user", "content": "look", "images": ["cG5n"]}
    assert (said["thinking"], said["tool_calls"][0]["function"]) == ("hm", {"name": "add", "arguments": {"a": 1}})
    assert result == {"role": "tool", "tool_name": "add", "tool_call_id": "c1", "content": "3"}
    assert [tool["function"]["name"] for tool in body["tools"]] == ["add", "now"]
    assert "tools" not in sent(server, ModelRequest(REQUEST.messages, TOOLS, tool_choice="none"))


def test_sound_is_refused_with_the_reason(server):
    with pytest.raises(ConfigurationError, match="take text and pictures, not audio/wav"):
        sent(server, ModelRequest((message("user", Audio(b"x")),)))


def test_models_are_listed_and_texts_embedded(server):
    model = OllamaModel("m", base_url=server.url)
    assert model.list_models() == ["a", "b"]
    assert model.embed(["x"], dimensions=2) == asyncio.run(model.aembed(["x"])) == [[0.5, 1.0]]
    assert server.requests[1].json == {"model": "m", "input": ["x"], "dimensions": 2}
    with pytest.raises(MalformedReplyError, match="gave no 2 vectors"):
        model.embed(["x", "y"])


@pytest.mark.parametrize("way", ["forward", "stream"])
def test_a_model_that_isnt_there_is_pulled_on_demand(way, caplog):
    told = []
    lines = [{"status": "pulling", "completed": 5, "total": 10}, {"status": "success"}]

    def answer(seen):
        if seen.path == "/api/pull":
            pieces = tuple(json.dumps(line).encode() + b"\n" for line in lines)
            return Answer(content_type="application/x-ndjson", stream=True, pieces=pieces)
        if len(server.requests) == 1:
            return Answer(b'{"error": "model \'m\' not found"}', 404)
        return Answer(b'{"message": {"content": "hi"}, "done": true, "done_reason": "stop"}')

    with LoopbackServer(answer) as server:
        model = OllamaModel("m", base_url=server.origin, pull=True, progress=lambda *facts: told.append(facts))
        assert model.forward(REQUEST).message.text == "hi" if way == "forward" else list(model.stream(REQUEST))
    assert told == [("pulling", 5, 10), ("success", 0, 0)]
    assert [seen.path for seen in server.requests] == ["/api/chat", "/api/pull", "/api/chat"]


def test_nothing_is_pulled_unless_that_was_asked_for():
    with LoopbackServer(lambda seen: Answer(b'{"error": "model \'m\' not found"}', 404)) as server:
        with pytest.raises(ModelNotFoundError, match="model 'm' not found"):
            OllamaModel("m", base_url=server.origin).forward(REQUEST)
        assert len(server.requests) == 1


def test_a_pull_tells_the_log_and_its_failure_is_typed(caplog):
    lines = b'{"status": "pulling", "completed": 1, "total": 4}\n{"error": "no such model"}\n'
    with LoopbackServer(lambda seen: Answer(lines, content_type="application/x-ndjson")) as server:
        model = OllamaModel("m", base_url=server.origin)
        with caplog.at_level(logging.INFO), pytest.raises(ModelNotFoundError, match="no such model"):
            model.pull()
    assert "pulling 25 %" in caplog.text


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        (":8000", "http://127.0.0.1:8000"),
        ("box:1234/", "http://box:1234"),
        ("http://box", "http://box:80"),
        ("https://box", "https://box:443"),
    ],
)
def test_the_address_is_read_as_ollama_reads_it(host, address):
    assert address_of(host) == address
