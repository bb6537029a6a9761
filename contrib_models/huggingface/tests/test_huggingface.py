"""Hugging Face's models, over a real socket."""

import asyncio

import pytest

from core_plus import ConfigurationError, Host, MalformedReplyError
from core_plus.messages import Audio, Image, message
from core_plus.models import ModelRequest
from core_plus_huggingface import HuggingFaceModel
from core_plus_testkit import Answer, LoopbackServer, ModelKit, Turn
from core_plus_testkit.model_kit import KEY

REQUEST = ModelRequest((message("user", "hi"),))


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    return tmp_path


def authorization(server, model):
    server.script([Turn(text="hi")])
    model.forward(REQUEST)
    return server.requests[-1].headers.get("authorization")


def test_the_router_wants_a_token_and_says_how_to_get_one():
    with pytest.raises(ConfigurationError, match="wants a key: set HF_TOKEN, run `hf auth login`, or give token="):
        HuggingFaceModel("org/name")


def test_the_token_is_the_callers_or_the_environments_or_the_one_that_was_kept(openai_server, home, monkeypatch):
    url = openai_server.url
    assert authorization(openai_server, HuggingFaceModel("m", base_url=url)) is None
    (home / "token").write_text("hf_kept\n")
    assert authorization(openai_server, HuggingFaceModel("m", base_url=url)) == "Bearer hf_kept"
    monkeypatch.setenv("HF_TOKEN", "hf_env")
    assert authorization(openai_server, HuggingFaceModel("m", base_url=url)) == "Bearer hf_env"
    assert authorization(openai_server, HuggingFaceModel("m", base_url=url, token="hf_own")) == "Bearer hf_own"


def test_the_provider_stays_with_the_name_and_the_organization_pays(openai_server):
    openai_server.script([Turn(text="hi")])
    model = HuggingFaceModel("Qwen/Qwen3-32B:groq", base_url=openai_server.url, bill_to="acme")
    model.forward(REQUEST)
    seen = openai_server.requests[0]
    assert (seen.json["model"], seen.headers["x-hf-bill-to"]) == ("Qwen/Qwen3-32B:groq", "acme")
    assert str(model) == "hf:Qwen/Qwen3-32B:groq"


def test_a_dedicated_endpoint_is_named_as_it_is_shown(openai_server):
    openai_server.script([Turn(text="hi")])
    HuggingFaceModel("tgi", base_url=openai_server.origin).forward(REQUEST)
    assert openai_server.requests[0].path == "/v1/chat/completions"


class TestHuggingFaceModel(ModelKit):
    @pytest.fixture
    def model(self, backend):
        model = HuggingFaceModel("scripted", base_url=backend.url, token=KEY)
        yield model
        model.close()


@pytest.fixture
def router(monkeypatch):
    """Stands in for the router; gives what is asked for."""

    def answer(seen):
        if seen.path.endswith("/feature-extraction"):
            return Answer(b"[[0.5, 1], [2, 3]]")
        if seen.headers.get("accept") == "image/png":
            return Answer(b"\xff\xd8", content_type="image/jpeg")
        return Answer(b'{"text": "Guten Tag."}')

    with LoopbackServer(answer) as server:
        monkeypatch.setattr("core_plus_huggingface.model.BASE_URL", f"{server.origin}/v1")
        yield server


def test_hugging_face_itself_does_what_isnt_conversation(router):
    model = HuggingFaceModel("org/name:fastest", token="hf_t")
    assert model.embed(["a", "b"], normalize=True) == [[0.5, 1.0], [2.0, 3.0]]
    assert asyncio.run(model.atranscribe(Audio(b"x", media_type="audio/flac"))) == "Guten Tag."
    assert model.transcribe(Audio(b"x"), return_timestamps=False) == "Guten Tag."
    assert model.generate_image("a fox", width=64) == [Image(b"\xff\xd8", media_type="image/jpeg")]
    model.close()
    vectors, words, more, picture = router.requests
    base = "/hf-inference/models/org/name"
    assert [each.path for each in router.requests] == [f"{base}/pipeline/feature-extraction", base, base, base]
    assert vectors.json == {"inputs": ["a", "b"], "normalize": True}
    assert (words.body, words.headers["content-type"]) == (b"x", "audio/flac")
    assert more.json == {"inputs": "eA==", "parameters": {"return_timestamps": False}}
    assert picture.json == {"inputs": "a fox", "parameters": {"width": 64}}
    assert {each.headers["authorization"] for each in router.requests} == {"Bearer hf_t"}


def test_what_is_no_picture_is_malformed(monkeypatch):
    with LoopbackServer(lambda seen: Answer(b"{}")) as server:
        monkeypatch.setattr("core_plus_huggingface.model.BASE_URL", f"{server.origin}/v1")
        model = HuggingFaceModel("org/name", token="hf_t")
        with pytest.raises(MalformedReplyError, match="gave application/json, no picture"):
            model.generate_image("a fox")
        model.close()


def test_another_provider_is_asked_only_for_conversations(router):
    model = HuggingFaceModel("org/name:groq", token="hf_t")
    with pytest.raises(ConfigurationError, match="not groq: write hf:org/name"):
        model.embed(["a"])
    assert router.requests == []


def test_an_endpoint_of_ones_own_speaks_as_openai_does():
    with LoopbackServer(lambda seen: Answer(b'{"data": [{"embedding": [1]}]}')) as server:
        model = HuggingFaceModel("m", base_url=server.origin)
        assert model.embed(["a"]) == [[1.0]]
        assert server.requests[0].path == "/v1/embeddings"
        model.close()


def test_it_says_what_is_missing_before_it_can_be_asked(home):
    with Host() as host:
        factory = host.find("model", "hf").factory
    assert factory.missing() == "set HF_TOKEN, or run: hf auth login"
    (home / "token").write_text("hf_kept\n")
    assert factory.missing() == ""
