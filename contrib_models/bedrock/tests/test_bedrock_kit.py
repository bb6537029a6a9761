"""The conformance kit, over a real socket."""

from __future__ import annotations

import pytest

from core_plus_bedrock import BedrockModel
from core_plus_testkit import BedrockServer, ModelKit
from core_plus_testkit.model_kit import KEY


class TestBedrockModel(ModelKit):
    deviations = {"test_the_tokens_are_told": "Converse doesn't count the tokens of reasoning apart"}

    @pytest.fixture
    def backend(self):
        with BedrockServer() as server:
            yield server

    @pytest.fixture
    def model(self, backend):
        model = BedrockModel("scripted", region="us-east-1", base_url=backend.url, api_key=KEY)
        yield model
        model.close()
