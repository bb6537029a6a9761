"""A run that is given up (a cancelled task, a closed stream, Ctrl-C) leaves nothing running and nothing open."""

from __future__ import annotations

import asyncio
import gc
import signal
import subprocess
import sys
import threading
import time

import pytest
from interrupting import wait_for
from kernel_doubles import AsyncScripted, AsyncStreaming, Scripted, Streaming, ThreadExecutor, call

from core_plus import CodeAgent, Host, RunContext, ToolCallingAgent, tool
from core_plus.events import ModelDelta
from core_plus.models import TextDelta


class Work:
    """Tools that wait, sync and async, and what became of them."""

    def __init__(self):
        self.begun, self.ended = threading.Event(), []

    @property
    def tools(self):
        @tool
        async def slow() -> str:
            """Takes ten seconds."""
            self.begun.set()
            try:
                await asyncio.sleep(10)
            finally:
                self.ended.append("slow")
            return "never"

        @tool
        def polite(context: RunContext) -> str:
            """Works until it is told to stop."""
            self.begun.set()
            while not context.cancelled:
                time.sleep(0.002)
            self.ended.append("polite")
            return "half"

        return [slow, polite]


@pytest.fixture
def work():
    return Work()


CALLS = pytest.mark.parametrize("names", [["slow"], ["polite"], ["slow", "polite"]], ids="+".join)


def agent_of(host, work, names):
    return ToolCallingAgent(model=Scripted([call(name) for name in names], "x"), tools=work.tools, host=host)


async def until(event):
    while not event.is_set():  # noqa: ASYNC110 (a thread sets it)
        await asyncio.sleep(0.002)


# ---- a task that is cancelled ----------------------------------------------


@CALLS
def test_a_cancelled_task_of_an_arun_cancels_what_is_in_progress(host, work, names):
    async def story():
        task = asyncio.ensure_future(agent_of(host, work, names).arun("Go."))
        await until(work.begun)
        await asyncio.sleep(0.02)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - began

    assert asyncio.run(story()) < 0.1
    assert wait_for(lambda: sorted(work.ended) == sorted(names))


def test_a_time_out_around_an_arun_is_a_time_out(host, work):
    async def story():
        async with asyncio.timeout(0.05):
            await agent_of(host, work, ["slow"]).arun("Go.")

    with pytest.raises(TimeoutError):
        asyncio.run(story())
    assert work.ended == ["slow"]


@pytest.mark.parametrize("model", [AsyncScripted, AsyncStreaming])
def test_a_cancelled_task_cancels_its_model_call(host, model):
    ended = []

    class Slow(model):
        async def forward(self, request):
            try:
                await asyncio.sleep(10)
            finally:
                ended.append(True)

    async def story():
        task = asyncio.ensure_future(ToolCallingAgent(model=Slow("x"), host=host).arun("Go."))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())
    assert ended == [True]


def test_a_cancelled_task_closes_the_code_session(host, work):
    executor = ThreadExecutor()

    async def story():
        agent = CodeAgent(model=Scripted("<code>\nslow()\n</code>"), tools=work.tools, executor=executor, host=host)
        task = asyncio.ensure_future(agent.arun("Go."))
        await until(work.begun)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())
    assert executor.sessions[0].closed
    assert work.ended == ["slow"]


def test_one_cancelled_task_leaves_the_other_runs_of_the_agent_alone(host):
    model = AsyncScripted(lambda request: "x")

    class Slow(AsyncScripted):
        async def forward(self, request):
            await asyncio.sleep(0.1)
            return await model.forward(request)

    async def story():
        agent = ToolCallingAgent(model=Slow("x"), host=host)
        tasks = [asyncio.ensure_future(agent.arun("Go.")) for _ in range(6)]
        await asyncio.sleep(0.02)
        for task in tasks[::2]:
            task.cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    found = asyncio.run(story())
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in found[::2])
    assert [outcome.output for outcome in found[1::2]] == ["x"] * 3


# ---- a stream that is closed midway ----------------------------------------


def until_delta(stream):
    for event in stream:
        if isinstance(event, ModelDelta):
            return event
    raise AssertionError("the stream ended")


class Endless(Streaming):
    closed = False

    def stream(self, request):
        try:
            while True:
                yield TextDelta("on ")
        finally:
            self.closed = True


class AsyncEndless(AsyncStreaming):
    closed = False

    async def stream(self, request):
        try:
            while True:
                await asyncio.sleep(0)
                yield TextDelta("on ")
        finally:
            self.closed = True


@pytest.mark.parametrize("model", [Endless, AsyncEndless])
def test_closing_a_stream_midway_closes_the_models_stream(host, model):
    agent = ToolCallingAgent(model=model("x"), host=host)
    stream = agent.stream("Go.")
    until_delta(stream)
    stream.close()
    assert agent.model.closed
    assert list(stream) == []
    stream.close()


