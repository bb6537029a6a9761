"""What is sent: every kind of message and setting, in the API's own form."""

import base64
import json

import pytest

from core_plus.errors import ConfigurationError
from core_plus.messages import Audio, File, Image, Message, Text, Thinking, ToolCall, ToolResult, message
from core_plus.models import ModelRequest
from core_plus.tools import ToolSpec
from core_plus_http.chat.encode import Encoder
from core_plus_http.chat.quirks import Quirks, quirks_of

PNG = b"\x89PNG"
B64 = base64.b64encode(PNG).decode()
ADD = ToolSpec("add", "Add.", {"type": "object", "properties": {"a": {"type": "integer"}}})
HI = message("user", "hi")
CALL = ToolCall("c1", "add", {"a": 1})
RESULT = message("tool", ToolResult("c1", "add", (Text("1"),)))


def sent(request, *, stream=False, quirks=None, options=None, owner="openai"):
    """The body of a request, decoded."""
    return json.loads(Encoder("m", quirks or Quirks(), options or {}, owner).body(request, stream=stream))


def asked(*messages, **fields):
    return ModelRequest(tuple(messages), **fields)


def wire(*messages, **how):
    return sent(asked(*messages), **how)["messages"]


def test_a_plain_request_holds_the_model_and_the_messages_and_no_more():
    assert sent(asked(message("system", "Be brief."), HI)) == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
    }


