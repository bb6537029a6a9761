"""Calls and reasoning in the text that a model writes, and what a chat template is given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_plus.messages import Image, Text, Thinking, ToolCall, ToolResult, message
from core_plus.models import Collector, ModelRequest
from core_plus.tools import ToolSpec
from core_plus_http.callforms import CallReader, conversation, folded, in_words, is_mark, offered, thinks
from core_plus_http.callforms.reader import FORMS, FRAMES, THOUGHTS

PLACE = {"city": {"type": "string"}, "days": {"type": "integer"}, "exact": {"type": "boolean"}}
TOOLS = (
    ToolSpec("get_weather", "The weather.", {"type": "object", "properties": PLACE}),
    ToolSpec("now", "The time.", {"type": "object", "properties": {}}),
)
OSLO = ("get_weather", {"city": "Oslo", "days": 3})
PARIS = ("get_weather", {"city": "Paris"})
NOW = ("now", {})

WRITTEN = {
    "Hermes, Qwen": (
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo", "days": 3}}\n</tool_call>\n'
        '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>',
        [OSLO, NOW],
    ),
    "never closed": ('<tool_call>\n{"name": "now", "arguments": {}}\n', [NOW]),
    "Python's quotes": ("<tool_call>{'name': 'get_weather', 'arguments': {'city': 'Paris'}}</tool_call>", [PARIS]),
    "Qwen Coder": (
        "<tool_call>\n<function=get_weather>\n<parameter=city>\nOslo\n</parameter>\n<parameter=days>\n3\n</parameter>\n"
        "</function>\n</tool_call>",
        [OSLO],
    ),
    "Qwen Coder without its tag": (
        "<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n</function>\n</tool_call>",
        [PARIS],
    ),
    "Llama's tag": ('<function=get_weather>{"city": "Paris"}</function>', [PARIS]),
    "GLM": (
        "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Oslo</arg_value>\n<arg_key>days</arg_key>\n"
        "<arg_value>3</arg_value>\n</tool_call>",
        [OSLO],
    ),
    "GLM without arguments": ("<tool_call>now\n</tool_call>", [NOW]),
    "Phi 4": ('<|tool_call|>[{"name": "get_weather", "arguments": {"city": "Paris"}}]<|/tool_call|>', [PARIS]),
    "Granite 3": ('<|tool_call|>[{"name": "get_weather", "arguments": {"city": "Paris"}}]', [PARIS]),
    "Mistral": (
        '[TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Paris"}}, {"name": "now", "arguments": {}}]',
        [PARIS, NOW],
    ),
    "Mistral's newer": (
        '[TOOL_CALLS]get_weather[ARGS]{"city": "Paris"}[TOOL_CALLS]now[CALL_ID]abc123[ARGS]{}',
        [PARIS, NOW],
    ),
    "Llama 3 with its tag": ('<|python_tag|>{"name": "get_weather", "parameters": {"city": "Paris"}}', [PARIS]),
    "Llama 3 without": ('{"name": "get_weather", "parameters": {"city": "Paris"}}', [PARIS]),
    "two of Llama's": (
        '{"name": "get_weather", "parameters": {"city": "Paris"}}; {"name": "now", "parameters": {}}',
        [PARIS, NOW],
    ),
    "a bare list": ('[{"name": "now", "arguments": {}}]', [NOW]),
    "Llama 4": ('[get_weather(city="Oslo", days=3), now()]', [OSLO, NOW]),
    "LFM2": ('<|tool_call_start|>[get_weather(city="Paris")]<|tool_call_end|>', [PARIS]),
    "DeepSeek V3": (
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n"
        '{"city": "Paris"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
        [PARIS],
    ),
    "DeepSeek V3.1": (
        '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{"city": "Paris"}<｜tool▁call▁end｜>'
        "<｜tool▁call▁begin｜>now<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        [PARIS, NOW],
    ),
    "Kimi": (
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>"
        '{"city": "Paris"}<|tool_call_end|><|tool_calls_section_end|>',
        [PARIS],
    ),
    "MiniMax": (
        '<minimax:tool_call>\n<invoke name="get_weather">\n<parameter name="city">Oslo</parameter>\n'
        '<parameter name="days">3</parameter>\n</invoke>\n</minimax:tool_call>',
        [OSLO],
    ),
    "Command R": (
        '<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "get_weather", "parameters": {"city": "Paris"}}]'
        "<|END_ACTION|>",
        [PARIS],
    ),
    "gpt-oss": (
        '<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"city": "Paris"}<|call|>',
        [PARIS],
    ),
    "gpt-oss the other way round": (
        '<|start|>assistant to=functions.get_weather<|channel|>commentary json<|message|>{"city": "Paris"}<|call|>',
        [PARIS],
    ),
    "OpenAI's own": (
        '<tool_call>{"type": "function", "function": {"name": "now", "arguments": "{}"}}</tool_call>',
        [NOW],
    ),
}


def read(text, size=10**6, tools=TOOLS, closes=""):
    """What a reader makes of a text that comes in pieces."""
    reader, collector = CallReader(tools, "me", closes), Collector()
    for at in range(0, len(text), size):
        for delta in reader.feed(text[at : at + size]):
            collector.add(delta)
    for delta in reader.end():
        collector.add(delta)
    return collector.response()


def calls(reply):
    return [(call.name, call.arguments) for call in reply.message.tool_calls]


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("name", WRITTEN)
def test_each_familys_calls_are_read_however_they_come(name, size):
    text, wanted = WRITTEN[name]
    reply = read(text, size)
    assert calls(reply) == wanted
    assert reply.message.text in ("", "</tool_call>")
    assert reply.finish_reason == "tool_calls"
    assert len({call.id for call in reply.message.tool_calls}) == len(wanted)


@pytest.mark.parametrize("size", [1, 1000])
def test_words_before_calls_are_kept_without_the_space_between(size):
    reply = read('I look.\n\n<tool_call>{"name": "now", "arguments": {}}</tool_call>\n', size)
    assert reply.message.text == "I look."
    assert calls(reply) == [NOW]


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize(
    ("text", "thought", "words"),
    [
        ("<think>\nHm. 1 < 2\n</think>\n\n12", "Hm. 1 < 2\n", "12"),
        ("[THINK]Hm.[/THINK]12", "Hm.", "12"),
        ("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>12", "Hm.", "12"),
        ("<think>it was cut", "it was cut", ""),
        ("no reasoning <b>at all</b> ", "", "no reasoning <b>at all</b> "),
    ],
)
def test_reasoning_is_told_from_the_answer(text, thought, words, size):
    reply = read(text, size)
    assert "".join(part.text for part in reply.message.parts if isinstance(part, Thinking)) == thought
    assert reply.message.text == words


def test_reasoning_that_the_prompt_began_ends_where_the_model_ends_it():
    assert thinks("<|im_start|>assistant\n<think>\n") == "</think>"
    assert thinks("<|im_start|>assistant\n") == ""
    reply = read("Hm.\n</think>\n\n12", 2, closes="</think>")
    assert [type(part) for part in reply.message.parts] == [Thinking, Text]
    assert reply.message.text == "12"


def test_without_tools_what_looks_like_a_call_is_words():
    text = '<tool_call>{"name": "now", "arguments": {}}</tool_call>'
    assert read(text, 3, tools=()).message.text == text


@pytest.mark.parametrize(
    "text",
    ['{"name": "Ada", "arguments": {}}', "[1] As they say …", '{"a": 1}', "[now]", "{", "[unknown()]", "<tool_call>?"],
)
def test_what_only_resembles_a_call_stays_as_it_is(text):
    reply = read(text, 2)
    assert (reply.message.text, calls(reply)) == (text, [])


def test_a_call_whose_json_is_broken_keeps_its_text_for_the_tools_answer():
    ((name, arguments),) = calls(read('<tool_call>{"name": "get_weather", "arguments": {"city": Oslo}}</tool_call>'))
    assert name == "get_weather"
    assert isinstance(arguments, str)
    assert "Oslo" in arguments


def test_values_in_tags_are_of_the_type_that_the_tool_takes():
    text = "<tool_call><function=get_weather><parameter=city>7</parameter><parameter=exact>True</parameter></function>"
    assert calls(read(text)) == [("get_weather", {"city": "7", "exact": True})]


MARKS = [mark for form in (*FORMS, *THOUGHTS) for mark in form[:2] if mark]
PIECES = st.one_of(
    st.sampled_from([*MARKS, *FRAMES, "{", "}", "[", '{"name": "now"}', "<function=now>", "now()"]), st.text(max_size=8)
)


@given(st.lists(PIECES, max_size=12).map("".join), st.integers(1, 9))
def test_any_text_is_read_alike_in_whatever_pieces_it_comes(text, size):
    whole, pieces = read(text), read(text, size)
    assert calls(whole) == calls(pieces)
    assert whole.message.text == pieces.message.text


@given(st.text())
def test_a_text_without_marks_is_given_on_as_it_is(text):
    assert read(text, 2, tools=()).message.text == text


def test_a_template_is_given_objects_names_and_turns():
    request = ModelRequest(
        (
            message("system", "Be brief."),
            message("user", "one"),
            message("user", "two"),
            message("assistant", [Thinking("Hm.", provider="me"), ToolCall("c1", "get_weather", {"city": "Oslo"})]),
            message("tool", ToolResult("c1", "get_weather", (Text("snow"),))),
        ),
        TOOLS,
    )
    messages, tools = conversation(request, "me")
    assert messages[1] == {"role": "user", "content": "one\n\ntwo"}
    assert messages[2]["content"] == ""
    assert messages[2]["reasoning_content"] == "Hm."
    assert messages[2]["tool_calls"][0]["function"] == {"name": "get_weather", "arguments": {"city": "Oslo"}}
    assert (messages[3]["name"], messages[3]["content"]) == ("get_weather", "snow")
    assert [tool["function"]["name"] for tool in tools] == ["get_weather", "now"]
    assert folded(messages)[0] == {"role": "user", "content": "Be brief.\n\none\n\ntwo"}
    assert folded(messages[:1]) == [{"role": "user", "content": "Be brief."}]
    assert folded(messages[1:]) == messages[1:]


def test_a_template_that_knows_no_tools_is_told_of_them_in_words():
    request = ModelRequest(
        (
            message("user", "hi"),
            message("assistant", [Text("I look."), ToolCall("c1", "now", {})]),
            message("tool", ToolResult("c1", "now", (Text("noon"),))),
            message("user", "and?"),
        ),
        TOOLS,
    )
    system, first, said, last = in_words(*conversation(request, "me"))
    assert '"get_weather"' in system["content"]
    assert first == {"role": "user", "content": "hi"}
    assert calls(read(said["content"])) == [NOW]
    assert last == {"role": "user", "content": "now gave:\n\nnoon\n\nand?"}


def test_pictures_stay_parts_when_turns_are_joined():
    request = ModelRequest((message("user", "look"), message("user", ["here", Image(b"png")])))
    (turn,), tools = conversation(request, "me")
    assert [part["type"] for part in turn["content"]] == ["text", "text", "image_url"]
    assert tools is None


@pytest.mark.parametrize(("choice", "names"), [(None, 2), ("required", 2), ("now", 1), ("none", 0)])
def test_a_model_is_told_of_the_tools_it_may_call(choice, names):
    assert len(offered(ModelRequest((message("user", "hi"),), TOOLS, tool_choice=choice))) == names


def test_only_special_tokens_that_mean_something_are_shown_to_the_reader():
    assert all(map(is_mark, ["<tool_call>", "[TOOL_CALLS]", "<|channel|>", "[ARGS]"]))
    assert not any(map(is_mark, ["</s>", "<|im_end|>", "<pad>", ""]))
