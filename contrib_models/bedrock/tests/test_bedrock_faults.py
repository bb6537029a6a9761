"""What goes wrong at a server, and what the model makes of it."""

from __future__ import annotations

from core_plus_bedrock import BedrockModel
from core_plus_testkit import BedrockServer, FaultKit
from core_plus_testkit.model_kit import KEY


class TestBedrockModelFaults(FaultKit):
    server = BedrockServer

    def make(self, url, **settings):
        return BedrockModel("scripted", region="us-east-1", base_url=url, api_key=KEY, **settings)
