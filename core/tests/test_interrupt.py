"""An interrupt stops whatever is in progress at once, from any thread."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from interrupting import FACES, PROMPT, Begun, check, interrupted, wait_for
from kernel_doubles import AsyncScripted, Scripted, ThreadExecutor, Watcher, call

from core_plus import (
    Cancellation,
    CodeAgent,
    ModelConnectionError,
    RunContext,
    ToolCall,
    ToolCallingAgent,
    message,
    tool,
)
from core_plus.events import Warned
from core_plus.executors import Done


@pytest.fixture
def begun():
    return Begun()


@pytest.fixture
def no_grace(monkeypatch):
    monkeypatch.setattr("core_plus.gate.GRACE", 0.05)


@FACES
@pytest.mark.parametrize("error", [ModelConnectionError("shut"), OSError("shut"), ValueError("read of closed file")])
def test_a_sync_model_call_is_stopped_by_the_signal_that_it_gets(host, begun, face, error):
    def transport(request):
        shut = threading.Event()
        request.cancellation.on_cancel(shut.set)
        begun.set()
        assert shut.wait(5)
        raise error

    agent = ToolCallingAgent(model=Scripted(call("nothing", "a"), transport), host=host)
    result, late = interrupted(face, agent, begun)
    check(result, ["TaskStep", "ActionStep"])
    assert late < PROMPT


@FACES
def test_an_async_model_call_is_cancelled(host, begun, face):
    ended = []

    class Slow(AsyncScripted):
        async def forward(self, request):
            try:
                begun.set()
                await asyncio.sleep(10)
            finally:
                ended.append(True)

    result, late = interrupted(face, ToolCallingAgent(model=Slow("x"), host=host), begun)
    check(result, ["TaskStep"])
    assert late < PROMPT
    assert wait_for(lambda: ended)


@FACES
def test_a_stream_of_a_model_is_cancelled_between_its_pieces(host, begun, face):
    from core_plus.models import TextDelta

    class Endless(Scripted):
        wants_deltas = True

        def stream(self, request):
            while True:
                yield TextDelta("and so on ")
                begun.set()
                time.sleep(0.002)
                if request.cancellation.cancelled:
                    raise ModelConnectionError("shut")

    watcher = Watcher()
    watcher.wants_deltas = True
    result, late = interrupted(face, ToolCallingAgent(model=Endless("x"), host=host), begun, observers=[watcher])
    check(result, ["TaskStep"])
    assert late < PROMPT


@FACES
def test_an_async_tool_is_cancelled(host, begun, face):
    ended = []

    @tool
    async def slow() -> str:
        """Takes ten seconds."""
        try:
            begun.set()
            await asyncio.sleep(10)
        finally:
            ended.append(True)
        return "never"

    agent = ToolCallingAgent(model=Scripted(call("slow", "a"), "x"), tools=[slow], host=host)
    result, late = interrupted(face, agent, begun)
    check(result, ["TaskStep", "ActionStep"])
    assert late < PROMPT
    assert wait_for(lambda: ended)
    assert result.steps[1].calls[0].error.kind == "Interrupted"


@FACES
def test_code_is_stopped(host, begun, face):
    @tool
    def tell() -> str:
        """Tells that the code runs."""
        begun.set()
        return "told"

    executor = ThreadExecutor()
    code = "import time\ntell()\ntime.sleep(3)"
    agent = CodeAgent(model=Scripted(f"<code>\n{code}\n</code>"), tools=[tell], executor=executor, host=host)
    result, late = interrupted(face, agent, begun)
    check(result, ["TaskStep", "ActionStep"])
    assert late < PROMPT
    assert executor.sessions[0].closed
    assert result.steps[1].calls[0].value == "told"


@FACES
def test_a_sync_tool_that_looks_at_the_signal_returns_within_its_grace(host, begun, face):
    @tool
    def polite(context: RunContext) -> str:
        """Works until it is told to stop."""
        begun.set()
        while not context.cancelled:
            time.sleep(0.002)
        return "half done"

    agent = ToolCallingAgent(model=Scripted(call("polite", "a"), "x"), tools=[polite], host=host)
    result, late = interrupted(face, agent, begun)
    check(result, ["TaskStep", "ActionStep"])
    assert late < PROMPT
    assert result.steps[1].calls[0].value == "half done"
    assert result.abandoned == ()


@FACES
def test_a_sync_tool_that_does_not_return_is_given_up_after_its_grace(host, begun, face, no_grace):
    let_go = threading.Event()

    @tool
    def stubborn() -> str:
        """Doesn't look."""
        begun.set()
        let_go.wait(5)
        return "at last"

    agent = ToolCallingAgent(model=Scripted(call("stubborn", "a"), "x"), tools=[stubborn], host=host)
    watcher = Watcher()
    result, late = interrupted(face, agent, begun, observers=[watcher])
    check(result, ["TaskStep", "ActionStep"])
    assert 0.05 <= late < 0.05 + PROMPT
    (left,) = result.abandoned
    assert (left.tool, left.call_id, left.outcome) == ("stubborn", "a", "still running")
    assert any("stubborn goes on in its thread" in event.text for event in watcher.of(Warned))
    let_go.set()
    assert wait_for(lambda: left.outcome == "returned 'at last'")
    assert left.value == "at last"


def test_what_a_given_up_tool_raises_late_is_kept_too(host, begun, no_grace):
    let_go = threading.Event()

    @tool
    def stubborn() -> str:
        """Doesn't look."""
        begun.set()
        let_go.wait(5)
        raise OSError("too late")

    agent = ToolCallingAgent(model=Scripted(call("stubborn", "a"), "x"), tools=[stubborn], host=host)
    result, _ = interrupted("run", agent, begun)
    let_go.set()
    assert wait_for(lambda: result.abandoned[0].outcome == "raised OSError: too late")


class _SlowToClose:
    """An executor whose sessions take a while to close, async."""

    name, is_sandbox = "slow", False

    def __init__(self):
        self.closed = []

    def open(self, setup):
        return self

    def start(self, code):
        self.cancel()
        return Done(value=1)

    def interrupt(self):
        return None

    async def close(self):
        await asyncio.sleep(0.01)
        self.closed.append(True)


@pytest.mark.parametrize("face", ["run", "arun"])
def test_a_session_is_closed_to_the_end_though_the_run_was_interrupted(host, face):
    executor, cancellation = _SlowToClose(), Cancellation()
    executor.cancel = lambda: cancellation.cancel("enough")
    agent = CodeAgent(model=Scripted("<code>\n1\n</code>", "<code>\n2\n</code>"), executor=executor, host=host)
    given = {"cancellation": cancellation}
    result = agent.run("x", **given) if face == "run" else asyncio.run(agent.arun("x", **given))
    assert result.state == "interrupted"
    assert executor.closed == [True]


def test_an_async_tool_that_exits_ends_its_call_and_not_the_loop_of_every_run(host):
    @tool
    async def leave() -> str:
        """Leave."""
        raise SystemExit(3)

    calls = [message("assistant", [ToolCall("a", "leave", {})]), "still here"]
    for _ in range(2):
        result = ToolCallingAgent(model=Scripted(*calls), tools=[leave], host=host).run("x")
        assert result.output == "still here"
        assert "SystemExit: 3" in result.steps[1].calls[0].error.message
