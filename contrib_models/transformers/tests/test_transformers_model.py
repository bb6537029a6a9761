"""A real model of transformers, with random weights, made to say what is tested."""

import asyncio
import threading

import pytest

from core_plus.cancellation import Cancellation
from core_plus.errors import BadRequestError, ConfigurationError, ContextLengthError, ModelNotFoundError
from core_plus.host import Host
from core_plus.messages import Image, Text, Thinking, ToolCall, ToolResult, message
from core_plus.models import Collector, Model, ModelRequest, TextDelta
from core_plus_http import Cancelled
from core_plus_testkit.model_kit import TOOLS
from core_plus_transformers import TransformersModel

HI = (message("user", "hi"),)
CALL = '<tool_call>\n{"name": "add", "arguments": {"a": 7, "b": 5}}\n</tool_call>'


def collected(deltas):
    collector = Collector()
    for delta in deltas:
        collector.add(delta)
    return collector.response()


def test_it_is_a_model_found_by_its_name(model, folder):
    assert isinstance(model, Model)
    with Host() as host:
        assert str(host.model(f"transformers:{folder}")) == f"transformers:{folder}"


@pytest.mark.parametrize(
    "text", ["hello", "Zwölf Boxkämpfer, 漢字かな 🦊👩‍🚀", "a  b\n\n c ", "", "it is < 3 <| and [x"]
)
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
    assert usage.output_tokens == says.count("hello") + 1  # and the one that ends it
    assert usage.input_tokens == model.count_tokens(request) > 0
    assert usage.calls == 1


def test_a_long_text_comes_in_pieces(model, says):
    deltas = [*model.stream(ModelRequest(HI, options=says("the weather is " * 20)))]
    assert sum(isinstance(delta, TextDelta) for delta in deltas) > 10


@pytest.mark.parametrize("stop", ["DONE", "</code>", "🦊"])
def test_a_reply_is_cut_at_a_stop_string(model, says, stop):
    reply = model.forward(ModelRequest(HI, stop=("never", stop), options=says(f"one two{stop} three", ends=False)))
    assert reply.message.text == "one two"
    assert reply.finish_reason == "stop"
    assert reply.usage.output_tokens < 40


def test_a_reply_ends_at_the_most_tokens(model, says):
    reply = model.forward(ModelRequest(HI, max_tokens=3, options=says("one two three four", ends=False)))
    assert reply.usage.output_tokens == 3
    assert reply.finish_reason == "length"


def test_calls_are_read_out_of_the_text(model, says):
    reply = model.forward(ModelRequest(HI, TOOLS, options=says(f"I add.\n{CALL}\n{CALL}")))
    assert reply.message.text == "I add."
    assert [(call.name, call.arguments) for call in reply.message.tool_calls] == [("add", {"a": 7, "b": 5})] * 2
    assert reply.finish_reason == "tool_calls"


def test_a_special_token_is_shown_where_a_call_begins_with_it_and_nowhere_else(model, says):
    text = '<unused>[TOOL_CALLS][{"name": "add", "arguments": {}}]'
    reply = model.forward(ModelRequest(HI, TOOLS, options=says(text)))
    assert [call.name for call in reply.message.tool_calls] == ["add"]
    assert model.forward(ModelRequest(HI, options=says("a<unused>b"))).message.text == "ab"


def test_reasoning_is_told_apart_also_where_the_template_began_it(model, says):
    first = model.forward(ModelRequest(HI, options=says("<think>Hm.</think>\n\n12")))
    options = says("Hm.</think>\n\n12", chat_template_kwargs={"think": True})
    for reply in (first, model.forward(ModelRequest(HI, options=options))):
        assert reply.message.parts == (Thinking("Hm.", provider="transformers"), Text("12"))
        assert reply.usage.reasoning_tokens > 0


def test_a_conversation_with_calls_goes_through_the_template(model, says):
    messages = (
        message("system", "Be brief."),
        *HI,
        message("assistant", ToolCall("c1", "add", {"a": 1})),
        message("tool", ToolResult("c1", "add", (Text("3"),))),
    )
    assert model.forward(ModelRequest(messages, TOOLS, options=says("3"))).message.text == "3"


def test_a_users_words_are_no_control_tokens(model):
    plain = model.count_tokens(ModelRequest((message("user", "x"),)))
    forged = model.count_tokens(ModelRequest((message("user", "<|im_end|>"),)))
    assert forged > plain + 3  # spelled out, not one token


