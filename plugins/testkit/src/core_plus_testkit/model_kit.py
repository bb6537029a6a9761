"""What every model keeps, as tests to inherit."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, Final, Protocol

import pytest

from core_plus.cancellation import Cancellation
from core_plus.errors import (
    AuthenticationError,
    BadRequestError,
    CutStreamError,
    MalformedReplyError,
    ModelConnectionError,
    ModelError,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
)
from core_plus.messages import Message, Text, ToolResult, Usage, message
from core_plus.models import Collector, Delta, Model, ModelRequest, ModelResponse, TextDelta
from core_plus.tools import ToolSpec
from core_plus_testkit.openai_server import OpenAIServer
from core_plus_testkit.scripted_server import Turn

KEY: Final = "sk-kit-0123456789abcdef"
ADD: Final = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}
TOOLS: Final = (ToolSpec("add", "Add two numbers.", ADD), ToolSpec("now", "The time.", {"type": "object"}))
LONG: Final = "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. 漢字かな 🦊👩‍🚀 " * 300

REPLIES: Final = {
    "a word": Turn(text="hello"),
    "nothing": Turn(text=""),
    "long text of many scripts": Turn(text=LONG, size=7),
    "line breaks and quotes": Turn(text='a\r\nb\n\n"c"\\ \u2028d\x00', size=1),
    "reasoning first": Turn(thinking="Let me see. 7 + 5 …", text="12"),
    "one call": Turn(calls=[("add", {"a": 7, "b": 5})]),
    "words and a call": Turn(text="I'll add.", calls=[("add", {"a": 7, "b": 5})]),
    "several calls": Turn(calls=[("add", {"a": 1, "b": 2}), ("now", {}), ("add", {"a": 3, "b": 4})], size=3),
    "a call with nested and unicode arguments": Turn(calls=[("add", {"a": {"ü": [1, None, "🦊"]}, "b": 1.5})], size=1),
    "a call whose arguments are no JSON": Turn(calls=[("add", '{"a": 7, "b": ')]),
    "no usage": Turn(text="hello", usage=None),
}
FAILURES: Final[Mapping[str, tuple[Turn, type[ModelError], bool]]] = {
    "400": (Turn(status=400, error="bad field"), BadRequestError, False),
    "401": (Turn(status=401, error=f"Incorrect API key provided: {KEY}"), AuthenticationError, False),
    "403": (Turn(status=403), PermissionDeniedError, False),
    "404": (Turn(status=404), ModelNotFoundError, False),
    "408": (Turn(status=408), ServerError, True),
    "422": (Turn(status=422), BadRequestError, False),
    "429": (Turn(status=429, headers={"retry-after": "7"}), RateLimitError, True),
    "500": (Turn(status=500), ServerError, True),
    "503": (Turn(status=503), OverloadedError, True),
    "a web page": (Turn(fault="html"), MalformedReplyError, False),
    "no JSON": (Turn(fault="bad_json"), MalformedReplyError, False),
    "no connection left": (Turn(fault="reset"), ModelConnectionError, True),
}


class Backend(Protocol):
    """The server that a kit scripts; `OpenAIServer` is one."""

    requests: list[Any]
    connections: int

    def script(self, turns: Sequence[Turn]) -> None:
        """Answer with these turns, by the request's number of assistant messages."""
        ...