@pytest.mark.parametrize("model", [Endless, AsyncEndless])
def test_closing_an_async_stream_midway_closes_the_models_stream(host, model):
    agent = ToolCallingAgent(model=model("x"), host=host)

    async def story():
        stream = agent.astream("Go.")
        async for event in stream:
            if isinstance(event, ModelDelta):
                break
        await stream.aclose()
        assert agent.model.closed
        assert [event async for event in stream] == []
        return [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    assert asyncio.run(story()) == []


def test_a_stream_that_is_forgotten_is_closed(host):
    agent = ToolCallingAgent(model=Endless("x"), host=host)
    until_delta(agent.stream("Go."))
    gc.collect()
    assert agent.model.closed


@pytest.mark.parametrize("names", [["polite", "polite"], ["slow", "polite"]], ids="+".join)
def test_giving_up_a_stream_midway_stops_the_tools_in_progress(host, work, names):
    agent, before = agent_of(host, work, names), set(threading.enumerate())

    async def story():
        stream = agent.astream("Go.")
        reading = asyncio.ensure_future(stream.afinish())
        await until(work.begun)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await stream.aclose()
        return [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    assert asyncio.run(story()) == []
    assert wait_for(lambda: set(threading.enumerate()) <= before)
    assert work.ended


@pytest.mark.parametrize("names", [["polite", "polite"], ["slow", "polite"]], ids="+".join)
def test_closing_a_stream_as_its_tools_begin_leaves_no_thread(host, work, names):
    before = set(threading.enumerate())
    stream = agent_of(host, work, names).stream("Go.")
    next(event for event in stream if type(event).__name__ == "ToolStarted")
    stream.close()
    host.close()
    assert wait_for(lambda: set(threading.enumerate()) <= before)


@pytest.mark.parametrize("face", ["stream", "astream"])
def test_closing_a_stream_midway_closes_the_code_session(host, face):
    executor = ThreadExecutor()
    agent = CodeAgent(model=Scripted("<code>\n1\n</code>", "<code>\n2\n</code>"), executor=executor, host=host)

    async def astory():
        stream = agent.astream("Go.")
        async for event in stream:
            if type(event).__name__ == "ActionStep":
                break
        assert not executor.sessions[0].closed
        await stream.aclose()

    if face == "astream":
        asyncio.run(astory())
    else:
        stream = agent.stream("Go.")
        next(event for event in stream if type(event).__name__ == "ActionStep")
        assert not executor.sessions[0].closed
        stream.close()
    assert executor.sessions[0].closed


@pytest.mark.parametrize("face", ["stream", "astream"])
def test_a_stream_closed_before_it_began_does_nothing(host, face):
    agent = ToolCallingAgent(model=Scripted("x"), host=host)
    if face == "stream":
        agent.stream("Go.").close()
    else:
        asyncio.run(agent.astream("Go.").aclose())
    assert agent.model.requests == []


@tool
def quick() -> str:
    """Is quick."""
    return "quick"


def two_quick_calls(request):
    return "x" if request.messages[-1].role == "tool" else [call("quick", "a"), call("quick", "b")]


def test_no_thread_is_left_after_runs_and_their_host():
    before = {thread.ident for thread in threading.enumerate()}
    with Host(discover=False) as host:
        agent = ToolCallingAgent(model=AsyncScripted(two_quick_calls), tools=[quick], host=host)
        assert agent.run("Go.").output == "x"
        assert asyncio.run(agent.arun("Go.")).output == "x"
    assert wait_for(lambda: {thread.ident for thread in threading.enumerate()} <= before)


# ---- Ctrl-C ----------------------------------------------------------------


@pytest.mark.parametrize("face", ["run", "arun", "stream"])
@pytest.mark.parametrize("where", ["model", "callback", "caller's thread"])
def test_a_keyboard_interrupt_is_the_callers_and_closes_what_is_open(host, face, where):
    executor = ThreadExecutor()

    @tool(thread="caller")
    def struck() -> str:
        """Somebody presses Ctrl-C."""
        raise KeyboardInterrupt

    def press(*_):
        raise KeyboardInterrupt

    replies = ["<code>\nx = 1\n</code>", press if where == "model" else "<code>\nstruck()\n</code>"]
    callbacks = [lambda step: press() if where == "callback" else None]
    agent = CodeAgent(model=Scripted(*replies), tools=[struck], executor=executor, host=host, callbacks=callbacks)
    with pytest.raises(KeyboardInterrupt):
        agent.run("Go.") if face == "run" else asyncio.run(agent.arun("Go.")) if face == "arun" else list(
            agent.stream("Go.")
        )
    assert executor.sessions[0].closed


STRUCK = """\
import asyncio, os, signal, sys, threading, time
from core_plus import Host, ModelResponse, RunContext, ToolCall, ToolCallingAgent, message, tool

def strike():
    time.sleep(0.05)
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

told = threading.Event()

@tool
def polite(context: RunContext) -> str:
    '''Works until it is told to stop.'''
    threading.Thread(target=strike).start()
    while not context.cancelled:
        time.sleep(0.002)
    told.set()
    return "half"

@tool
async def slow() -> str:
    '''Takes ten seconds.'''
    threading.Thread(target=strike).start()
    try:
        await asyncio.sleep(10)
    finally:
        told.set()
    return "never"

class Model:
    def forward(self, request):
        name = {"sync tool": "polite", "async tool": "slow"}.get(sys.argv[1])
        return ModelResponse(message("assistant", ToolCall("a", name, {}))) if name else slow()

began = time.monotonic()
with Host(discover=False) as host:
    try:
        ToolCallingAgent(model=Model(), tools=[polite, slow], host=host).run("Go.")
    except KeyboardInterrupt:
        print("struck", told.wait(3), time.monotonic() - began < 2)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends itself a POSIX signal")
@pytest.mark.parametrize("kind", ["sync tool", "async tool", "async model"])
def test_ctrl_c_in_a_terminal_ends_a_sync_run_at_once_and_tells_its_tools(kind):
    done = subprocess.run([sys.executable, "-c", STRUCK, kind], capture_output=True, text=True, timeout=20, check=False)
    assert (done.stdout.split(), done.stderr) == (["struck", "True", "True"], "")
    assert done.returncode != -signal.SIGINT
