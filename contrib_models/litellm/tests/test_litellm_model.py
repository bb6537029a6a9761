"""What the kit doesn't ask: the Router, keys of the environment, signed reasoning, a whole run."""

import asyncio

import pytest

from core_plus import ToolCallingAgent, tool
from core_plus.errors import AuthenticationError, BadRequestError, ConfigurationError
from core_plus.host import Host
from core_plus.messages import message
from core_plus.models import FinishDelta, ModelRequest
from core_plus.secret import Secret
from core_plus_litellm import LiteLLMModel
from core_plus_litellm.model import Thoughts
from core_plus_testkit import Turn
from core_plus_testkit.model_kit import KEY

# What litellm does with pydantic draws warnings.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
HI = ModelRequest((message("user", "hi"),))


@pytest.fixture
def model(openai_server):
    model = LiteLLMModel("openai/scripted", base_url=openai_server.url, api_key=Secret(KEY))
    yield model
    model.close()


def test_it_is_found_by_its_name():
    with Host() as host:
        assert str(host.model("litellm:openai/gpt-4o")) == "litellm:openai/gpt-4o"


def test_an_agent_does_a_whole_run(model, openai_server):
    @tool
    def add(a: int, b: int) -> int:
        """Add.

        Args:
            a: One.
            b: Another.
        """
        return a + b

    openai_server.script([Turn(calls=[("add", {"a": 7, "b": 5})]), Turn(text="12")])
    agent = ToolCallingAgent(model=model, tools=[add])
    assert agent.run("7 and 5?").output == "12"
    assert asyncio.run(agent.arun("7 and 5?")).output == "12"


def test_parameters_are_passed_on_and_a_calls_own_win(openai_server):
    model = LiteLLMModel(
        "openai/gpt-4o", base_url=openai_server.url, api_key=KEY, options={"temperature": 0, "seed": 1}
    )
    openai_server.script([Turn(text="hi")])
    model.forward(ModelRequest(HI.messages, stop=("END",), max_tokens=9, options={"seed": 2}))
    body = openai_server.requests[0].json
    assert (body["temperature"], body["seed"], body["stop"], body["max_tokens"]) == (0, 2, ["END"], 9)
    model.close()


@pytest.mark.parametrize("made", [True, False])
def test_a_router_chooses_by_its_own_names(openai_server, made):
    listed = [
        {"model_name": "fast", "litellm_params": {"model": "openai/x", "api_base": openai_server.url, "api_key": KEY}}
    ]
    router = {"model_list": listed, "num_retries": 0}
    if made:
        litellm = pytest.importorskip("litellm", reason="litellm isn't installed")
        router = litellm.Router(**router)
    model = LiteLLMModel("fast", router=router)
    openai_server.script([Turn(text="from the router")])
    assert model.forward(HI).message.text == "from the router"
    openai_server.script([Turn(status=401, error=f"wrong key {KEY}")])
    with pytest.raises(AuthenticationError) as caught:
        model.forward(HI)
    assert KEY not in f"{caught.value!r} {caught.value}"
    model.close()


def test_a_key_that_litellm_found_in_the_environment_stands_in_no_error(openai_server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    model = LiteLLMModel("openai/scripted", base_url=openai_server.url)
    openai_server.script([Turn(status=401, error=f"Incorrect API key provided: {KEY}")])
    with pytest.raises(AuthenticationError) as caught:
        model.forward(HI)
    shown = f"{caught.value!r} {caught.value} {caught.value.__cause__} {caught.value.__context__}"
    assert "***" in shown
    assert KEY not in shown
    model.close()


def test_a_provider_that_litellm_does_not_know_is_refused_in_its_words():
    model = LiteLLMModel("no-such-provider/no-such-model", api_key=KEY)
    with pytest.raises((BadRequestError, ConfigurationError), match="no-such-model"):
        model.forward(HI)
    model.close()


def test_signed_reasoning_goes_back_as_it_came():
    thoughts = Thoughts()
    for piece in (
        {"type": "thinking", "thinking": "Hm, ", "signature": None},
        {"type": "thinking", "thinking": "well."},
        {"type": "thinking", "thinking": "", "signature": "sig"},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "thinking", "thinking": "More.", "signature": "sig2"},
    ):
        thoughts.read({"choices": [{"delta": {"thinking_blocks": [piece]}}]})
    thoughts.read({"choices": [{"delta": {"content": "12"}}]})
    blocks = [
        {"type": "thinking", "thinking": "Hm, well.", "signature": "sig"},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "thinking", "thinking": "More.", "signature": "sig2"},
    ]
    assert thoughts.end() == [FinishDelta(message_data={"litellm": {"thinking_blocks": blocks}})]
    assert Thoughts().end() == []
