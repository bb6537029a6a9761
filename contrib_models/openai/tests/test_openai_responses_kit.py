"""The conformance kit for the Responses API, over a real socket."""

from __future__ import annotations

import pytest

from core_plus_openai import OpenAIResponsesModel
from core_plus_testkit import ModelKit, ResponsesServer
from core_plus_testkit.model_kit import KEY


class TestOpenAIResponsesModel(ModelKit):
    @pytest.fixture
    def backend(self):
        with ResponsesServer() as server:
            yield server

    @pytest.fixture
    def model(self, backend):
        model = OpenAIResponsesModel("scripted", base_url=backend.url, api_key=KEY)
        yield model
        model.close()
