"""A real model of llama.cpp, with random weights, made to say what is tested."""

import asyncio
import json
import threading

import pytest

from core_plus.cancellation import Cancellation
from core_plus.errors import BadRequestError, ConfigurationError, ContextLengthError, ModelError
from core_plus.host import Host
from core_plus.messages import Image, Text, Thinking, ToolCall, ToolResult, message
from core_plus.models import Collector, Model, ModelRequest, TextDelta
from core_plus_http import Cancelled
from core_plus_llamacpp import LlamaCppModel
from core_plus_testkit.model_kit import TOOLS

HI = (message("user", "hi"),)
CALL = '<tool_call>\n{"name": "add", "arguments": {"a": 7, "b": 5}}\n</tool_call>'


def collected(deltas):
    collector = Collector()
    for delta in deltas:
        collector.add(delta)
    return collector.response()


def test_it_is_a_model_found_by_its_name(model, file):
    assert isinstance(model, Model)
    with Host() as host:
        assert str(host.model(f"llamacpp:{file}")) == f"llamacpp:{file}"


@pytest.mark.parametrize("text", ["hello", "Zwölf Boxkämpfer, 漢字かな 🦊👩‍🚀", "a  b\n\n c ", "it is < 3 <| and [x"])
def test_every_way_gives_the_words_that_the_model_wrote(model, says, text):
    async def both():
        whole = await model.aforward(ModelRequest(HI, options=says(text)))
        return whole, collected([delta async for delta in model.astream(ModelRequest(HI, options=says(text)))])

    replies = [model.forward(ModelRequest(HI, options=says(text)))]
    replies.append(collected(model.stream(ModelRequest(HI, options=says(text)))))
    replies += asyncio.run(both())
    assert [reply.message.text for reply in replies] == [text] * 4
    assert {reply.finish_reason for reply in replies} == {"stop"}
    assert len({str(reply.usage) for reply in replies}) == 1


def test_tokens_are_counted(model, says):
    request = ModelRequest(HI, options=says("hello"))
    usage = model.forward(request).usage
    assert usage.output_tokens == len("hello") + 1  # and the one that ends it
    assert usage.input_tokens == model.count_tokens(request) > 0
    assert usage.calls == 1


def test_a_long_text_comes_in_pieces(model, says):
    deltas = [*model.stream(ModelRequest(HI, options=says("the weather is " * 9)))]
    assert sum(isinstance(delta, TextDelta) for delta in deltas) > 10


@pytest.mark.parametrize("stop", ["DONE", "</code>", "🦊"])
def test_a_reply_is_cut_at_a_stop_string(model, says, stop):
    reply = model.forward(ModelRequest(HI, stop=("never", stop), options=says(f"one two{stop} three", ends=False)))
    assert reply.message.text == "one two"
    assert reply.finish_reason == "stop"
    assert reply.usage.output_tokens < 20


def test_a_reply_ends_at_the_most_tokens(model, says):
    reply = model.forward(ModelRequest(HI, max_tokens=3, options=says("one two three four", ends=False)))
    assert reply.usage.output_tokens == 3
    assert reply.finish_reason == "length"


def test_a_reply_ends_where_the_context_does(model, says):
    reply = model.forward(ModelRequest(HI, options=says("on and on ", ends=False)))
    assert reply.usage.total_tokens == 512
    assert reply.finish_reason == "length"


def test_calls_are_read_out_of_the_text(model, says):
    reply = model.forward(ModelRequest(HI, TOOLS, options=says(f"I add.\n{CALL}\n{CALL}")))
    assert reply.message.text == "I add."
    assert [(call.name, call.arguments) for call in reply.message.tool_calls] == [("add", {"a": 7, "b": 5})] * 2
    assert reply.finish_reason == "tool_calls"


def test_reasoning_is_told_apart_also_where_the_template_began_it(model, says):
    first = model.forward(ModelRequest(HI, options=says("<think>Hm.</think>\n\n12")))
    options = says("Hm.</think>\n\n12", chat_template_kwargs={"think": True})
    for reply in (first, model.forward(ModelRequest(HI, options=options))):
        assert reply.message.parts == (Thinking("Hm.", provider="llamacpp"), Text("12"))
        assert reply.usage.reasoning_tokens > 0


def test_an_answer_that_must_fit_a_schema_does_whatever_the_model_wants(model):
    schema = {
        "type": "object",
        "properties": {"a": {"enum": [7, 8]}, "b": {"type": "array", "items": {"type": "boolean"}, "maxItems": 3}},
        "required": ["a", "b"],
        "additionalProperties": False,
    }
    for seed in range(5):
        reply = model.forward(ModelRequest(HI, output_schema=schema, options={"temperature": 1.0, "seed": seed + 1}))
        found = json.loads(reply.message.text)
        assert {*found} == {"a", "b"}
        assert found["a"] in (7, 8)
        assert all(isinstance(each, bool) for each in found["b"])


def test_a_tool_that_must_be_called_is_called_whatever_the_model_wants(model):
    small = {"type": "object", "properties": {"a": {"enum": [1, 2]}}, "required": ["a"], "additionalProperties": False}
    tools = tuple(type(tool)(tool.name, tool.description, small) for tool in TOOLS)
    reply = model.forward(ModelRequest(HI, tools, tool_choice="now", max_tokens=400))
    assert {call.name for call in reply.message.tool_calls} == {"now"}
    assert all(call.arguments["a"] in (1, 2) for call in reply.message.tool_calls)