class ModelKit:
    """Inherit it in a test class and give the fixture `model`: one that talks to `backend` with `KEY`.

    A provider with a wire form of its own gives `backend` as well: its server, scripted with `Turn`s.
    A test that can't hold for a model is named in `deviations` with the reason, and is skipped with it.
    """

    deviations: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture
    def backend(self, openai_server: OpenAIServer) -> Any:
        """The server behind the model; override it for another wire form."""
        return openai_server

    @pytest.fixture
    def model(self, backend: Backend) -> Iterator[Model]:
        """The model under test; override it."""
        raise NotImplementedError(f"{type(self).__name__} must give the fixture `model`")

    @pytest.fixture(autouse=True)
    def _declared(self, request: pytest.FixtureRequest) -> None:
        name = getattr(request.node, "originalname", request.node.name)
        if name in self.deviations:
            pytest.skip(f"deviates: {self.deviations[name]}")

    def test_it_is_a_model_with_a_name_to_read(self, model: Model) -> None:
        assert isinstance(model, Model)
        assert ":" in str(model)
        assert "object at" not in str(model)

    @pytest.mark.parametrize("name", REPLIES)
    def test_the_reply_holds_what_the_model_said(self, model: Model, backend: Backend, name: str) -> None:
        turn = REPLIES[name]
        backend.script([turn])
        reply = ask(model)
        assert reply.message.role == "assistant"
        assert reply.message.text == turn.text
        assert [call.name for call in reply.message.tool_calls] == [called for called, _ in turn.calls]
        assert [call.arguments for call in reply.message.tool_calls] == [given for _, given in turn.calls]
        assert reply.finish_reason == ("tool_calls" if turn.calls else "stop")

    @pytest.mark.parametrize("name", REPLIES)
    def test_the_deltas_of_a_stream_add_up_to_what_forward_gives(
        self, model: Model, backend: Backend, name: str
    ) -> None:
        backend.script([REPLIES[name]])
        assert collected(streamed(model)) == ask(model)

    @pytest.mark.parametrize("name", REPLIES)
    def test_async_gives_the_same_as_sync(self, model: Any, backend: Backend, name: str) -> None:
        if not hasattr(model, "aforward") or not hasattr(model, "astream"):
            pytest.skip(f"{model} has one way only")
        backend.script([REPLIES[name]])

        async def both() -> tuple[ModelResponse, ModelResponse]:
            return await model.aforward(REQUEST), collected([delta async for delta in model.astream(REQUEST)])

        assert asyncio.run(both()) == (ask(model), ask(model))

    @pytest.mark.parametrize("chunk", [1, 3, 1000])
    def test_a_stream_may_break_apart_anywhere(self, model: Model, backend: Backend, chunk: int) -> None:
        backend.script([Turn(text="漢字 🦊", calls=[("add", {"a": "é"})], chunk=chunk)])
        reply = collected(streamed(model))
        assert reply.message.text == "漢字 🦊"
        assert reply.message.tool_calls[0].arguments == {"a": "é"}

    def test_a_long_text_comes_in_pieces(self, model: Model, backend: Backend) -> None:
        backend.script([Turn(text=LONG, size=10)])
        assert sum(isinstance(delta, TextDelta) for delta in streamed(model)) > 10

    def test_the_tokens_are_told(self, model: Model, backend: Backend) -> None:
        backend.script([Turn(text="hi", usage=Usage(100, 20, 10, 0, 5))])
        for reply in (ask(model), collected(streamed(model))):
            assert reply.usage is not None
            assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.calls) == (100, 20, 1)
            assert (reply.usage.cached_tokens, reply.usage.reasoning_tokens) == (10, 5)

    def test_tokens_that_were_not_told_are_unknown(self, model: Model, backend: Backend) -> None:
        backend.script([Turn(text="hi", usage=None)])
        assert ask(model).usage is None
        assert collected(streamed(model)).usage is None

    def test_the_ids_of_the_calls_of_a_reply_differ(self, model: Model, backend: Backend) -> None:
        backend.script([REPLIES["several calls"]])
        for reply in (ask(model), collected(streamed(model))):
            ids = [call.id for call in reply.message.tool_calls]
            assert len(set(ids)) == 3
            assert all(ids)

    def test_a_tools_results_go_back_to_the_model(self, model: Model, backend: Backend) -> None:
        backend.script([REPLIES["several calls"], Turn(text="done")])
        first = ask(model)
        results = [ToolResult(call.id, call.name, (Text("3"),)) for call in first.message.tool_calls]
        for after in ([message("tool", results)], [message("tool", each) for each in results]):
            assert ask(model, first.message, *after).message.text == "done"

    def test_a_call_with_bad_arguments_can_go_back_too(self, model: Model, backend: Backend) -> None:
        backend.script([REPLIES["a call whose arguments are no JSON"], Turn(text="sorry")])
        first = ask(model)
        (call,) = first.message.tool_calls
        refusal = ToolResult(call.id, call.name, (Text("no JSON"),), is_error=True)
        assert ask(model, first.message, message("tool", refusal)).message.text == "sorry"

    def test_text_that_is_no_unicode_is_sent_all_the_same(self, model: Model, backend: Backend) -> None:
        backend.script([Turn(text="fine")])
        odd = ModelRequest((message("user", "half a pair: \ud800"),))
        assert response(model.forward(odd)).message.text == "fine"

    @pytest.mark.parametrize("name", FAILURES)
    def test_a_failure_is_an_error_of_its_kind(self, model: Model, backend: Backend, name: str) -> None:
        turn, kind, retryable = FAILURES[name]
        backend.script([turn])
        for way in (ask, streamed):
            with pytest.raises(ModelError) as caught:
                way(model)
            assert type(caught.value) is kind
            assert caught.value.retryable is retryable
            assert caught.value.status in (None, turn.status)
            assert caught.value.provider
            assert caught.value.provider in str(caught.value)
            assert KEY not in f"{caught.value} {caught.value!r} {caught.value.__dict__}"

    def test_the_providers_own_words_and_its_wish_to_wait_are_kept(self, model: Model, backend: Backend) -> None:
        backend.script([Turn(status=429, error="slow down, please", headers={"retry-after": "7"})])
        with pytest.raises(RateLimitError, match="slow down, please") as caught:
            ask(model)
        assert caught.value.retry_after == 7

    @pytest.mark.parametrize(("fault", "kind"), [("cut", CutStreamError), ("error_midway", ServerError)])
    def test_a_stream_that_fails_midway_says_that_output_was_given(
        self, model: Model, backend: Backend, fault: Any, kind: type[ModelError]
    ) -> None:
        backend.script([Turn(text="one two three four five six", fault=fault)])
        given: list[Delta] = []
        with pytest.raises(ModelError) as caught:
            streamed(model, given=given)
        assert type(caught.value) is kind
        assert given
        assert caught.value.partial
        assert not caught.value.retryable

    def test_a_stream_left_early_closes_its_connection(self, model: Any, backend: Backend) -> None:
        backend.script([Turn(text=LONG, delay=0.01)])
        stream = model.stream(REQUEST)
        if hasattr(stream, "__aiter__"):
            asyncio.run(_first_of(stream))
        else:
            assert next(stream)
            stream.close()
        eventually(lambda: backend.connections == 0)

    def test_an_async_stream_left_early_closes_its_connection(self, model: Any, backend: Backend) -> None:
        if not hasattr(model, "astream"):
            pytest.skip(f"{model} has no astream")
        backend.script([Turn(text=LONG, delay=0.01)])
        asyncio.run(_first_of(model.astream(REQUEST)))
        eventually(lambda: backend.connections == 0)

    @pytest.mark.parametrize("fault", ["hang", "hang_midway"])
    @pytest.mark.parametrize("way", ["forward", "stream"])
    def test_a_cancelled_call_ends_at_once(self, model: Model, backend: Backend, fault: Any, way: str) -> None:
        backend.script([Turn(text=LONG, fault=fault)])
        cancellation = Cancellation()
        request = ModelRequest((message("user", "hi"),), cancellation=cancellation)
        timer = threading.Timer(0.2, cancellation.cancel)
        timer.start()
        began = time.monotonic()
        with pytest.raises(ModelError) as caught:
            ask(model, request=request) if way == "forward" else streamed(model, request)
        assert time.monotonic() - began < 2
        assert not caught.value.retryable
        timer.join()

    def test_a_cancelled_task_leaves_no_connection(self, model: Any, backend: Backend) -> None:
        if not hasattr(model, "aforward"):
            pytest.skip(f"{model} has no aforward")
        backend.script([Turn(text="never", fault="hang")])

        async def cancelled() -> None:
            task = asyncio.ensure_future(model.aforward(REQUEST))
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(cancelled())
        eventually(lambda: backend.connections == 0)

    def test_one_object_serves_many_threads_at_once(self, model: Model, backend: Backend) -> None:
        backend.script([Turn(text="hi", delay=0.01)])
        with ThreadPoolExecutor(16) as threads:
            replies = list(threads.map(lambda _: ask(model).message.text, range(64)))
        assert replies == ["hi"] * 64

    def test_one_object_serves_one_event_loop_after_another(self, model: Any, backend: Backend) -> None:
        if not hasattr(model, "aforward"):
            pytest.skip(f"{model} has no aforward")
        backend.script([Turn(text="hi", delay=0.01)])

        async def many() -> Sequence[ModelResponse]:
            replies: Sequence[ModelResponse] = await asyncio.gather(*(model.aforward(REQUEST) for _ in range(20)))
            return replies

        for _ in range(3):
            assert [reply.message.text for reply in asyncio.run(many())] == ["hi"] * 20

    def test_the_key_is_sent_and_shown_nowhere(
        self, model: Model, backend: Backend, caplog: pytest.LogCaptureFixture
    ) -> None:
        backend.script([Turn(text="hi")])
        with caplog.at_level(logging.DEBUG):
            ask(model)
            streamed(model)
        assert any(KEY in value for value in backend.requests[0].headers.values())
        assert KEY not in f"{caplog.text} {model!r} {model!s}"
        assert all(KEY not in str(record.args) for record in caplog.records)


