"""What decides a model's answers besides the request, as one digest."""

from __future__ import annotations

import pytest

from core_plus.secret import Secret
from core_plus_http.chat import ChatModel
from core_plus_http.responses import ResponsesModel


@pytest.mark.parametrize("kind", [ChatModel, ResponsesModel])
def test_another_server_model_option_or_header_is_another_model_but_another_key_isnt(kind):
    def identity(model_id="m", base_url="https://a.example/v1", **more):
        return kind(model_id, base_url=base_url, provider="p", **more).identity()

    others = [
        identity("n"),
        identity(base_url="https://b.example/v1"),
        identity(options={"temperature": 1}),
        identity(headers={"x-beta": "on"}),
    ]
    assert len({identity(), *others}) == 5
    assert identity(api_key="one") == identity(api_key="two", headers={"x-token": Secret("t")}) == identity(timeout=3)
