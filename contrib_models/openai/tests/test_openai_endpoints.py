"""What OpenAI's models can do beside answering, over a real socket."""

from __future__ import annotations

import asyncio
import base64
import email
import email.policy
import json

import pytest

from core_plus import ConfigurationError, Host, MalformedReplyError, ModelNotFoundError
from core_plus.errors import AuthenticationError
from core_plus.messages import Audio, message
from core_plus.models import ModelRequest
from core_plus.tools import ToolSpec
from core_plus_openai import OpenAIModel, OpenAIResponsesModel
from core_plus_testkit import Answer, LoopbackServer


@pytest.fixture
def serving():
    """Starts a server that gives one answer to everything; gives it and a model."""
    opened = []

    def start(answer, kind=OpenAIModel, **settings):
        answer = answer if isinstance(answer, Answer) else Answer(json.dumps(answer).encode())
        server = LoopbackServer(lambda seen: answer)
        opened.append(server.__enter__())
        model = kind("small", base_url=f"{server.origin}/v1", api_key="sk-secret-key", **settings)
        opened.append(model)
        return server, model

    yield start
    for each in reversed(opened):
        each.close()


def fields(seen):
    """The parts of a form by name: their text or bytes, and the file's name and type."""
    head = f"content-type: {seen.headers['content-type']}\r\n\r\n".encode()
    form = email.message_from_bytes(head + seen.body, policy=email.policy.HTTP)
    return {
        part.get_param("name", header="content-disposition"): (
            part.get_payload(decode=True),
            part.get_filename(),
            part.get_content_type(),
        )
        for part in form.iter_parts()
    }


def test_vectors_come_in_the_order_of_the_texts_whatever_the_servers_order(serving):
    rows = [{"index": 1, "embedding": [3, 4]}, {"index": 0, "embedding": [1.5, 2.0]}]
    server, model = serving({"data": rows})
    assert model.embed(["a", "b"], dimensions=2) == [[1.5, 2.0], [3.0, 4.0]]
    assert asyncio.run(model.aembed(["a", "b"])) == [[1.5, 2.0], [3.0, 4.0]]
    seen = server.requests[0]
    assert (seen.path, seen.json) == ("/v1/embeddings", {"model": "small", "input": ["a", "b"], "dimensions": 2})
    assert seen.headers["authorization"] == "Bearer sk-secret-key"


def test_no_texts_are_no_request(serving):
    server, model = serving({})
    assert (model.embed([]), asyncio.run(model.aembed([])), server.requests) == ([], [], [])


@pytest.mark.parametrize(
    "reply",
    [{}, [], {"data": None}, {"data": [{"embedding": [1]}]}, {"data": [{"embedding": "AAA="}] * 2}, {"data": [1, 2]}],
)
def test_a_reply_without_as_many_vectors_is_malformed(serving, reply):
    _, model = serving(reply)
    with pytest.raises(MalformedReplyError, match="gave no 2 vectors"):
        model.embed(["a", "b"])


def test_a_server_that_has_no_such_endpoint_says_so(serving):
    _, model = serving(Answer(b'{"error": {"message": "no such path"}}', 404))
    for ask in (lambda: model.embed(["a"]), lambda: model.generate_image("a"), lambda: model.transcribe(Audio(b"a"))):
        with pytest.raises(ModelNotFoundError, match="no such path"):
            ask()


def test_a_refused_key_isnt_shown(serving):
    error = {"error": {"message": "Incorrect API key provided: sk-secret-key", "code": "invalid_api_key"}}
    _, model = serving(Answer(json.dumps(error).encode(), 401))
    with pytest.raises(AuthenticationError) as caught:
        model.embed(["a"])
    assert "sk-secret-key" not in str(caught.value)


