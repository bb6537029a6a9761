"""Hugging Face's models, over a real socket."""

import pytest

from core_plus import ConfigurationError
from core_plus.messages import message
from core_plus.models import ModelRequest
from core_plus_huggingface import HuggingFaceModel
from core_plus_testkit import ModelKit, Turn
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