PARTS = {
    "text": (Text("a"), {"type": "text", "text": "a"}),
    "a picture": (Image(PNG), {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{B64}"}}),
    "a picture elsewhere": (
        Image(url="https://x/y.jpg"),
        {"type": "image_url", "image_url": {"url": "https://x/y.jpg"}},
    ),
    "a wav": (Audio(PNG), {"type": "input_audio", "input_audio": {"data": B64, "format": "wav"}}),
    "an mp3": (
        Audio(PNG, media_type="audio/mpeg"),
        {"type": "input_audio", "input_audio": {"data": B64, "format": "mp3"}},
    ),
    "a PDF": (
        File(PNG, media_type="application/pdf", name="a.pdf"),
        {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{B64}"}},
    ),
    "a PDF without a name": (
        File(PNG, media_type="application/pdf"),
        {"type": "file", "file": {"filename": "file.pdf", "file_data": f"data:application/pdf;base64,{B64}"}},
    ),
    "a file of text": (
        File("a: ü".encode(), media_type="application/yaml", name="a.yaml"),
        {"type": "text", "text": '<file name="a.yaml">\na: ü\n</file>'},
    ),
    "a text without a name": (File(b"x", media_type="text/plain"), {"type": "text", "text": "x"}),
}


@pytest.mark.parametrize("name", PARTS)
def test_each_kind_of_part_has_its_form(name):
    part, form = PARTS[name]
    others = [] if isinstance(part, Text) else [{"type": "text", "text": "see:"}]
    content = [{"type": "text", "text": "see:"}, form] if others else "see:a"
    assert wire(message("user", ["see:", part])) == [{"role": "user", "content": content}]


@pytest.mark.parametrize("part", [Audio(url="https://x/y.wav"), Image(), File()])
def test_a_part_without_a_form_is_refused_with_the_way_out(part):
    with pytest.raises(ConfigurationError, match=type(part).__name__):
        wire(message("user", part))


def test_calls_and_results_are_native_messages():
    results = message(
        "tool", [ToolResult("c1", "add", (Text("1"),)), ToolResult("c2", "now", (Text("noon"),), is_error=True)]
    )
    calls = message("assistant", [CALL, ToolCall("c2", "now", {})])
    assert wire(HI, calls, results)[1:] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}},
                {"id": "c2", "type": "function", "function": {"name": "now", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
        {"role": "tool", "tool_call_id": "c2", "content": "noon"},
    ]


def test_words_beside_a_call_are_kept_and_an_empty_reply_is_empty_text():
    with_words, _, empty = wire(message("assistant", ["I'll add.", CALL]), RESULT, message("assistant"))
    assert with_words["content"] == "I'll add."
    assert empty == {"role": "assistant", "content": ""}


@pytest.mark.parametrize(
    ("official", "arguments"), [(True, '{"a": '), (False, '{"text":"{\\"a\\": "}')], ids=["at OpenAI", "elsewhere"]
)
def test_arguments_that_are_no_json_go_back_in_a_form_that_the_server_bears(official, arguments):
    asked = message("assistant", ToolCall("c1", "add", '{"a": '))
    found, _ = wire(asked, RESULT, quirks=Quirks(bad_arguments=official))
    assert found["tool_calls"][0]["function"]["arguments"] == arguments


def test_pictures_among_results_follow_the_last_result_of_the_row():
    first = message("tool", ToolResult("c1", "look", (Text("a view"), Image(PNG))))
    second = message(
        "tool", [ToolResult("c2", "look", (Image(url="https://x/y.png"),)), ToolResult("c3", "add", (Text("3"),))]
    )
    last = message("tool", ToolResult("c4", "look", (Image(PNG),)))
    asking = message("assistant", [ToolCall(f"c{number}", "look", {}) for number in (1, 2, 3)])
    again = message("assistant", ToolCall("c4", "look", {}))
    found = wire(asking, first, second, HI, again, last)
    assert [(each["role"], each.get("tool_call_id")) for each in found if each["role"] != "assistant"] == [
        ("tool", "c1"),
        ("tool", "c2"),
        ("tool", "c3"),
        ("user", None),
        ("user", None),
        ("user", None),
        ("tool", "c4"),
        ("user", None),
    ]
    assert found[1]["content"] == "a view"
    assert found[2]["content"] == ""
    assert found[4]["content"] == [
        {"type": "text", "text": "What look gave besides text:"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{B64}"}},
    ]
    assert found[5]["content"][1]["image_url"] == {"url": "https://x/y.png"}


def test_a_file_of_text_in_a_result_is_part_of_its_words():
    read = message("tool", ToolResult("c1", "read", (Text("here: "), File(b"x", media_type="text/plain"))))
    _, found = wire(message("assistant", CALL), read)
    assert found["content"] == "here: x"


def test_messages_of_one_role_in_a_row_stay_apart():
    assert [each["content"] for each in wire(HI, message("user", "there"))] == ["hi", "there"]


def test_reasoning_goes_back_only_where_the_server_wants_it_and_only_its_own():
    said = message("assistant", [Thinking("mine", provider="openai"), Thinking("another's", provider="x"), "12"])
    assert wire(said) == [{"role": "assistant", "content": "12"}]
    assert wire(said, quirks=Quirks(thinking="reasoning_content")) == [
        {"role": "assistant", "content": "12", "reasoning_content": "mine"}
    ]


def test_a_providers_own_items_go_back_to_it_alone():
    said = Message("assistant", (Text("a"),), {"openai@router": {"reasoning_details": [{"data": "x"}]}})
    assert wire(said, owner="openai@router")[0]["reasoning_details"] == [{"data": "x"}]
    assert "reasoning_details" not in wire(said)[0]


def test_half_a_surrogate_pair_becomes_a_replacement_character():
    assert wire(message("user", "a\ud800b"))[0]["content"] == "a\ufffdb"


def test_tools_are_described():
    function = {"name": "add", "description": "Add.", "parameters": ADD.parameters}
    assert sent(asked(HI, tools=(ADD,)))["tools"] == [{"type": "function", "function": function}]


@pytest.mark.parametrize(
    ("choice", "form"),
    [
        ("auto", "auto"),
        ("required", "required"),
        ("none", "none"),
        ("add", {"type": "function", "function": {"name": "add"}}),
    ],
)
def test_a_choice_of_tool_has_its_form_and_is_sent_only_with_tools(choice, form):
    assert sent(asked(HI, tools=(ADD,), tool_choice=choice))["tool_choice"] == form
    assert "tool_choice" not in sent(asked(HI, tool_choice=choice))


@pytest.mark.parametrize(
    ("model", "host", "field"),
    [
        ("gpt-4o", "api.openai.com", "max_completion_tokens"),
        ("o3", "me.openai.azure.com", "max_completion_tokens"),
        ("gpt-5", "openrouter.ai", "max_tokens"),
        ("qwen", "127.0.0.1", "max_tokens"),
    ],
)
def test_the_most_tokens_stand_in_the_field_that_the_server_knows(model, host, field):
    assert sent(asked(HI, max_tokens=7), quirks=quirks_of(model, host))[field] == 7


REASONING = [
    "o1",
    "o1-mini",
    "o3",
    "o3-mini",
    "o4-mini",
    "gpt-5",
    "gpt-5-mini",
    "gpt-5.2",
    "gpt-6",
    "gpt-12",
    "openai/o3",
    "x-ai/grok-4",
]
OTHERS = [
    "gpt-4o",
    "gpt-4.1",
    "gpt-3.5-turbo",
    "gpt-oss-120b",
    "qwen3",
    "llama-o3",
    "grok-3",
    "o-1",
    "mistralai/o-large",
]


@pytest.mark.parametrize("model", REASONING)
def test_models_that_reason_are_sent_no_stop_sequences_which_are_then_cut_here(model):
    encoder = Encoder(model, quirks_of(model, "x"), {}, "openai")
    request = asked(HI, stop=("END",))
    assert b"stop" not in encoder.body(request, stream=False)
    assert encoder.cuts(request) == ("END",)


@pytest.mark.parametrize("model", OTHERS)
def test_other_models_are_sent_them(model):
    encoder = Encoder(model, quirks_of(model, "x"), {}, "openai")
    request = asked(HI, stop=("END", ""))
    assert json.loads(encoder.body(request, stream=False))["stop"] == ["END"]
    assert encoder.cuts(request) == ()


def test_more_stop_sequences_than_the_api_takes_are_cut_here():
    encoder = Encoder("m", Quirks(), {}, "openai")
    request = asked(HI, stop=tuple("abcde"))
    assert json.loads(encoder.body(request, stream=False))["stop"] == list("abcd")
    assert encoder.cuts(request) == tuple("abcde")


STRICT = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
SCHEMAS = [
    (STRICT, True),
    ({**STRICT, "title": "My answer!"}, True),
    ({**STRICT, "required": []}, False),
    ({**STRICT, "additionalProperties": True}, False),
    ({"type": "object"}, False),
    ({**STRICT, "properties": {"a": {"type": "array", "items": {"type": "object", "properties": {}}}}}, False),
    ({**STRICT, "properties": {"a": {"anyOf": [{"type": "null"}, STRICT]}}}, True),
    ({"type": "integer"}, True),
]


@pytest.mark.parametrize(("schema", "strict"), SCHEMAS)
def test_a_schema_is_strict_where_it_keeps_the_apis_rules(schema, strict):
    form = sent(asked(HI, output_schema=schema))["response_format"]
    name = "My_answer_" if "title" in schema else "answer"
    assert form == {"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": strict}}


def test_a_stream_asks_for_its_tokens_unless_the_server_knows_no_such_field():
    assert sent(asked(HI), stream=True)["stream_options"] == {"include_usage": True}
    assert sent(asked(HI), stream=True)["stream"] is True
    assert "stream_options" not in sent(asked(HI), stream=True, quirks=Quirks(stream_usage=False))
    assert "stream" not in sent(asked(HI))


def test_options_win_over_what_is_set_here_and_a_calls_over_the_models():
    request = asked(
        HI, tools=(ADD,), max_tokens=7, options={"max_tokens": 9, "seed": 2, "tools": [{"type": "web_search"}]}
    )
    found = sent(request, options={"seed": 1, "temperature": 0, "model": "other"})
    assert found == {
        "model": "other",
        "max_tokens": 9,
        "seed": 2,
        "temperature": 0,
        "tools": [{"type": "web_search"}],
        "messages": [{"role": "user", "content": "hi"}],
    }
    assert sent(asked(HI, options={"messages": []}))["messages"] == []


@pytest.mark.parametrize("stream", [True, False])
def test_options_do_not_change_whether_a_reply_is_streamed(stream):
    assert sent(asked(HI, options={"stream": not stream}), stream=stream).get("stream", False) is stream


def test_an_option_without_a_form_in_json_is_refused_by_name():
    with pytest.raises(ConfigurationError, match="'odd'"):
        sent(asked(HI, options={"odd": object()}))


def test_a_message_and_a_tool_are_encoded_once(monkeypatch):
    encoder = Encoder("m", Quirks(), {}, "openai")
    messages = (HI, message("assistant", CALL), message("tool", ToolResult("c1", "add", (Text("1"), Image(PNG)))))
    first = encoder.body(asked(*messages, tools=(ADD,)), stream=False)
    monkeypatch.setattr("core_plus_http.chat.encode.Encoder._message", None)
    monkeypatch.setattr("core_plus_http.chat.encode._images_of_results", None)
    monkeypatch.setattr("core_plus_http.chat.encode._tool", None)
    assert encoder.body(asked(*messages, tools=(ADD,)), stream=False) == first


def test_models_with_other_settings_do_not_share_a_messages_bytes():
    said = message("assistant", ToolCall("c", "add", "{"))
    plain, lenient = wire(said), wire(said, quirks=Quirks(bad_arguments=True))
    assert plain != lenient
    assert wire(said) == plain