def test_code_can_be_asked_for_by_a_grammar(model):
    reply = model.forward(ModelRequest(HI, stop=("</code>",), options={"grammar": "code", "seed": 3}, max_tokens=300))
    words, _, code = reply.message.text.partition("<code>")
    assert reply.finish_reason == "length" or code
    assert "<c" not in words


@pytest.mark.parametrize("grammar", ["root ::= nowhere", "(((", 'leaf ::= "a"'])
def test_a_grammar_that_cannot_be_read_is_refused_and_crashes_nothing(model, says, grammar):
    with pytest.raises(BadRequestError, match="can't read this grammar"):
        model.forward(ModelRequest(HI, options={"grammar": grammar}))
    assert model.forward(ModelRequest(HI, options=says("still here"))).message.text == "still here"


def test_a_schema_without_a_grammar_is_refused(model):
    with pytest.raises(BadRequestError, match="no grammar"):
        model.forward(ModelRequest(HI, output_schema={"$ref": "#/nowhere"}))


def test_a_conversation_with_calls_goes_through_the_template(model, says):
    messages = (
        message("system", "Be brief."),
        *HI,
        message("assistant", ToolCall("c1", "add", {"a": 1})),
        message("tool", ToolResult("c1", "add", (Text("3"),))),
    )
    assert model.forward(ModelRequest(messages, TOOLS[:1], options=says("3"))).message.text == "3"


@pytest.mark.parametrize(
    ("template", "wanted"),
    [("{{ raise_exception('no turns for me') }}", "no turns for me"), ("{{ nothing.at_all.here }}", "refuses")],
)
def test_a_template_that_refuses_is_told_in_its_own_words(file, says, template, wanted):
    model = LlamaCppModel(str(file), n_ctx=128, chat_template=template)
    with pytest.raises(BadRequestError, match=wanted):
        model.forward(ModelRequest(HI, options=says("x")))
    model.close()


def test_a_template_without_a_system_or_tools_gets_both_in_words(file, says):
    template = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "{{ m.role }}: {{ m.content }}\n{% endfor %}"
    )
    model = LlamaCppModel(str(file), n_ctx=1024, chat_template=template)
    request = ModelRequest((message("system", "Be brief."), *HI), TOOLS[1:], options=says(CALL))
    assert model.forward(request).message.tool_calls[0].name == "add"
    model.close()


def test_a_prompt_that_is_too_long_is_its_own_error(model, says):
    with pytest.raises(ContextLengthError, match="512"):
        model.forward(ModelRequest((message("user", "é🦊 " * 400),), options=says("x")))


def test_what_the_model_does_not_take_is_refused(model, says):
    with pytest.raises(ConfigurationError, match="words only"):
        model.forward(ModelRequest((message("user", ["look", Image(b"png")]),), options=says("x")))
    with pytest.raises(BadRequestError, match="no_such_thing"):
        model.forward(ModelRequest(HI, options=says("x", no_such_thing=1)))


def test_a_seed_makes_chance_repeatable(model):
    requests = [ModelRequest(HI, max_tokens=12, options={"temperature": 2.0, "seed": seed}) for seed in (1, 1, 2)]
    one, same, other = (str(model.forward(request).message) for request in requests)
    assert one == same != other


def test_a_stream_left_early_stops_the_model(model, says):
    stream = model.stream(ModelRequest(HI, options=says("one two three ", ends=False)))
    assert next(stream)
    stream.close()
    assert model.forward(ModelRequest(HI, options=says("next"))).message.text == "next"


@pytest.mark.parametrize("way", ["sync", "async"])
def test_a_cancelled_call_ends_at_once(file, says, way):
    model = LlamaCppModel(str(file), n_ctx=512, n_threads=1)
    cancellation = Cancellation()
    request = ModelRequest(HI, options=says("one two three ", ends=False), cancellation=cancellation)

    def sync():
        for _ in model.stream(request):
            cancellation.cancel()

    async def astream():
        async for _ in model.astream(request):
            cancellation.cancel()

    with pytest.raises(Cancelled) as caught:
        sync() if way == "sync" else asyncio.run(astream())
    assert caught.value.partial
    assert not caught.value.retryable
    model.close()


def test_many_threads_take_turns(model, says):
    texts = [f"reply {number}" for number in range(8)]
    found = {}

    def ask(text):
        found[text] = model.forward(ModelRequest(HI, options=says(text))).message.text

    threads = [threading.Thread(target=ask, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {text: text for text in texts}


def test_a_closed_model_ends_its_thread_and_is_loaded_anew_when_called(file, says):
    model = LlamaCppModel(str(file), n_ctx=128)
    model.load()
    name = f"llamacpp:{file}"
    assert any(thread.name == name for thread in threading.enumerate())
    model.close()
    assert model.forward(ModelRequest(HI, options=says("again"))).message.text == "again"
    model.close()


def test_a_file_that_is_no_model_says_so(file, tmp_path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(file.read_bytes()[:5000])
    model = LlamaCppModel(str(broken))
    with pytest.raises(ModelError, match=r"broken\.gguf can't be loaded"):
        model.forward(ModelRequest(HI))
    model.close()


def test_a_model_without_a_template_says_so(make_file):
    model = LlamaCppModel(str(make_file("bare.gguf", template="")), n_ctx=128)
    with pytest.raises(ConfigurationError, match="no chat template"):
        model.forward(ModelRequest(HI))
    model.close()
