"""A model that says what a script holds."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

import core_plus_scripted
from core_plus.cancellation import Cancellation
from core_plus.errors import ConfigurationError, ModelError, RateLimitError
from core_plus.messages import Image, Message, Text, Thinking, ToolCall, ToolResult, Usage, message
from core_plus.models import Collector, Model, ModelRequest, ModelResponse, StreamingModel, TextDelta, ToolCallDelta
from core_plus.tools import ToolSpec
from core_plus_scripted import ScriptedModel


def request(*said, **more):
    """A request of texts, the user's first, the assistant's next, and so on."""
    roles = ("user", "assistant")
    return ModelRequest(tuple(message(roles[n % 2], text) for n, text in enumerate(said or ("hello",))), **more)


def texts(model, *requests):
    return [model.forward(one).message.text for one in requests]


CALL = ToolCall("c1", "temperature", {"city": "Oslo", "days": [1, 2]})
WHOLE = ModelResponse(message("assistant", "whole"), Usage(1, 2, calls=1), "length", model="m")


# ---- which turn -----------------------------------------------------------------


def test_in_a_queue_each_call_takes_the_next_turn():
    model = ScriptedModel(["one", "two", "three"])
    assert texts(model, request(), request(), request("a", "b", "c")) == ["one", "two", "three"]


def test_by_turn_a_request_gets_the_turn_after_its_own_assistants():
    model = ScriptedModel(["one", "two"], mode="turn")
    assert texts(model, request("a", "b", "c"), request(), request("a", "b", "c")) == ["two", "one", "two"]


def test_many_runs_at_once_each_get_their_own_turns():
    model = ScriptedModel([f"turn {number}" for number in range(5)], mode="turn")

    def run(name):
        said = [name]
        for _ in range(5):
            said += [model.forward(request(*said)).message.text, "go on"]
        return said[1::2]

    with ThreadPoolExecutor(8) as pool:
        assert set(map(tuple, pool.map(run, map(str, range(40))))) == {tuple(f"turn {number}" for number in range(5))}


def test_a_queue_gives_each_turn_once_to_many_threads():
    model = ScriptedModel([str(number) for number in range(200)])
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: model.forward(request()).message.text, range(200)))
    assert sorted(given, key=int) == [str(number) for number in range(200)]


def test_words_of_the_task_choose_the_script():
    model = ScriptedModel({"": ["outer one", "outer two"], "researcher": ["inner one", "inner two"]})
    asked = (
        request("a task"),
        request("you are researcher"),
        request("a task", "b", "c"),
        request("you are researcher"),
    )
    assert texts(model, *asked) == ["outer one", "inner one", "outer two", "inner two"]


def test_only_what_a_user_says_chooses_the_script():
    model = ScriptedModel({"": ["outer"], "researcher": ["inner"]})
    asked = ModelRequest((message("system", "there is a researcher"), message("user", "a task")))
    assert texts(model, asked) == ["outer"]


def test_a_function_answers_every_call():
    model = ScriptedModel(lambda asked: f"{len(asked.messages)} messages")
    assert texts(model, request(), request("a", "b", "c")) == ["1 messages", "3 messages"]


# ---- what a turn may be -----------------------------------------------------------


@pytest.mark.parametrize(
    ("turn", "parts"),
    [
        ("words", (Text("words"),)),
        ("", ()),
        (Message("assistant", (Text("a"), CALL)), (Text("a"), CALL)),
        (WHOLE, (Text("whole"),)),
        (lambda asked: asked.messages[-1].text + "!", (Text("hello!"),)),
        (lambda asked: WHOLE, (Text("whole"),)),
    ],
)
def test_a_turn_becomes_a_reply(turn, parts):
    assert ScriptedModel([turn]).forward(request()).message.parts == parts


def test_an_error_is_raised_and_the_next_turn_follows():
    model = ScriptedModel([RateLimitError("slow down", retry_after=1.0), lambda asked: KeyError("gone"), "better"])
    with pytest.raises(RateLimitError, match="slow down"):
        model.forward(request())
    with pytest.raises(KeyError, match="gone"):
        model.forward(request())
    assert texts(model, request()) == ["better"]


def test_an_error_raised_many_times_keeps_no_frames_of_the_runs_before():
    model = ScriptedModel([ValueError("no")], mode="turn")
    depths = []
    for _ in range(3):
        with pytest.raises(ValueError, match="no") as caught:
            model.forward(request())
        depths.append(len(caught.traceback))
    assert depths[0] == depths[-1]


@pytest.mark.parametrize(
    ("replies", "says"),
    [
        ([], "the script is empty"),
        ({}, "the script is empty"),
        ({"a": []}, "the script for 'a' is empty"),
        ("words", "the script is 'words'; give a list of turns"),
        ({"a": "words"}, "the script for 'a' is 'words'"),
        (["fine", 5], "turn 2 of the script is 5; a turn is a text"),
        ([ValueError], "turn 1 of the script is <class 'ValueError'>"),
        ([message("user", "hi")], "turn 1 of the script is a 'user' message; a model says 'assistant' messages"),
    ],
)
def test_a_script_that_holds_something_else_is_refused(replies, says):
    with pytest.raises(ConfigurationError, match=says):
        ScriptedModel(replies)


@pytest.mark.parametrize("settings", [{"mode": "random"}, {"chunk": "letter"}, {"chunk": 0}])
def test_a_setting_that_is_not_there_is_refused(settings):
    with pytest.raises(ConfigurationError, match=next(iter(settings))):
        ScriptedModel(["a"], **settings)


async def wait():
    return "late"


@pytest.mark.parametrize(
    ("turn", "says"),
    [(lambda asked: 5, "turn 1 of the script 'script' is 5"), (lambda asked: len, "gave another function")],
)
def test_a_function_that_gives_something_else_is_refused(turn, says):
    with pytest.raises(ConfigurationError, match=says):
        ScriptedModel([turn]).forward(request())


def test_an_async_function_is_refused():
    given = wait()
    with pytest.raises(ConfigurationError, match="async function"):
        ScriptedModel([lambda asked: given]).forward(request())
    given.close()


def test_a_used_up_script_says_after_how_many_turns_and_what_was_asked():
    model = ScriptedModel(["one"], name="demo")
    model.forward(request())
    with pytest.raises(
        ModelError, match=r"the script 'demo' has 1 turn and was asked for turn 2; .* user: 'and now\?'"
    ) as caught:
        model.forward(request("and now?"))
    assert not caught.value.retryable


def test_a_task_that_no_script_fits_is_told():
    with pytest.raises(ModelError, match="no user's message holds any of 'a', 'b'"):
        ScriptedModel({"a": ["x"], "b": ["y"]}).forward(request("other"))


# ---- usage, stops, names ------------------------------------------------------------


def test_usage_is_estimated_from_lengths_and_marked():
    tools = (ToolSpec("f", "d" * 39, {}),)
    asked = ModelRequest(
        (message("user", "x" * 40), Message("assistant", (CALL,)), Message("tool", (ToolResult("c1", "f"),))), tools
    )
    response = ScriptedModel(["y" * 21]).forward(asked)
    assert response.usage.output_tokens == 6
    assert 20 < response.usage.input_tokens < 50
    assert (response.usage.calls, response.usage.unknown_calls) == (1, 1)
    assert ScriptedModel(["a"]).count_tokens(asked) == response.usage.input_tokens


def test_the_usage_of_a_whole_response_is_left_as_it_is():
    assert ScriptedModel([WHOLE]).forward(request()) is WHOLE


def test_pictures_and_results_are_counted_without_fail():
    picture = ToolResult("1", "f", (Text("four"), Image(data=b"123")))
    assert ScriptedModel(["a"]).count_tokens(ModelRequest((Message("tool", (picture, Thinking("four"))),))) == 2


def test_words_end_where_the_request_says():
    model = ScriptedModel(["<code>\nx = 1\n</code>\nObservation: 5"])
    assert model.forward(request(stop=("Observation:", "</code>"))).message.text == "<code>\nx = 1\n"


def test_it_is_called_by_its_name():
    assert str(ScriptedModel(["a"], name="demo.md")) == "scripted:demo.md"
    assert repr(ScriptedModel(["a", "b"], name="demo.md")) == "<ScriptedModel demo.md, 2 turns>"


def test_it_keeps_what_it_was_asked():
    model, asked = ScriptedModel(["a"]), request()
    model.forward(asked)
    assert model.requests == [asked]


def test_it_is_a_model_that_streams():
    assert isinstance(ScriptedModel(["a"]), Model)
    assert isinstance(ScriptedModel(["a"]), StreamingModel)


# ---- streams ----------------------------------------------------------------------


REPLY = Message("assistant", (Thinking("I think so", signature="s", provider="p"), Text("two  words\nand 東京 "), CALL))
ARGUMENTS = ToolCall("c2", "f", '{"cut')
ODD = ToolCall("c3", "f", {"key": b"bytes"})


def added(deltas):
    collector = Collector()
    for delta in deltas:
        collector.add(delta)
    return collector.response()


@pytest.mark.parametrize("chunk", ["word", 1, 3, 1_000, None])
@pytest.mark.parametrize("turn", ["a few words", "", "  ", REPLY, Message("assistant", (CALL, ARGUMENTS, ODD)), WHOLE])
def test_the_pieces_add_up_to_the_whole(turn, chunk):
    make = lambda: ScriptedModel([turn], chunk=chunk)  # noqa: E731
    assert added(make().stream(request())) == make().forward(request())


@given(st.text(), st.one_of(st.none(), st.just("word"), st.integers(1, 9)))
def test_no_word_is_lost_however_it_is_cut(text, chunk):
    assert added(ScriptedModel([text], chunk=chunk).stream(request())).message.text == text


def test_words_stream_one_by_one():
    pieces = [
        delta.text for delta in ScriptedModel(["two  words\nmore"]).stream(request()) if isinstance(delta, TextDelta)
    ]
    assert pieces == ["two  ", "words\n", "more"]


def test_arguments_stream_as_json_in_pieces():
    deltas = [delta for delta in ScriptedModel([REPLY], chunk=5).stream(request()) if isinstance(delta, ToolCallDelta)]
    assert deltas[0].name == "temperature"
    assert len(deltas) > 3


def test_async_gives_the_same_as_sync():
    async def both():
        whole = await ScriptedModel([REPLY]).aforward(request())
        deltas = [delta async for delta in ScriptedModel([REPLY]).astream(request())]
        return whole, added(deltas)

    assert asyncio.run(both()) == (ScriptedModel([REPLY]).forward(request()),) * 2


def test_an_error_comes_before_the_first_piece():
    with pytest.raises(TimeoutError):
        next(iter(ScriptedModel([TimeoutError("slow")]).stream(request())))


def test_a_delay_stands_before_each_piece():
    begun = time.monotonic()
    deltas = list(ScriptedModel(["a b c"], delay=0.02).stream(request()))
    assert time.monotonic() - begun >= 0.02 * len(deltas)


def test_a_cancelled_run_does_not_wait_for_the_next_piece():
    stop = Cancellation()
    stream = ScriptedModel(["a b c"], delay=30).stream(request(cancellation=stop))
    threading.Timer(0.05, stop.cancel).start()
    begun = time.monotonic()
    with pytest.raises(ModelError, match="stopped: interrupted"):
        next(stream)
    assert time.monotonic() - begun < 10


# ---- the plugin ---------------------------------------------------------------------


def test_it_declares_the_model_scripted(tmp_path):
    found = {}
    core_plus_scripted.register_models(lambda name, factory, summary, config=None: found.update({name: factory}))
    assert list(found) == ["scripted"]
    script = tmp_path / "turns.md"
    script.write_text("one\n---\ntwo\n")
    model = found["scripted"](str(script), delay=0)
    assert texts(model, request("a", "b", "c"), request()) == ["two", "one"]
    assert str(model) == f"scripted:{script}"
