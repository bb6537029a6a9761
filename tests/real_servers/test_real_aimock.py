"""A foreign server of many dialects: Ollama's own, and failures by chance that retrying gets over."""

import pytest

from core_plus import Host, ToolCallingAgent
from core_plus.errors import RateLimitError
from core_plus.messages import message
from core_plus.models import Collector, ModelRequest
from core_plus_ollama import OllamaModel
from core_plus_openai import OpenAIModel

HELLO = ModelRequest((message("user", "hello"),))
LIMA = "What is the weather in Lima?"


@pytest.fixture(scope="session")
def calm(aimock):
    return aimock("calm")


@pytest.fixture(scope="session")
def rough(aimock):
    return aimock("rough", "--chaos-drop", "0.3", "--chaos-disconnect", "0.2")


@pytest.fixture(scope="session")
def closed(aimock):
    return aimock("closed", "--chaos-ratelimit", "1")


@pytest.fixture
def ollama(calm):
    model = OllamaModel("llama3", base_url=calm)
    yield model
    model.close()


def test_ollamas_own_api_gives_words_at_once_and_in_pieces(ollama):
    collector = Collector()
    for delta in ollama.stream(HELLO):
        collector.add(delta)
    for reply in (ollama.forward(HELLO), collector.response()):
        assert reply.message.text == "Hello! How can I help?"


def test_ollamas_own_api_serves_a_whole_run(agent, ollama, asked):
    assert agent(ollama).run(LIMA).output == "It is fog in Lima."
    stream = agent(ollama).stream(LIMA)
    assert [*stream]
    assert stream.result.output == "It is fog in Lima."
    assert asked == ["Lima", "Lima"]


def test_runs_get_over_failures_by_chance(rough, get_weather):
    model = OpenAIModel("gpt-4o", base_url=f"{rough}/v1", api_key="none")
    patient = {"hooks.retry": {"attempts": 40, "first": 0.01, "most": 0.05}}
    with Host(config=patient, require=["core-plus-retry"]) as host:
        agent = ToolCallingAgent(model=model, tools=[get_weather], host=host)
        assert [agent.run(LIMA).output for _ in range(10)] == ["It is fog in Lima."] * 10
    model.close()


def test_a_limit_says_how_long_to_wait(closed):
    model = OpenAIModel("gpt-4o", base_url=f"{closed}/v1", api_key="none")
    with pytest.raises(RateLimitError) as caught:
        model.forward(HELLO)
    assert caught.value.retryable
    assert caught.value.retry_after is not None
    model.close()
