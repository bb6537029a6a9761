"""Requests, held against botocore's own types and a server that refuses what the real one refuses."""

from __future__ import annotations

import pytest

from core_plus_bedrock import BedrockModel
from core_plus_testkit import BedrockServer, RequestKit, sdk_types


class TestRequests(RequestKit):
    server = BedrockServer
    owner = "bedrock"
    takes = ("image", "pdf", "text file")
    items = ({"reasoningContent": {"redactedContent": "c2VhbGVk"}},)
    validate = staticmethod(sdk_types.converse)

    @pytest.fixture
    def body(self):
        model = BedrockModel("amazon.nova-pro-v1:0", region="us-east-1", api_key="k", cache=True)
        return lambda request, stream: model.codec.send(request, stream=stream).body
