"""The conformance kit, over a real socket."""

from __future__ import annotations

import pytest

from core_plus_openai import OpenAIModel
from core_plus_testkit import ModelKit
from core_plus_testkit.model_kit import KEY


class TestOpenAIModel(ModelKit):
    @pytest.fixture
    def model(self, backend):
        model = OpenAIModel("scripted", base_url=backend.url, api_key=KEY)
        yield model
        model.close()
