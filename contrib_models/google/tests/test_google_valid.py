"""Requests, held against Google's own types and a server that refuses what the real one refuses."""

from __future__ import annotations

import pytest

from core_plus_google import GoogleModel, VertexModel
from core_plus_testkit import GoogleServer, RequestKit, sdk_types


class TestGeminiRequests(RequestKit):
    server = GoogleServer
    owner = "google"
    takes = ("image", "image address", "audio", "pdf", "text file")
    items = ({"executableCode": {"language": "PYTHON", "code": "1"}},)
    validate = staticmethod(sdk_types.google)

    @pytest.fixture
    def body(self):
        model = GoogleModel("gemini-3-pro-preview", api_key="k")
        return lambda request, stream: model.codec.send(request, stream=stream).body


class TestVertexRequests(TestGeminiRequests):
    owner = "vertex"

    @pytest.fixture
    def body(self):
        model = VertexModel("gemini-2.5-flash", api_key="k")
        return lambda request, stream: model.codec.send(request, stream=stream).body
