"""What goes wrong at a server, and what the model makes of it."""

from __future__ import annotations

from core_plus_anthropic import AnthropicModel
from core_plus_testkit import AnthropicServer, FaultKit
from core_plus_testkit.model_kit import KEY


class TestAnthropicModelFaults(FaultKit):
    server = AnthropicServer

    def make(self, url, **settings):
        return AnthropicModel("scripted", base_url=url, api_key=KEY, **settings)