def test_a_recording_is_sent_as_a_file_and_its_words_come_back(serving):
    server, model = serving({"text": "Guten Tag."})
    sound = Audio(b"RIFF\r\n--x\x00", media_type="audio/x-wav")
    options = {"language": "de", "timestamp_granularities": ["word", "segment"], "diarize": True}
    assert model.transcribe(sound, **options) == "Guten Tag."
    assert asyncio.run(model.atranscribe(sound)) == "Guten Tag."
    seen = server.requests[0]
    found = fields(seen)
    assert seen.path == "/v1/audio/transcriptions"
    assert found["file"] == (sound.data, "audio.wav", "audio/x-wav")
    assert (found["model"][0], found["language"][0], found["diarize"][0]) == (b"small", b"de", b"true")
    assert seen.body.count(b'name="timestamp_granularities[]"') == 2


def test_the_name_of_a_recording_cant_break_out_of_its_header(serving):
    server, model = serving({"text": ""})
    model.transcribe(Audio(b"x", name='a"\r\nx-evil: 1.mp3', media_type="audio/mpeg"))
    assert b"\r\nx-evil" not in server.requests[0].body
    assert fields(server.requests[0])["file"][0] == b"x"


def test_words_may_come_as_plain_text(serving):
    _, model = serving(Answer("Grüß Gott\n".encode(), content_type="text/plain; charset=utf-8"))
    assert model.transcribe(Audio(b"x"), response_format="text") == "Grüß Gott"


def test_a_recording_elsewhere_cant_be_sent(serving):
    server, model = serving({})
    with pytest.raises(ConfigurationError, match="sent as bytes"):
        model.transcribe(Audio(url="https://example.com/a.mp3"))
    assert server.requests == []


def test_pictures_come_as_bytes_or_as_addresses(serving):
    rows = [{"b64_json": base64.b64encode(b"\xff\xd8").decode()}, {"url": "https://example.com/a"}]
    server, model = serving({"data": rows, "output_format": "jpeg"})
    first, second = model.generate_image("a fox", size="1024x1024", n=2)
    assert (first.data, first.media_type, second.url) == (b"\xff\xd8", "image/jpeg", "https://example.com/a")
    assert asyncio.run(model.agenerate_image("a fox"))[0] == first
    seen = server.requests[0]
    assert seen.path == "/v1/images/generations"
    assert seen.json == {"model": "small", "prompt": "a fox", "size": "1024x1024", "n": 2}


@pytest.mark.parametrize("reply", [{}, {"data": []}, {"data": [{}]}, {"data": [{"b64_json": "%%%"}]}, {"data": ["x"]}])
def test_a_reply_without_pictures_is_malformed(serving, reply):
    _, model = serving(reply)
    with pytest.raises(MalformedReplyError, match="gave no pictures"):
        model.generate_image("a fox")


def test_tokens_are_counted_of_what_would_be_asked(serving):
    server, model = serving({"object": "response.input_tokens", "input_tokens": 42}, OpenAIResponsesModel)
    tools = (ToolSpec("add", "Add.", {"type": "object"}),)
    request = ModelRequest((message("user", "hi"),), tools, max_tokens=5, options={"temperature": 0})
    assert model.count_tokens(request) == asyncio.run(model.acount_tokens(request)) == 42
    seen = server.requests[0]
    assert (seen.path, sorted(seen.json)) == ("/v1/responses/input_tokens", ["input", "model", "tools"])


def test_a_reply_without_a_count_is_malformed(serving):
    _, model = serving({"input_tokens": "many"}, OpenAIResponsesModel)
    with pytest.raises(MalformedReplyError, match="no count of tokens"):
        model.count_tokens(ModelRequest((message("user", "hi"),)))


def test_it_says_what_is_missing_before_it_can_be_asked(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with Host() as host:
        factories = [host.find("model", name).factory for name in ("openai", "openai-responses")]
    assert {factory.missing() for factory in factories} == {"set OPENAI_API_KEY"}
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    assert {factory.missing() for factory in factories} == {""}
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert {factory.missing() for factory in factories} == {""}


def test_a_misspelt_setting_is_refused_with_the_closest():
    with Host(config={"model.openai": {"optoins": {}}}) as host, pytest.raises(ConfigurationError, match="options"):
        host.model("openai:small")
