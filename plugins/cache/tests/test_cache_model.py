"""A model that answers from disk what was asked before."""

from __future__ import annotations

import asyncio
import stat

import pytest

from core_plus import ConfigurationError, Host, ToolCallingAgent, tool
from core_plus.errors import ServerError
from core_plus.messages import Image, Message, Text, Thinking, ToolCall, ToolResult, Usage, message
from core_plus.models import Collector, ModelRequest, ModelResponse, TextDelta
from core_plus.tools import ToolSpec
from core_plus_cache import Cached, Settings
from core_plus_openai import OpenAIModel
from core_plus_testkit import Turn


class Answering:
    """A model that counts its calls and gives what it was told."""

    def __init__(self, response="hello"):
        self.response = response if isinstance(response, ModelResponse) else reply(response)
        self.calls = 0

    def __str__(self):
        return "answering:one"

    def forward(self, request):
        self.calls += 1
        return self.response


def reply(*parts, **more):
    return ModelResponse(message("assistant", parts), Usage(10, 5), **more)


def asking(*said, **more):
    return ModelRequest(tuple(message("user", text) for text in said or ("hi",)), **more)


@pytest.fixture
def settings(tmp_path):
    return Settings(file=tmp_path / "answers.sqlite")


@pytest.fixture
def cached(settings):
    made = []

    def make(model, **more):
        made.append(Cached(model, settings, **more))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def openai(openai_server, cached):
    models = []

    def make(**settings):
        models.append(OpenAIModel("small", base_url=openai_server.url, api_key="k", **settings))
        return cached(models[-1])

    openai_server.script(lambda body: Turn(text="four rivers"))
    yield make
    for model in models:
        model.close()


def test_the_second_time_nobody_is_asked(openai, openai_server):
    first, second = openai().forward(asking()), openai().forward(asking())
    assert len(openai_server.requests) == 1
    assert second.message == first.message
    assert (first.usage.input_tokens, second.usage) == (100, Usage(details={"cache_hits": 1}))


@pytest.mark.parametrize(
    "other",
    [
        asking("hi", "again"),
        asking(options={"temperature": 1}),
        asking(max_tokens=5),
        asking(stop=("x",)),
        asking(tool_choice="none"),
        asking(tools=(ToolSpec("add", "Add.", {"type": "object"}),)),
        asking(output_schema={"type": "object"}),
        ModelRequest((message("system", "hi"),)),
        ModelRequest((message("user", ["hi", Image(b"1")]),)),
    ],
)
def test_another_request_is_asked(openai, openai_server, other):
    model = openai()
    model.forward(asking())
    model.forward(other)
    assert len(openai_server.requests) == 2


def test_other_settings_of_the_model_make_another_request(openai, openai_server):
    openai().forward(asking())
    openai(options={"temperature": 1}).forward(asking())
    openai(headers={"x-beta": "on"}).forward(asking())
    assert len(openai_server.requests) == 3


def test_another_key_makes_no_other_request(cached, openai_server):
    openai_server.script(["hello"])
    for key in ("one-key", "another-key"):
        model = OpenAIModel("small", base_url=openai_server.url, api_key=key)
        cached(model).forward(asking())
        model.close()
    assert len(openai_server.requests) == 1


def test_ids_of_calls_do_not_count_but_which_result_answers_which_call_does(cached):
    def conversation(one, two, swapped=False):
        calls = (ToolCall(one, "add", {"a": 1}), ToolCall(two, "add", {"a": 2}))
        results = [ToolResult(one, "add", (Text("1"),)), ToolResult(two, "add", (Text("2"),))]
        ids = (two, one) if swapped else (one, two)
        results = tuple(ToolResult(name, "add", part.parts) for name, part in zip(ids, results, strict=True))
        return ModelRequest((message("user", "go"), Message("assistant", calls), Message("tool", results)))

    inner = Answering()
    model = cached(inner)
    model.forward(conversation("call_a", "call_b"))
    model.forward(conversation("call_x", "call_y"))
    assert inner.calls == 1
    model.forward(conversation("call_x", "call_y", swapped=True))
    assert inner.calls == 2


def test_streamed_answers_come_as_deltas_again_and_serve_calls_that_do_not_stream(openai, openai_server):
    model = openai()
    first, second = [*model.stream(asking())], [*model.stream(asking())]
    assert len(first) > 2
    assert "".join(delta.text for delta in second if isinstance(delta, TextDelta)) == "four rivers"
    assert model.forward(asking()).message.text == "four rivers"
    assert len(openai_server.requests) == 1


def test_async_calls_share_what_is_kept(openai, openai_server):
    async def ask(model):
        whole = await model.aforward(asking())
        collector = Collector()
        async for delta in model.astream(asking()):
            collector.add(delta)
        async for _ in model.astream(asking("other")):
            pass
        return whole, collector.response()

    model = openai()
    whole, streamed = asyncio.run(ask(model))
    assert whole.message == streamed.message
    assert model.forward(asking("other")).usage.details == {"cache_hits": 1}
    assert len(openai_server.requests) == 2


def test_a_stream_that_is_given_up_is_not_kept(openai, openai_server):
    model = openai()
    deltas = model.stream(asking())
    next(deltas)
    deltas.close()
    model.forward(asking())
    assert len(openai_server.requests) == 2


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_an_answer_that_was_cut_off_is_not_kept(openai, openai_server, finish):
    openai_server.script(lambda body: Turn(text="four riv", finish=finish))
    model = openai()
    for _ in range(2):
        model.forward(asking())
    assert len(openai_server.requests) == 2


