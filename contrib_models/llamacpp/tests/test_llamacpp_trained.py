"""A model that was really trained: a whole run with a tool. The first run trains it, for minutes."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core_plus import ToolCallingAgent, tool

SCRIPTS = Path(__file__).parents[3] / "tests/real_servers"
CACHE = Path(os.environ.get("CORE_PLUS_REAL_SERVERS") or Path.home() / ".cache/core-plus-real-servers")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def model():
    for name in ("torch", "transformers", "gguf", "llama_cpp"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} isn't installed: the model is trained by transformers and run by llama.cpp")
    if not SCRIPTS.exists():
        pytest.skip("the script that trains the model is part of the whole tree only")
    folder, file = CACHE / "tiny-tools", CACHE / "tiny-tools.gguf"
    for command in (["tiny_model.py", folder], ["tiny_gguf.py", folder, file]):
        script, *arguments = map(str, command)
        subprocess.run([sys.executable, SCRIPTS / script, *arguments], check=True, timeout=800, capture_output=True)
    from core_plus_llamacpp import LlamaCppModel

    model = LlamaCppModel(str(file), options={"temperature": 0})
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
