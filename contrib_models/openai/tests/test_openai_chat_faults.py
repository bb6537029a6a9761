"""What goes wrong at a server, and what the model makes of it."""

from __future__ import annotations

from core_plus_openai import OpenAIModel
from core_plus_testkit import FaultKit, OpenAIServer
from core_plus_testkit.model_kit import KEY


class TestOpenAIModelFaults(FaultKit):
    server = OpenAIServer

    def make(self, url, **settings):
        return OpenAIModel("scripted", base_url=url, api_key=KEY, **settings)
