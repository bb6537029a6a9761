"""The same model behind the dialects of Anthropic, OpenAI's Responses and Google, as LiteLLM's proxy speaks them."""

import asyncio

import pytest

from core_plus.errors import ModelError
from core_plus.messages import message
from core_plus.models import Collector, ModelRequest
from core_plus_anthropic import AnthropicModel
from core_plus_google import GoogleModel
from core_plus_openai import OpenAIModel, OpenAIResponsesModel

HELLO = ModelRequest((message("user", "hello"),))
DIALECTS = {
    "chat completions": (OpenAIModel, "/v1", {}),
    "responses": (OpenAIResponsesModel, "/v1", {}),
    "anthropic": (AnthropicModel, "", {"cache": None}),  # the proxy passes it on, and the server behind refuses it
    "google": (GoogleModel, "", {}),
}


@pytest.fixture
def made(litellm_proxy):
    """Makes a model of a dialect."""
    models = []

    def make(name, key):
        kind, path, settings = DIALECTS[name]
        models.append(kind("tiny", base_url=litellm_proxy + path, api_key=key, **settings))
        return models[-1]

    yield make
    for model in models:
        model.close()


@pytest.fixture(params=DIALECTS)
def model(request, made, key):
    return made(request.param, key)


def test_an_agent_does_its_whole_loop(agent, model, asked):
    assert agent(model).run("What is the weather in Lima?").output == "It is fog in Lima."
    assert asked == ["Lima"]


def test_an_agent_does_its_whole_loop_streamed(agent, model, asked):
    stream = agent(model).stream("What is the weather in Oslo?")
    assert [*stream]
    assert stream.result.output == "It is snow in Oslo."
    assert asked == ["Oslo"]


def test_every_way_gives_the_same_words(model):
    async def both():
        return (await model.aforward(HELLO)).message.text, [delta async for delta in model.astream(HELLO)]

    whole, deltas = asyncio.run(both())
    streams = ([*model.stream(HELLO)], deltas)
    assert whole == model.forward(HELLO).message.text == "Hello! How can I help?"
    for stream in streams:
        collector = Collector()
        for delta in stream:
            collector.add(delta)
        assert collector.response().message.text == whole


@pytest.mark.parametrize("name", DIALECTS)
def test_a_wrong_key_is_refused_and_not_shown(made, name):
    with pytest.raises(ModelError) as caught:  # without a database, the proxy only says that it has none
        made(name, "sk-quite-wrong-0123456789").forward(HELLO)
    assert "sk-quite-wrong-0123456789" not in f"{caught.value} {caught.value!r}"
