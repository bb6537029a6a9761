"""A model that was really trained: a whole run with a tool. The first run trains it, for minutes."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core_plus import ToolCallingAgent, tool
from core_plus.messages import message
from core_plus.models import ModelRequest

SCRIPT = Path(__file__).parents[3] / "tests/real_servers/tiny_model.py"
CACHE = Path(os.environ.get("CORE_PLUS_REAL_SERVERS") or Path.home() / ".cache/core-plus-real-servers")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def model():
    for name in ("torch", "transformers"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} isn't installed: it is large, and only this plugin needs it")
    if not SCRIPT.exists():
        pytest.skip("the script that trains the model is part of the whole tree only")
    folder = CACHE / "tiny-tools"
    subprocess.run([sys.executable, str(SCRIPT), str(folder)], check=True, timeout=800, stdout=subprocess.DEVNULL)
    from core_plus_transformers import TransformersModel

    model = TransformersModel(str(folder), options={"temperature": 0})
    yield model
    model.close()


def test_an_agent_asks_its_tool_and_answers_with_what_it_said(model):
    asked = []

    @tool
    def get_weather(city: str) -> str:
        """The weather in a city.

        Args:
            city: Its name.
        """
        asked.append(city)
        return "fog"

    agent = ToolCallingAgent(model=model, tools=[get_weather])
    assert agent.run("What is the weather in Lima?").output == "It is fog in Lima."
    assert [*agent.stream("What is the weather in Oslo?")]
    assert asked == ["Lima", "Oslo"]


def test_it_greets(model):
    reply = model.forward(ModelRequest((message("user", "hello"),)))
    assert reply.message.text == "Hello! How can I help?"
    assert reply.finish_reason == "stop"
