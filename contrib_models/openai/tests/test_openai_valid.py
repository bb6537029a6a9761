"""Requests, held against OpenAI's own types and servers that refuse what the real ones refuse."""

from __future__ import annotations

import pytest

from core_plus_openai import OpenAIModel, OpenAIResponsesModel
from core_plus_testkit import OpenAIServer, RequestKit, ResponsesServer, sdk_types


class TestChatRequests(RequestKit):
    server = OpenAIServer
    owner = "openai"
    takes = ("image", "image address", "audio", "pdf", "text file")
    validate = staticmethod(sdk_types.chat)

    @pytest.fixture
    def body(self):
        model = OpenAIModel("gpt-4.1", api_key="k")
        return lambda request, stream: model.codec.send(request, stream=stream).body


class TestChatRequestsElsewhere(TestChatRequests):
    owner = "openai@x.invalid"

    @pytest.fixture
    def body(self):
        model = OpenAIModel("qwen3", base_url="http://x.invalid/v1")
        return lambda request, stream: model.codec.send(request, stream=stream).body


class TestResponsesRequests(RequestKit):
    server = ResponsesServer
    owner = "openai.responses"
    takes = ("image", "image address", "pdf", "text file")
    items = (
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "c2VhbGVk"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}},
    )
    validate = staticmethod(sdk_types.responses)

    @pytest.fixture
    def body(self):
        model = OpenAIResponsesModel("gpt-5-mini", api_key="k")
        return lambda request, stream: model.codec.send(request, stream=stream).body
