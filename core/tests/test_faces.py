"""run, arun, stream and astream are four faces of one run: sync or async within, the same things happen in order."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import time

import msgspec
import pytest
from kernel_doubles import AsyncScripted, AsyncStreaming, Scripted, Streaming, ThreadExecutor, Watcher, call

from core_plus import CodeAgent, ConfigurationError, RunContext, Text, ToolCallingAgent, Usage, tool
from core_plus.events import ModelDelta, RunFinished, RunStarted
from core_plus.models import TextDelta

MODELS = [Scripted, AsyncScripted, Streaming, AsyncStreaming]


@tool
def plus(a: int, b: int) -> int:
    """A sum.

    Args:
        a: One.
        b: Other.
    """
    return a + b


@tool
async def times(a: int, b: int) -> int:
    """A product.

    Args:
        a: One.
        b: Other.
    """
    await asyncio.sleep(0.001)
    return a * b


@tool
def broken(context: RunContext, text: str) -> str:
    """Fails.

    Args:
        text: Any.
    """
    raise ValueError(f"no {text}")


def tool_agent(host, model):
    replies = [
        [
            Text("Two at once."),
            call("plus", "a", a=2, b=3),
            call("times", "b", a=2, b=3),
            call("broken", "c", text="way"),
        ],
        call("times", "d", a=5, b=6),
        call("final_answer", "e", answer=30),
    ]
    return ToolCallingAgent(model=model(*replies), tools=[plus, times, broken], host=host, planning_interval=None)


def code_agent(host, model):
    replies = [
        "I multiply.\n<code>\nprint('one')\nx = times(2, plus(1, 2))\nx\n</code>",
        "<code>\nbroken('way')\n</code>",
        "<code>\nfinal_answer(x + 24)\n</code>",
    ]
    return CodeAgent(model=model(*replies), tools=[plus, times, broken], executor=ThreadExecutor(), host=host)


def through(face, agent, **options):
    """Run an agent by one of its faces: its result, and the stream's events if it is a stream."""
    if face == "run":
        return agent.run("Compute.", **options), None
    if face == "arun":
        return asyncio.run(agent.arun("Compute.", **options)), None
    if face == "astream":
        return asyncio.run(gathered(agent, options))
    stream = agent.stream("Compute.", **options)
    events = list(stream)
    return stream.result, events


async def gathered(agent, options):
    stream = agent.astream("Compute.", **options)
    events = [event async for event in stream]
    return stream.result, events


def seen(face, agent):
    watcher = Watcher()
    result, events = through(face, agent, observers=[watcher], run_id="r" * 16)
    return watcher.events, events, result


def timeless(events, *others):
    """Events as data, without their times and without the kinds that come in no fixed order."""
    data = msgspec.to_builtins(events, enc_hook=repr, str_keys=True)
    return [_without_times(event) for event in data if event["type"] not in others]


def _without_times(data):
    if isinstance(data, dict):
        return {key: _without_times(value) for key, value in data.items() if key != "seconds"}
    return [_without_times(item) for item in data] if isinstance(data, list | tuple) else data


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("make", "at_once"), [(tool_agent, ("ToolStarted", "ToolFinished")), (code_agent, ())], ids=["tools", "code"]
)
def test_all_faces_give_the_same_events_and_steps_in_the_same_order(host, make, at_once, model):
    found = {face: seen(face, make(host, model)) for face in ("run", "arun", "stream", "astream")}
    expected = timeless(found["run"][0], *at_once)
    assert [event["type"] for event in expected][:2] == ["RunStarted", "TaskStep"]
    assert expected[-1]["type"] == "RunFinished"
    assert expected[-1]["output"] == 30
    for watched, streamed, result in found.values():
        assert timeless(watched, *at_once) == expected
        assert result.output == 30
        if streamed is not None:
            assert timeless(streamed, "ModelDelta", *at_once) == expected


@pytest.mark.parametrize("face", ["run", "arun", "stream", "astream"])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("make", [tool_agent, code_agent])
def test_sync_and_async_models_and_tools_work_under_every_face(host, make, model, face):
    _, _, result = seen(face, make(host, model))
    assert (result.state, result.output) == ("success", 30)
    assert result.usage == Usage(input_tokens=30, output_tokens=6, calls=3)


@pytest.mark.parametrize("model", MODELS)
def test_a_stream_carries_every_word_of_a_reply_whether_or_not_the_model_streams(host, model):
    agent = ToolCallingAgent(model=model("forty-two"), host=host)
    deltas = [event.delta for event in agent.stream("Say.") if isinstance(event, ModelDelta)]
    assert "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)) == "forty-two"


def test_only_an_observer_that_wants_deltas_sees_them(host):
    plain, keen = Watcher(), Watcher()
    keen.wants_deltas = True
    ToolCallingAgent(model=Streaming("hello"), host=host).run("Say.", observers=[plain, keen])
    assert not plain.of(ModelDelta)
    assert "".join(event.delta.text for event in keen.of(ModelDelta)[:-1]) == "hello"


