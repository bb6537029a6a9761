"""The scripted servers refuse what the real ones refuse, and the vendors' types what is no request."""

import copy

import pytest

from core_plus_testkit import AnthropicServer, BedrockServer, GoogleServer, OpenAIServer, ResponsesServer, sdk_types

SCHEMA = {"type": "object"}
CHAT = {
    "model": "m",
    "messages": [
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "3"},
    ],
}
RESPONSES = {
    "model": "m",
    "input": [
        {"role": "user", "content": "hi"},
        {"type": "function_call", "call_id": "c1", "name": "add", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "3"},
    ],
}
ANTHROPIC = {
    "model": "m",
    "max_tokens": 1,
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "hi"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "add", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": []}]},
    ],
}
GOOGLE = {
    "contents": [
        {"role": "user", "parts": [{"text": "hi"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "add", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "add", "response": {"result": "3"}}}]},
    ]
}
CONVERSE = {
    "messages": [
        {"role": "user", "content": [{"text": "hi"}]},
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "c1", "name": "add", "input": {}}}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "c1", "content": [{"text": "3"}]}}]},
    ],
    "toolConfig": {"tools": [{"toolSpec": {"name": "add", "inputSchema": {"json": SCHEMA}}}]},
}
DIALECTS = {
    "chat": (OpenAIServer, CHAT, "messages", sdk_types.chat),
    "responses": (ResponsesServer, RESPONSES, "input", sdk_types.responses),
    "anthropic": (AnthropicServer, ANTHROPIC, "messages", sdk_types.anthropic),
    "google": (GoogleServer, GOOGLE, "contents", sdk_types.google),
    "converse": (BedrockServer, CONVERSE, "messages", sdk_types.converse),
}


def broken(dialect, change):
    """A good request with its list of turns changed."""
    _, good, key, _ = DIALECTS[dialect]
    body = copy.deepcopy(good)
    change(body[key])
    return body


BREAKS = {
    "no turns": list.clear,
    "a call without its result": lambda turns: turns.pop(),
    "a result without its call": lambda turns: turns.pop(1),
    "a result given twice": lambda turns: turns.append(turns[-1]),
    "an unknown role": lambda turns: turns[0].update(role="nobody"),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_good_request_is_taken(dialect):
    server, good, _, validate = DIALECTS[dialect]
    assert server().complaint(good) == ""
    assert validate(good) == ""


@pytest.mark.parametrize("how", BREAKS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_server_refuses_what_the_real_one_refuses(dialect, how):
    server = DIALECTS[dialect][0]()
    assert server.complaint(broken(dialect, BREAKS[how]))


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_vendors_types_refuse_a_key_that_they_dont_know(dialect, place):
    validate = DIALECTS[dialect][3]
    assert validate(broken(dialect, lambda turns: turns[place].update(bogus=1)))
    assert validate({**DIALECTS[dialect][1], "bogus": 1})


def test_they_refuse_one_deep_within_too():
    assert sdk_types.chat(broken("chat", lambda turns: turns[1]["tool_calls"][0]["function"].update(bogus=1)))
    assert sdk_types.anthropic(broken("anthropic", lambda turns: turns[0]["content"][0].update(bogus=1)))
    assert sdk_types.google(broken("google", lambda turns: turns[0]["parts"][0].update(bogus=1)))
    assert sdk_types.converse(broken("converse", lambda turns: turns[0]["content"][0].update(bogus=1)))


@pytest.mark.parametrize("dialect", ["chat", "responses", "anthropic", "google"])
def test_they_refuse_a_wrong_type_in_a_list_that_is_looked_at_late(dialect):
    inner = "parts" if dialect == "google" else "content"
    assert DIALECTS[dialect][3](broken(dialect, lambda turns: turns[0].update({inner: 5})))
