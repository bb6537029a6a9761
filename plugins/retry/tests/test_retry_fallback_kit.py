"""A chain keeps what every model keeps, over a real socket."""

from __future__ import annotations

import pytest

from core_plus_http.chat import ChatModel
from core_plus_retry.fallback import Fallback
from core_plus_testkit import ModelKit
from core_plus_testkit.model_kit import KEY


class TestFallback(ModelKit):
    @pytest.fixture
    def model(self, backend):
        models = [ChatModel(name, base_url=backend.url, provider="kit", api_key=KEY) for name in ("first", "second")]
        yield Fallback(models)
        for each in models:
            each.close()
