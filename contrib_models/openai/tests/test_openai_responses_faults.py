"""What goes wrong at a server, and what the model makes of it."""

from __future__ import annotations

from core_plus_openai import OpenAIResponsesModel
from core_plus_testkit import FaultKit, ResponsesServer
from core_plus_testkit.model_kit import KEY


class TestOpenAIResponsesModelFaults(FaultKit):
    server = ResponsesServer

    def make(self, url, **settings):
        return OpenAIResponsesModel("scripted", base_url=url, api_key=KEY, **settings)
