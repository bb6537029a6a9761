"""Azure OpenAI's models, over a real socket."""

import asyncio

import pytest

from core_plus import AuthenticationError, ConfigurationError, Host
from core_plus.messages import message
from core_plus.models import ModelRequest
from core_plus_azure import AzureModel, AzureResponsesModel
from core_plus_testkit import Answer, LoopbackServer, ModelKit, OpenAIServer, Turn
from core_plus_testkit.model_kit import KEY

REQUEST = ModelRequest((message("user", "hi"),))


class AzureServer(OpenAIServer):
    """The same conversation at Azure's addresses."""

    base = ""

    def handles(self, path):
        return path in ("/openai/v1/chat/completions", "/openai/deployments/my%20deployment/chat/completions")

    def other(self, path):
        return {"data": [{"id": "gpt-5"}]} if path == "/openai/v1/models" else None


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in ("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY", "OPENAI_API_VERSION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server():
    with AzureServer() as found:
        found.script(lambda body: Turn(text="hi"))
        yield found


def test_it_says_what_it_must_know():
    with pytest.raises(ConfigurationError, match="set AZURE_OPENAI_ENDPOINT or give endpoint="):
        AzureModel("d", api_key="k")


def test_a_deployment_stands_in_the_body(server):
    AzureModel("my deployment", endpoint=server.url, api_key=KEY).forward(REQUEST)
    (seen,) = server.requests
    assert (seen.path, seen.json["model"]) == ("/openai/v1/chat/completions", "my deployment")
    assert seen.headers["api-key"] == KEY
    assert "authorization" not in seen.headers


def test_with_a_dated_version_it_stands_in_the_path(server, monkeypatch):
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", server.url)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", KEY)
    AzureModel("my deployment", api_version="2024-10-21").forward(REQUEST)
    path = "/openai/deployments/my%20deployment/chat/completions?api-version=2024-10-21"
    assert server.requests[0].path == path


def test_a_token_is_asked_for_before_each_call_and_shown_nowhere(server):
    tokens = iter(["token-number-1", "token-number-2", "token-number-3"])
    model = AzureModel("d", endpoint=server.url, token_provider=lambda: next(tokens))
    model.forward(REQUEST)
    asyncio.run(model.aforward(REQUEST))
    assert list(model.stream(REQUEST))
    sent = [seen.headers["authorization"] for seen in server.requests]
    assert sent == ["Bearer token-number-1", "Bearer token-number-2", "Bearer token-number-3"]
    assert model.transport.clean("token-number-2") == "***"


def test_a_sign_in_that_fails_is_an_error_of_its_kind(server):
    def none():
        raise RuntimeError("expired")

    with pytest.raises(AuthenticationError, match="gave no token: RuntimeError: expired"):
        AzureModel("d", endpoint=server.url, token_provider=none).forward(REQUEST)


def test_the_models_of_the_resource_are_listed(server):
    assert AzureModel("d", endpoint=server.url, api_key=KEY).list_models() == ["gpt-5"]


def test_the_responses_api_has_its_own_address():
    reply = b'{"object": "response", "status": "completed", "output": []}'
    with LoopbackServer(lambda seen: Answer(reply)) as server:
        model = AzureResponsesModel("d", endpoint=f"{server.origin}/", api_key=KEY)
        assert model.forward(REQUEST).finish_reason == "stop"
        assert server.requests[0].path == "/openai/v1/responses"
        assert server.requests[0].headers["api-key"] == KEY


class TestAzureModel(ModelKit):
    @pytest.fixture
    def backend(self):
        with AzureServer() as server:
            yield server

    @pytest.fixture
    def model(self, backend):
        model = AzureModel("scripted", endpoint=backend.url, api_key=KEY)
        yield model
        model.close()


@pytest.mark.parametrize(
    ("version", "path"),
    [
        (None, "/openai/v1/embeddings"),
        ("2024-10-21", "/openai/deployments/my%20deployment/embeddings?api-version=2024-10-21"),
    ],
)
def test_vectors_are_asked_for_at_the_deployment(version, path):
    with LoopbackServer(lambda seen: Answer(b'{"data": [{"embedding": [1]}]}')) as server:
        model = AzureModel("my deployment", endpoint=server.origin, token_provider=lambda: "t", api_version=version)
        assert model.embed(["a"]) == asyncio.run(model.aembed(["a"])) == [[1.0]]
        assert (server.requests[0].path, server.requests[0].headers["authorization"]) == (path, "Bearer t")
        model.close()


def test_it_says_what_is_missing_before_it_can_be_asked(monkeypatch):
    with Host() as host:
        factories = [host.find("model", name).factory for name in ("azure", "azure-responses")]
    assert {factory.missing() for factory in factories} == {"set AZURE_OPENAI_ENDPOINT"}
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://name.openai.azure.com")
    assert {factory.missing() for factory in factories} == {""}
