"""A cached model keeps what every model keeps, over a real socket.

Its answers hold for no time here: the kit asks the same again and counts tokens, and answers from disk use none.
"""

from __future__ import annotations

import pytest

from core_plus_cache import Cached, Settings
from core_plus_http.chat import ChatModel
from core_plus_testkit import ModelKit
from core_plus_testkit.model_kit import KEY


class TestCached(ModelKit):
    @pytest.fixture
    def model(self, backend, tmp_path):
        inner = ChatModel("scripted", base_url=backend.url, provider="kit", api_key=KEY)
        model = Cached(inner, Settings(file=tmp_path / "answers.sqlite", days=1e-12))
        yield model
        model.close()
        inner.close()