def test_an_error_is_not_kept(openai, openai_server):
    openai_server.queue(Turn(status=500), Turn(text="now"))
    model = openai()
    with pytest.raises(ServerError):
        model.forward(asking())
    assert model.forward(asking()).message.text == "now"


def test_a_stream_that_breaks_is_not_kept(openai, openai_server):
    openai_server.queue(Turn(text="some words that break", fault="error_midway"))
    model = openai()
    with pytest.raises(ServerError):
        list(model.stream(asking()))
    assert model.forward(asking()).message.text == "four rivers"


def test_everything_in_an_answer_comes_back(cached):
    said = reply(
        "half \ud800",
        Thinking("so", "signed", "p", {"id": "rs_1"}),
        Image(b"\x00\xff", name="a.png"),
        ToolCall("call_1", "add", {"a": [1, None, "ü"]}, {"signature": "x"}),
        ToolCall("call_2", "add", "{broken"),
        id="r1",
        model="exact-name",
        finish_reason="tool_calls",
        data={"logprobs": [0.5]},
    )
    inner = Answering(said)
    model = cached(inner)
    model.forward(asking())
    found = model.forward(asking())
    assert inner.calls == 1
    assert (found.message, found.id, found.model, found.finish_reason, found.data) == (
        said.message,
        said.id,
        said.model,
        said.finish_reason,
        said.data,
    )


def test_a_request_that_cannot_be_written_down_is_asked_every_time(cached):
    inner = Answering()
    model = cached(inner)
    for _ in range(2):
        model.forward(asking(options={"hook": object()}))
    assert inner.calls == 2


def test_a_whole_run_is_repeated_without_a_request_at_no_cost(openai, openai_server):
    @tool
    def add(a: int, b: int) -> int:
        """Add.

        Args:
            a: One.
            b: The other.
        """
        return a + b

    openai_server.script([Turn(calls=[("add", {"a": 1, "b": 2})]), "three"])
    model = openai()
    with Host(discover=False) as host:
        agent = ToolCallingAgent(model=model, tools=[add], host=host)
        first, second = agent.run("What is 1 + 2?"), agent.run("What is 1 + 2?")
    assert (first.output, second.output, len(openai_server.requests)) == ("three", "three", 2)
    assert (first.usage.total_tokens, second.usage.total_tokens, second.usage.details) == (240, 0, {"cache_hits": 2})


def test_by_name_the_host_makes_it_with_its_settings(openai_server, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    monkeypatch.setenv("CORE_PLUS_CACHE_DAYS", "3")
    openai_server.script(["hello"])
    config = {"model.cache": {"file": str(tmp_path / "mine.sqlite")}}
    for _ in range(2):
        with Host(config=config) as host:
            model = host.model("cache:openai:small")
            assert (model.forward(asking()).message.text, str(model)) == ("hello", "cache:openai:small")
            assert (model.settings.days, model.settings.file) == (3.0, tmp_path / "mine.sqlite")
            assert model.list_models() == ["scripted"]
    assert [each.path for each in openai_server.requests].count("/v1/chat/completions") == 1


def test_a_model_that_cannot_say_what_it_is_goes_by_its_name_and_the_settings_of_the_host(settings):
    inner = Answering()
    for config in (
        {},
        {"model.answering": {"mood": 1}},
        {"model.answering": {"mood": 1}},
        {"model.other": {"mood": 1}},
    ):
        plugin = Plugin(inner)
        with Host(
            discover=False, plugins=[plugin], config={**config, "model.cache": {"file": str(settings.file)}}
        ) as host:
            host.model("cache:answering:one").forward(asking())
    assert inner.calls == 2


class Plugin:
    """Offers models "answering" and "other", and the cache."""

    def __init__(self, inner):
        from core_plus.hookspecs import hookimpl

        @hookimpl
        def register_models(register, host):
            from core_plus_cache import register_models as cache

            cache(register, host)
            for name in ("answering", "other"):
                register(name, lambda model_id, mood=0: inner, summary="for tests")

        self.register_models = register_models


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [("MEGABYTES", "many", "is no number"), ("MEGABYTES", "0", "above 0"), ("DAYS", "-1", "above 0")],
)
def test_settings_that_make_no_sense_are_refused(monkeypatch, variable, value, complaint):
    monkeypatch.setenv(f"CORE_PLUS_CACHE_{variable}", value)
    with pytest.raises(ConfigurationError, match=complaint):
        Cached(Answering())


def test_without_a_model_it_says_what_to_write():
    with (
        Host(discover=False, plugins=[Plugin(Answering())]) as host,
        pytest.raises(ConfigurationError, match="cache:openai"),
    ):
        host.model("cache:")


def test_only_the_owner_can_read_the_file(cached, settings):
    cached(Answering()).forward(asking())
    assert stat.S_IMODE(settings.file.stat().st_mode) == 0o600


def test_a_file_that_is_something_else_is_an_error_that_says_what_to_do(cached, settings):
    settings.file.write_bytes(b"my letters\n" * 1000)
    with pytest.raises(ConfigurationError, match="delete it, or set CORE_PLUS_CACHE_FILE"):
        cached(Answering()).forward(asking())


def test_an_async_only_model_in_a_sync_run_is_an_error_that_says_what_to_do(cached):
    class AsyncOnly:
        async def forward(self, request):
            return reply("hi")

    model = cached(AsyncOnly())
    with pytest.raises(ConfigurationError, match=r"use arun\(\)"):
        model.forward(asking())
    assert asyncio.run(model.aforward(asking())).message.text == "hi"
