"""Requests, held against Anthropic's own types and a server that refuses what the real one refuses."""

from __future__ import annotations

import pytest

from core_plus_anthropic import AnthropicModel
from core_plus_testkit import AnthropicServer, RequestKit, sdk_types


class TestRequests(RequestKit):
    server = AnthropicServer
    owner = "anthropic"
    takes = ("image", "image address", "pdf", "text file")
    items = ({"type": "redacted_thinking", "data": "c2VhbGVk"},)
    validate = staticmethod(sdk_types.anthropic)

    @pytest.fixture
    def body(self):
        model = AnthropicModel("claude-sonnet-4-5", api_key="k")
        return lambda request, stream: model.codec.send(request, stream=stream).body
