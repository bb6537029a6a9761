"""A model that really works things out, behind Hugging Face's own server."""

import asyncio

import pytest

from core_plus.errors import ModelError
from core_plus.messages import message
from core_plus.models import Collector, ModelRequest, TextDelta
from core_plus_openai import OpenAIModel

LIMA = "What is the weather in Lima?"


@pytest.fixture
def model(transformers_serve, trained):
    model = OpenAIModel(str(trained), base_url=f"{transformers_serve}/v1", api_key="none")
    yield model
    model.close()


def test_an_agent_does_its_whole_loop(agent, model, asked):
    result = agent(model).run(LIMA)
    assert result.output == "It is fog in Lima."
    assert asked == ["Lima"]
    assert result.usage.input_tokens > 0
    assert result.usage.output_tokens > 0


def test_an_agent_does_its_whole_loop_streamed(agent, model, asked):
    stream = agent(model).stream("What is the weather in Oslo?")
    assert [*stream]
    assert stream.result.output == "It is snow in Oslo."
    assert asked == ["Oslo"]


def test_an_agent_does_its_whole_loop_on_an_event_loop(agent, model, asked):
    async def both():
        runs = agent(model).arun(LIMA), agent(model).arun("What is the weather in Oslo?")
        return [result.output for result in await asyncio.gather(*runs)]

    assert asyncio.run(both()) == ["It is fog in Lima.", "It is snow in Oslo."]
    assert sorted(asked) == ["Lima", "Oslo"]


def test_a_stream_that_ends_without_its_mark_is_whole(model):
    request = ModelRequest((message("user", "hello"),))
    deltas, collector = [*model.stream(request)], Collector()
    for delta in deltas:
        collector.add(delta)
    assert collector.response().message.text == model.forward(request).message.text == "Hello! How can I help?"
    assert sum(isinstance(delta, TextDelta) for delta in deltas) > 3


def test_a_model_that_it_has_not_is_an_error_in_its_words(transformers_serve):
    model = OpenAIModel("no/such-model", base_url=f"{transformers_serve}/v1", api_key="none")
    with pytest.raises(ModelError, match="such-model"):
        model.forward(ModelRequest((message("user", "hello"),)))
    model.close()
