"""What Google's models can do beside answering, over a real socket."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest

from core_plus import Host, MalformedReplyError
from core_plus.messages import message
from core_plus.models import ModelRequest
from core_plus_google import GoogleModel
from core_plus_testkit import Answer, GoogleServer, LoopbackServer

PICTURE = base64.b64encode(b"\x89PNG").decode()


@pytest.fixture
def serving():
    opened = []

    def start(reply, model_id):
        server = LoopbackServer(lambda seen: Answer(json.dumps(reply).encode()))
        opened.append(server.__enter__())
        model = GoogleModel(model_id, base_url=server.origin, api_key="k")
        opened.append(model)
        return server, model

    yield start
    for each in reversed(opened):
        each.close()


def test_vectors_of_texts(serving):
    server, model = serving({"embeddings": [{"values": [0.5]}, {"values": [1]}]}, "gemini-embedding-001")
    assert model.embed(["a", "b"], outputDimensionality=1) == [[0.5], [1.0]]
    assert asyncio.run(model.aembed(["a", "b"])) == [[0.5], [1.0]]
    seen = server.requests[0]
    assert seen.path == "/v1beta/models/gemini-embedding-001:batchEmbedContents"
    assert seen.json["requests"][1] == {
        "model": "models/gemini-embedding-001",
        "content": {"parts": [{"text": "b"}]},
        "outputDimensionality": 1,
    }


@pytest.mark.parametrize("reply", [{}, [], {"embeddings": [{"values": [1]}]}, {"embeddings": [{}, {}]}])
def test_a_reply_without_as_many_vectors_is_malformed(serving, reply):
    _, model = serving(reply, "m")
    with pytest.raises(MalformedReplyError, match="gave no 2 vectors"):
        model.embed(["a", "b"])


def test_imagen_draws_at_an_endpoint_of_its_own(serving):
    reply = {"predictions": [{"bytesBase64Encoded": PICTURE, "mimeType": "image/png"}]}
    server, model = serving(reply, "imagen-4.0-generate-001")
    (picture,) = model.generate_image("a fox", sampleCount=1)
    assert (picture.data, picture.media_type) == (b"\x89PNG", "image/png")
    assert server.requests[0].path == "/v1beta/models/imagen-4.0-generate-001:predict"
    assert server.requests[0].json == {"instances": [{"prompt": "a fox"}], "parameters": {"sampleCount": 1}}


@pytest.mark.parametrize("reply", [{}, {"predictions": [{}]}, {"predictions": ["x"]}])
def test_a_reply_without_pictures_is_malformed(serving, reply):
    _, model = serving(reply, "imagen-4.0-generate-001")
    with pytest.raises(MalformedReplyError, match="gave no pictures"):
        model.generate_image("a fox")


def test_other_models_draw_in_their_answer(serving):
    parts = [{"text": "Here:"}, {"inlineData": {"mimeType": "image/png", "data": PICTURE}}]
    reply = {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}
    server, model = serving(reply, "gemini-2.5-flash-image")
    (picture,) = asyncio.run(model.agenerate_image("a fox"))
    assert picture.data == b"\x89PNG"
    assert server.requests[0].json["generationConfig"] == {"responseModalities": ["TEXT", "IMAGE"]}


def test_tokens_are_counted_sync_and_async():
    request = ModelRequest((message("user", "hi"),))
    with GoogleServer() as server:
        model = GoogleModel("m", base_url=server.url, api_key="k")
        assert model.count_tokens(request) == asyncio.run(model.acount_tokens(request)) == 42
        model.close()


def test_it_says_what_is_missing_before_it_can_be_asked(monkeypatch, tmp_path):
    names = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GEMINI_BASE_URL", "GOOGLE_APPLICATION_CREDENTIALS", "APPDATA")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    with Host() as host:
        google, vertex = (host.find("model", name).factory for name in ("google", "vertex"))
    assert google.missing() == "set GEMINI_API_KEY"
    assert "gcloud auth application-default login" in vertex.missing()
    (tmp_path / "application_default_credentials.json").write_text("{}")
    assert vertex.missing() == ""
    monkeypatch.setenv("GOOGLE_API_KEY", "k")
    assert google.missing() == ""