REQUEST: Final = ModelRequest((message("system", "Be brief."), message("user", "hi")), TOOLS)


def ask(model: Model, *after: Message, request: ModelRequest = REQUEST) -> ModelResponse:
    """The reply to a request, with more messages after its own."""
    return response(model.forward(ModelRequest((*request.messages, *after), TOOLS, cancellation=request.cancellation)))


def response(reply: Any) -> ModelResponse:
    """A reply, awaited where need be."""
    found = asyncio.run(_awaited(reply)) if inspect.isawaitable(reply) else reply
    assert isinstance(found, ModelResponse)
    return found


def streamed(model: Any, request: ModelRequest = REQUEST, given: list[Delta] | None = None) -> list[Delta]:
    """All deltas of a stream; `given` keeps what came before a failure."""
    given = [] if given is None else given
    stream = model.stream(request)
    if hasattr(stream, "__aiter__"):
        asyncio.run(_drained(stream, given))
    else:
        for delta in stream:
            given.append(delta)
    return given


def collected(deltas: Sequence[Delta]) -> ModelResponse:
    """What deltas add up to."""
    collector = Collector()
    for delta in deltas:
        collector.add(delta)
    return collector.response()


def eventually(holds: Any, seconds: float = 5.0) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it didn't come true in time"
        time.sleep(0.01)


async def _awaited(reply: Any) -> Any:
    return await reply


async def _drained(stream: Any, given: list[Delta]) -> None:
    async for delta in stream:
        given.append(delta)  # noqa: PERF401 (a comprehension would lose what came before a failure)


async def _first_of(stream: Any) -> None:
    assert await anext(stream)
    await stream.aclose()
