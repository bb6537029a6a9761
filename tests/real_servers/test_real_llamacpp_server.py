"""The same model behind llama.cpp's server, by the preset for it."""

import json

import pytest

from core_plus import Host
from core_plus.errors import ModelError
from core_plus.messages import message
from core_plus.models import Collector, ModelRequest

HELLO = ModelRequest((message("user", "hello"),), options={"temperature": 0})


@pytest.fixture
def model(llamacpp_server, monkeypatch):
    monkeypatch.setenv("LLAMACPP_BASE_URL", f"{llamacpp_server}/v1")
    with Host() as host:
        yield host.model("llamacpp-server:tiny")


def test_it_answers_at_once_and_piece_by_piece(model):
    collector = Collector()
    for delta in model.stream(HELLO):
        collector.add(delta)
    for reply in (model.forward(HELLO), collector.response()):
        assert reply.message.text == "Hello! How can I help?"
        assert reply.finish_reason == "stop"


SCHEMA = {"type": "object", "properties": {"a": {"enum": [7, 8]}}, "required": ["a"], "additionalProperties": False}


def test_an_answer_fits_its_schema_where_it_is_asked_for_in_this_servers_form(model):
    form = {"response_format": {"type": "json_object", "schema": SCHEMA}}
    reply = model.forward(ModelRequest((message("user", "hello"),), options=form, max_tokens=50))
    assert json.loads(reply.message.text)["a"] in (7, 8)


def test_a_form_that_this_server_does_not_know_is_an_error_in_its_words(model):
    """llama-server takes it; this one, which llama-cpp-python brings, doesn't."""
    with pytest.raises(ModelError, match="json_object"):
        model.forward(ModelRequest((message("user", "hello"),), output_schema=SCHEMA))


def test_calls_come_as_text_which_the_agent_reads(model, agent, asked):
    """This server doesn't parse what the model writes."""
    result = agent(model, max_steps=3).run("What is the weather in Lima?")
    assert asked == ["Lima"]
    assert result.steps