def test_a_model_with_both_forms_is_asked_in_the_form_of_the_run(host):
    class Both(Scripted):
        asked = ()

        def forward(self, request):
            self.asked += ("sync",)
            return super().forward(request)

        async def aforward(self, request):
            self.asked += ("async",)
            return super().forward(request)

    model = Both("hello")
    agent = ToolCallingAgent(model=model, host=host)
    agent.run("Say.")
    asyncio.run(agent.arun("Say."))
    assert model.asked == ("sync", "async")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("make", [tool_agent, code_agent])
def test_run_works_inside_a_running_event_loop(host, make, model):
    async def notebook_cell():
        return make(host, model).run("Compute.")

    assert asyncio.run(notebook_cell()).output == 30


def test_stream_works_inside_a_running_event_loop(host):
    async def notebook_cell():
        return list(tool_agent(host, AsyncStreaming).stream("Compute."))

    assert isinstance(asyncio.run(notebook_cell())[-1], RunFinished)


@pytest.mark.parametrize("what", ["tool", "model"])
def test_something_sync_under_an_async_run_does_not_block_the_event_loop(host, what):
    @tool
    def slow() -> str:
        """Takes its time."""
        time.sleep(0.3)
        return "slow"

    def late(_):
        time.sleep(0.3)
        return "done"

    replies = [call("slow"), "done"] if what == "tool" else [late]
    agent = ToolCallingAgent(model=Scripted(*replies), tools=[slow], host=host)
    beats = 0

    async def beside():
        nonlocal beats
        while True:
            await asyncio.sleep(0.005)
            beats += 1

    async def both():
        heart = asyncio.ensure_future(beside())
        result = await agent.arun("Go.")
        heart.cancel()
        return result

    assert asyncio.run(both()).output == "done"
    assert beats > 10


@pytest.mark.parametrize("face", ["run", "arun"])
def test_tools_see_the_callers_context_variables(host, face):
    who = contextvars.ContextVar("who", default="nobody")

    @tool
    def here() -> str:
        """Who."""
        return who.get()

    @tool
    async def there() -> str:
        """Who."""
        return who.get()

    agent = ToolCallingAgent(
        model=Scripted(call("here"), [call("here", "a"), call("there", "b")], "x"), tools=[here, there], host=host
    )
    who.set("me")
    result = through(face, agent)[0]
    values = [record.value for step in result.steps[1:3] for record in step.calls]
    assert values == ["me", "me", "me"]


def test_a_sync_run_inside_an_async_tool_of_a_sync_run_fails_with_the_way_out(host):
    inner = ToolCallingAgent(model=AsyncScripted("inner"), host=host)

    @tool
    async def nested() -> str:
        """Waits for itself."""
        return inner.run("Go.").output

    agent = ToolCallingAgent(model=Scripted(call("nested"), "done"), tools=[nested], host=host)
    result = agent.run("Go.")
    assert result.output == "done"
    assert "arun()" in result.steps[1].calls[0].error.message
    gc.collect()  # a coroutine that was never awaited would warn now


def test_an_agent_can_run_another_in_a_sync_tool(host):
    inner = ToolCallingAgent(model=AsyncScripted("inner"), host=host)

    @tool
    def nested() -> str:
        """Runs another agent."""
        return inner.run("Go.").output

    agent = ToolCallingAgent(model=AsyncScripted(call("nested"), "done"), tools=[nested], host=host)
    assert agent.run("Go.").steps[1].calls[0].value == "inner"
    assert asyncio.run(agent.arun("Go.")).output == "done"


def test_progress_of_a_tool_is_seen_while_the_tool_works(host):
    shown = threading.Event()

    @tool
    def long_work(context: RunContext) -> bool:
        """Waits until its progress was seen."""
        context.emit("half")
        return shown.wait(3)

    agent = ToolCallingAgent(model=Scripted(call("long_work"), "done"), tools=[long_work], host=host)
    stream = agent.stream("Go.")
    for event in stream:
        if type(event).__name__ == "ToolProgress":
            assert event.data == "half"
            shown.set()
    assert stream.result.steps[1].calls[0].value is True


def test_a_result_is_there_after_the_last_event_and_not_before(host):
    stream = tool_agent(host, Scripted).stream("Compute.")
    first = next(stream)
    assert isinstance(first, RunStarted)
    assert stream.result is None
    list(stream)
    assert stream.result.output == 30
    assert list(stream) == []


@pytest.mark.parametrize("begun", ["sync", "async"])
def test_a_stream_begun_one_way_cannot_be_gone_through_the_other(host, begun):
    async def mixed():
        stream = tool_agent(host, Scripted).stream("Compute.")
        if begun == "sync":
            next(stream)
            await anext(stream)
        else:
            await anext(stream)
            try:
                next(stream)
            finally:
                await stream.aclose()

    with pytest.raises(ConfigurationError, match=f"was begun {begun}"):
        asyncio.run(mixed())


@pytest.mark.parametrize("face", ["run", "arun", "stream", "astream"])
def test_a_misspelt_option_is_refused_with_those_there_are(host, face):
    with pytest.raises(TypeError, match=r"no image; it takes .*images"):
        through(face, ToolCallingAgent(model=Scripted("x"), host=host), image="x.png")
