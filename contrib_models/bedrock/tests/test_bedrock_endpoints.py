"""What Bedrock's models can do beside answering, over a real socket; and what they lack."""

from __future__ import annotations

import asyncio

import pytest

from core_plus import Host
from core_plus.messages import message
from core_plus.models import ModelRequest
from core_plus.tools import ToolSpec
from core_plus_bedrock import BedrockModel
from core_plus_bedrock.signing import CREDENTIALS, REGIONS
from core_plus_testkit import Answer, LoopbackServer


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    for name in (*CREDENTIALS, *REGIONS, "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return tmp_path


def test_tokens_are_counted_of_what_converse_would_be_told():
    tools = (ToolSpec("add", "Add.", {"type": "object"}),)
    said = (message("system", "Be brief."), message("user", "hi"))
    request = ModelRequest(said, tools, max_tokens=5, options={"temperature": 0})
    with LoopbackServer(lambda seen: Answer(b'{"inputTokens": 42}')) as server:
        model = BedrockModel("m", region="us-east-1", api_key="k-secret", base_url=server.origin)
        assert model.count_tokens(request) == asyncio.run(model.acount_tokens(request)) == 42
        model.close()
        seen = server.requests[0]
    assert seen.path == "/model/m/count-tokens"
    assert sorted(seen.json["input"]["converse"]) == ["messages", "system", "toolConfig"]


def test_its_identity_needs_no_signature():
    def identity(**more):
        return BedrockModel("m", region="us-east-1", api_key="k", **more).identity()

    assert identity() == identity() != identity(options={"temperature": 1})


def test_it_says_what_is_missing_before_it_can_be_asked(monkeypatch, home):
    with Host() as host:
        factory = host.find("model", "bedrock").factory
    assert "AWS_BEARER_TOKEN_BEDROCK" in factory.missing()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    assert factory.missing() == "set AWS_REGION"
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert factory.missing() == ""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    (home / ".aws").mkdir()
    (home / ".aws" / "credentials").write_text("[default]\n")
    assert factory.missing() == ""