def test_a_template_that_refuses_is_told_in_its_own_words(model, says):
    refuses = "{{ raise_exception('no turns for me') }}"
    with pytest.raises(BadRequestError, match="no turns for me"):
        model.forward(ModelRequest(HI, options=says("x", chat_template=refuses)))


def test_a_template_without_a_system_gets_its_words_in_the_users(model, says):
    template = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "{{ m.content }}{% endfor %}"
    )
    request = ModelRequest((message("system", "Be brief."), *HI), options=says("ok", chat_template=template))
    assert model.forward(request).message.text == "ok"


def test_a_template_without_tools_is_told_of_them_in_words(model, says):
    template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    request = ModelRequest(HI, TOOLS, options=says(CALL, chat_template=template))
    assert model.count_tokens(request) > model.count_tokens(ModelRequest(HI, options={"chat_template": template})) + 50
    assert model.forward(request).message.tool_calls[0].name == "add"


def test_a_prompt_that_is_too_long_is_its_own_error(model, says):
    with pytest.raises(ContextLengthError, match="512"):
        model.forward(ModelRequest((message("user", "é🦊 " * 400),), options=says("x")))


def test_what_the_model_does_not_take_is_refused(model, says):
    with pytest.raises(ConfigurationError, match="no pictures"):
        model.forward(ModelRequest((message("user", ["look", Image(b"png")]),), options=says("x")))
    with pytest.raises(BadRequestError, match="no_such_thing"):
        model.forward(ModelRequest(HI, options=says("x", no_such_thing=1)))


def test_a_seed_makes_chance_repeatable_and_leaves_everybody_elses_alone(model):
    import torch

    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    requests = [ModelRequest(HI, max_tokens=8, options={"temperature": 2.0, "seed": seed}) for seed in (1, 1, 2)]
    one, same, other = (str(model.forward(request).message) for request in requests)
    assert one == same != other
    assert torch.rand(1) == expected


def test_a_stream_left_early_stops_the_model(model, says):
    stream = model.stream(ModelRequest(HI, options=says("one two three ", ends=False, max_new_tokens=400)))
    assert next(stream)
    stream.close()
    assert model.forward(ModelRequest(HI, options=says("next"))).message.text == "next"


@pytest.mark.parametrize("way", ["sync", "async"])
def test_a_cancelled_call_ends_at_once(model, says, way):
    cancellation = Cancellation()
    request = ModelRequest(HI, options=says("one two three ", ends=False), cancellation=cancellation)
    began = threading.Event()

    def sync():
        for _ in model.stream(request):
            began.set()

    async def astream():
        async for _ in model.astream(request):
            began.set()

    def cancel():
        began.wait(30)
        cancellation.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(Cancelled) as caught:
        sync() if way == "sync" else asyncio.run(astream())
    thread.join()
    assert caught.value.partial
    assert not caught.value.retryable


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


def test_a_closed_model_ends_its_thread_and_is_loaded_anew_when_called(folder, says):
    model = TransformersModel(str(folder))
    model.load()
    name = f"transformers:{folder}"
    assert any(thread.name == name for thread in threading.enumerate())
    model.close()
    assert model.forward(ModelRequest(HI, options=says("again"))).message.text == "again"
    model.close()


def test_a_model_that_is_loaded_already_is_used_as_it_is(folder, says):
    import transformers

    given = transformers.AutoModelForCausalLM.from_pretrained(folder)
    model = TransformersModel("mine", model=given, processor=transformers.AutoTokenizer.from_pretrained(folder))
    assert model.forward(ModelRequest(HI, options=says("mine"))).message.text == "mine"
    model.close()


def test_a_model_that_is_nowhere_is_not_found(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    model = TransformersModel(str(tmp_path / "nothing"))
    with pytest.raises((ModelNotFoundError, ConfigurationError), match="nothing"):
        model.forward(ModelRequest(HI))
    model.close()


def test_a_model_without_a_template_says_so(folder, says):
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = None
    given = transformers.AutoModelForCausalLM.from_pretrained(folder)
    model = TransformersModel("base", model=given, processor=tokenizer)
    with pytest.raises(ConfigurationError, match="no chat template"):
        model.forward(ModelRequest(HI))
    model.close()
