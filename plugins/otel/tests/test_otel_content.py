"""What was said, for who asked for it: the conventions' JSON, cut to a size, without secrets."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from otel_agents import boss, calls

from core_plus import Image, Message, ToolCallingAgent, ToolResult, message, tool
from core_plus.messages import Text, Thinking, ToolCall
from core_plus.models import ModelRequest, ModelResponse
from core_plus_otel.content import Words
from core_plus_scripted import ScriptedModel

texts = st.text(max_size=60)
parts = st.one_of(
    st.builds(Text, texts),
    st.builds(Thinking, texts),
    st.builds(ToolCall, texts, texts, st.one_of(texts, st.dictionaries(texts, texts | st.integers(), max_size=3))),
    st.builds(lambda text: ToolResult("1", "t", (Text(text),)), texts),
    st.builds(Image, data=st.binary(max_size=9)),
)
messages = st.builds(Message, st.sampled_from(["system", "user", "assistant", "tool"]), st.lists(parts).map(tuple))


@given(st.lists(messages, max_size=8).map(tuple), st.integers(1, 400))
def test_any_conversation_is_json_of_about_the_size_that_is_allowed(said, most):
    words, request = Words(most), ModelRequest(said)
    for text in (words.asked(request), words.system(request)):
        found = json.loads(text)
        assert isinstance(found, list)
        assert len(text) <= most + 250  # the note that says how many are gone, and brackets


def test_a_conversation_has_the_form_of_the_conventions():
    said = (
        message("system", "Be kind."),
        message("user", ["Look", Image(data=b"123"), Image(url="https://example.com/a.png")]),
        message("assistant", [Thinking("hm"), ToolCall("c1", "look", {"city": "Oslo"})]),
        message("tool", ToolResult("c1", "look", (Text("rain"),))),
    )
    words, request = Words(9_999), ModelRequest(said)
    assert json.loads(words.system(request)) == [{"type": "text", "content": "Be kind."}]
    image = {"modality": "image", "mime_type": "image/png"}
    assert json.loads(words.asked(request)) == [
        {
            "role": "user",
            "parts": [
                {"type": "text", "content": "Look"},
                {"type": "blob", **image, "content": "", "size": 3},
                {"type": "uri", **image, "uri": "https://example.com/a.png"},
            ],
        },
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": "hm"},
                {"type": "tool_call", "id": "c1", "name": "look", "arguments": {"city": "Oslo"}},
            ],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "rain"}]},
    ]
    reply = ModelResponse(message("assistant", "hi"), finish_reason="stop")
    told = {"role": "assistant", "parts": [{"type": "text", "content": "hi"}], "finish_reason": "stop"}
    assert json.loads(words.replied(reply)) == [told]


def test_of_a_long_conversation_the_newest_are_kept():
    said = tuple(message("user", f"number {n}") for n in range(99))
    found = json.loads(Words(300).asked(ModelRequest(said)))
    assert found[-1]["parts"][0]["content"] == "number 98"
    assert "left out" in found[0]["parts"][0]["content"]


def test_spans_carry_what_was_said_where_that_was_asked_for(make_seen):
    seen = make_seen(content="span_only")
    with seen.host() as host:
        boss(seen).run("do it", host=host)
    agent = seen.named("invoke_agent boss").attributes
    assert json.loads(agent["gen_ai.input.messages"])[0]["parts"][0]["content"] == "do it"
    assert json.loads(agent["gen_ai.output.messages"])[0]["parts"][0]["content"] == "done"
    chat = next(span for span in seen.spans if span.name == "chat big").attributes
    assert {"gen_ai.system_instructions", "gen_ai.input.messages", "gen_ai.output.messages"} <= set(chat) | {
        "gen_ai.system_instructions"
    }
    code = next(span for span in seen.spans if span.name.endswith("python_interpreter")).attributes
    assert "look(city='Rome')" in code["gen_ai.tool.call.arguments"]
    assert seen.events[0].event_name == "gen_ai.execute_tool.exception"
    assert not [event for event in seen.events if event.event_name.endswith("details")]


def test_events_carry_what_was_said_where_that_was_asked_for(make_seen):
    seen = make_seen(content="event_only")
    model = ScriptedModel([calls(final_answer={"answer": "done"})], name="m")
    with seen.host() as host:
        ToolCallingAgent(model=model, name="a").run("do it", host=host)
    (event,) = seen.events
    assert (event.event_name, event.severity_text) == ("gen_ai.client.inference.operation.details", "DEBUG")
    assert event.span_id == seen.named("chat m").context.span_id
    assert "do it" in event.attributes["gen_ai.input.messages"]
    assert event.attributes["gen_ai.operation.name"] == "chat"
    assert not [name for span in seen.spans for name in span.attributes if "messages" in name]


@pytest.mark.parametrize("content", ["span_only", "event_only", "span_and_event"])
def test_a_secret_tools_arguments_and_value_are_nowhere(content, make_seen):
    @tool(secret=True, effect="read")
    def unlock(code: str) -> str:
        """Unlock.

        Args:
            code: The code.
        """
        if code == "hunter3":
            raise ValueError(f"{code} is wrong")
        return f"opened with {code}"

    seen = make_seen(content=content)
    turns = [calls(unlock={"code": "hunter2"}), calls(unlock={"code": "hunter3"}), calls(final_answer={"answer": 1})]
    with seen.host() as host:
        ToolCallingAgent(model=ScriptedModel(turns, name="m"), tools=[unlock], name="a").run("do", host=host)
    told = [repr(dict(span.attributes)) for span in seen.spans]
    told += [repr(dict(event.attributes)) for span in seen.spans for event in span.events]
    told += [repr(dict(event.attributes)) for event in seen.events]
    assert "hunter" not in "".join(told)
    assert len(told) > 5
