"""What Anthropic's models can do beside answering, over a real socket; and what they lack."""

from __future__ import annotations

import asyncio
import json

from core_plus import Host
from core_plus.messages import message
from core_plus.models import ModelRequest
from core_plus_anthropic import AnthropicModel
from core_plus_testkit import Answer, AnthropicServer, LoopbackServer

REQUEST = ModelRequest((message("user", "hi"),))


def test_tokens_are_counted_sync_and_async():
    with AnthropicServer() as server:
        model = AnthropicModel("m", base_url=server.url, api_key="k")
        assert model.count_tokens(REQUEST) == asyncio.run(model.acount_tokens(REQUEST)) == 42
        model.close()


def test_what_is_kept_for_an_hour_is_told_apart():
    kept = {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 30}
    usage = {"input_tokens": 5, "output_tokens": 2, "cache_creation_input_tokens": 40, "cache_creation": kept}
    reply = {"type": "message", "role": "assistant", "model": "m", "id": "1", "stop_reason": "end_turn"}
    body = json.dumps({**reply, "content": [{"type": "text", "text": "hi"}], "usage": usage}).encode()
    with LoopbackServer(lambda seen: Answer(body)) as server:
        model = AnthropicModel("m", base_url=server.origin, api_key="k")
        found = model.forward(REQUEST).usage
        model.close()
    assert (found.input_tokens, found.cache_write_tokens, found.details) == (45, 40, {"cache_write_1h_tokens": 30})


def test_it_says_what_is_missing_before_it_can_be_asked(monkeypatch):
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with Host() as host:
        factory = host.find("model", "anthropic").factory
    assert factory.missing() == "set ANTHROPIC_API_KEY"
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    assert factory.missing() == ""
