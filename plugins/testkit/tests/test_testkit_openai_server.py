import json
import urllib.error
import urllib.request

import pytest

from core_plus_testkit import OpenAIServer, Turn

CALLS = [{"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}]


def post(server, *messages, **fields):
    """The decoded reply, or the events of a stream."""
    body = json.dumps({"model": "m", "messages": [*messages], **fields}).encode()
    request = urllib.request.Request(f"{server.url}/chat/completions", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as reply:
        data = reply.read()
    if not fields.get("stream"):
        return json.loads(data)
    return [line.removeprefix(b"data: ").decode() for line in data.split(b"\n\n") if line]


def user(text="hi"):
    return {"role": "user", "content": text}


def assistant(text="so"):
    return {"role": "assistant", "content": text}


def test_the_turn_is_the_number_of_assistant_messages(openai_server):
    openai_server.script([Turn(text="one"), Turn(text="two")])
    for _ in range(2):
        assert post(openai_server, user())["choices"][0]["message"]["content"] == "one"
        assert post(openai_server, user(), assistant(), user())["choices"][0]["message"]["content"] == "two"


def test_a_script_may_be_for_one_model_or_a_function(openai_server):
    openai_server.script([Turn(text="any")])
    openai_server.script(lambda body: Turn(text=body["messages"][-1]["content"].upper()), model="loud")
    assert post(openai_server, user())["choices"][0]["message"]["content"] == "any"
    assert post(openai_server, user("hey"), model="loud")["choices"][0]["message"]["content"] == "HEY"


def test_a_list_of_turns_is_for_repeated_attempts(openai_server):
    openai_server.script([[Turn(status=500), Turn(text="ok")]])
    with pytest.raises(urllib.error.HTTPError) as caught:
        post(openai_server, user())
    caught.value.close()
    for _ in range(2):
        assert post(openai_server, user())["choices"][0]["message"]["content"] == "ok"


def test_a_queue_goes_before_every_script(openai_server):
    openai_server.script([Turn(text="scripted")])
    openai_server.queue(Turn(text="first"), Turn(text="second"))
    found = [post(openai_server, user())["choices"][0]["message"]["content"] for _ in range(3)]
    assert found == ["first", "second", "scripted"]


def test_a_stream_holds_the_same_as_the_whole_reply(openai_server):
    openai_server.script([Turn(text="hello there", calls=[("add", {"a": 1})], size=4)])
    *events, done = post(openai_server, user(), stream=True, stream_options={"include_usage": True})
    assert done == "[DONE]"
    deltas = [choice["delta"] for event in events for choice in json.loads(event)["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == "hello there"
    arguments = [call["function"]["arguments"] for delta in deltas for call in delta.get("tool_calls", [])]
    whole = post(openai_server, user())
    assert "".join(arguments) == whole["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == '{"a": 1}'
    assert json.loads(events[-1])["usage"] == whole["usage"]
    assert whole["choices"][0]["finish_reason"] == "tool_calls"


def test_tokens_are_streamed_only_to_who_asks(openai_server):
    openai_server.script([Turn(text="hello")])
    assert not any("usage" in event for event in post(openai_server, user(), stream=True))


BROKEN = {
    "no messages": ([], "too short"),
    "an unknown role": ([{"role": "robot", "content": "x"}], "not one of the roles"),
    "a result without a call": (
        [user(), {"role": "tool", "tool_call_id": "c1", "content": ""}],
        "must answer a preceding",
    ),
    "a call without a result": (
        [user(), {"role": "assistant", "content": None, "tool_calls": CALLS}, user()],
        "without a tool message before it: c1",
    ),
    "a call left open": (
        [user(), {"role": "assistant", "content": None, "tool_calls": CALLS}],
        "without a tool message: c1",
    ),
    "no content": ([user(), {"role": "assistant", "content": None}], "expected a string, got null"),
    "a step beyond the script": ([user(), assistant(), user(), assistant(), user()], "no turn 3"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_the_real_server_refuses_is_refused(name, openai_server):
    openai_server.script([Turn(text="hi"), Turn(text="hi")])
    messages, words = BROKEN[name]
    with pytest.raises(urllib.error.HTTPError) as caught:
        post(openai_server, *messages)
    assert caught.value.code == 400
    assert words in json.loads(caught.value.read())["error"]["message"]
    caught.value.close()


def test_an_unknown_path_is_not_found(openai_server):
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{openai_server.origin}/v2/x", timeout=5)
    assert caught.value.code == 404
    caught.value.close()


def test_its_models_are_those_it_has_scripts_for(openai_server):
    openai_server.script([], model="a")
    with urllib.request.urlopen(f"{openai_server.url}/models", timeout=5) as reply:
        assert [each["id"] for each in json.load(reply)["data"]] == ["a"]


def test_servers_can_be_made_without_the_fixture():
    with OpenAIServer() as one, OpenAIServer() as two:
        assert one.url != two.url
