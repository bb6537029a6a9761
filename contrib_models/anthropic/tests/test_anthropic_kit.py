"""The conformance kit, over a real socket."""

from __future__ import annotations

import pytest

from core_plus_anthropic import AnthropicModel
from core_plus_testkit import AnthropicServer, ModelKit
from core_plus_testkit.model_kit import KEY


class TestAnthropicModel(ModelKit):
    @pytest.fixture
    def backend(self):
        with AnthropicServer() as server:
            yield server

    @pytest.fixture
    def model(self, backend):
        model = AnthropicModel("scripted", base_url=backend.url, api_key=KEY)
        yield model
        model.close()
