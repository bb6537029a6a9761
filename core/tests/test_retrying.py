"""A failed model call is made again where a plugin says so."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from kernel_doubles import AsyncScripted, Scripted, Streaming, ThreadExecutor, Watcher

from core_plus import (
    AgentGenerationError,
    AuthenticationError,
    Cancellation,
    CodeAgent,
    Host,
    OverloadedError,
    RunLimits,
    hookimpl,
)
from core_plus.effects import CallModel, Retry
from core_plus.events import Warned
from core_plus.models import TextDelta

DONE = "Thought: done.\n```python\nfinal_answer('done')\n```"


class Retries:
    """A plugin that gives one word after the other, and keeps what it was asked."""

    def __init__(self, *words):
        self.words, self.asked = list(words), []

    @hookimpl
    def retry_effect(self, run, effect, error, attempt):
        assert isinstance(effect, CallModel)
        self.asked.append((type(error).__name__, attempt))
        word = self.words.pop(0) if self.words else None
        if isinstance(word, Exception):
            raise word
        return word


@pytest.fixture
def attempt():
    """Runs an agent whose model fails first, with a plugin that says these words."""

    def attempted(model, *words, plugins=(), face="run", **options):
        retries, watcher = Retries(*words), Watcher()
        with Host(discover=False, plugins=[retries, *plugins]) as host:
            agent = CodeAgent(model=model, tools=[], executor=ThreadExecutor(), host=host)
            if face == "arun":
                result = asyncio.run(agent.arun("do", observers=[watcher], **options))
            else:
                result = agent.run("do", observers=[watcher], **options)
            return result, retries, watcher, host.problems

    return attempted


def busy():
    return OverloadedError("no room", provider="test")


@pytest.mark.parametrize("face", ["run", "arun"])
@pytest.mark.parametrize("kind", [Scripted, AsyncScripted])
def test_a_call_is_made_again_until_it_succeeds(attempt, face, kind):
    result, retries, watcher, _ = attempt(
        kind(busy(), busy(), DONE), Retry(after=0.01), Retry(after=0.02, reason="it is full"), face=face
    )
    assert result.output == "done"
    assert retries.asked == [("OverloadedError", 1), ("OverloadedError", 2)]
    assert [warned.text for warned in watcher.of(Warned)] == [
        "test: no room; trying again in 0.01 s",
        "test: no room; it is full: trying again in 0.02 s",
    ]


def test_a_call_fails_where_no_plugin_wants_another(attempt):
    result, retries, _, _ = attempt(Scripted(busy(), DONE))
    assert result.state == "failed"
    assert isinstance(result.error, AgentGenerationError)
    assert isinstance(result.error.__cause__, OverloadedError)
    assert retries.asked == [("OverloadedError", 1)]


def test_a_call_goes_on_with_another_model_which_stays(attempt):
    first, second = Scripted(AuthenticationError("no key")), Scripted(busy(), DONE)
    result, _, watcher, _ = attempt(first, Retry(model=second), Retry())
    assert result.output == "done"
    assert (len(first.requests), len(second.requests)) == (1, 2)
    assert "going on with scripted:test" in watcher.of(Warned)[0].text


def test_a_plugin_that_raises_is_reported_and_passed_over(attempt):
    result, _, _, problems = attempt(Scripted(busy(), DONE), Retry(), plugins=[Retries(RuntimeError("broken"))])
    assert result.output == "done"
    assert any("retry_effect" in problem and "broken" in problem for problem in problems)


def test_a_word_that_is_no_retry_is_reported_and_lets_the_call_fail(attempt):
    result, _, _, problems = attempt(Scripted(busy(), DONE), True)
    assert result.state == "failed"
    assert any("True, which is no Retry" in problem for problem in problems)


def test_each_attempt_counts_against_the_limits(attempt):
    model = Scripted(busy())
    result, _, _, _ = attempt(model, *[Retry()] * 9, limits=RunLimits(model_calls=3))
    assert result.state == "limit"
    assert len(model.requests) == 3


def test_what_was_passed_on_in_part_is_never_asked_for_again(attempt):
    class Breaks(Streaming):
        def stream(self, request):
            yield TextDelta("half a")
            raise busy()

    watcher = Watcher()
    watcher.wants_deltas = True
    with Host(discover=False, plugins=[retries := Retries(Retry())]) as host:
        agent = CodeAgent(model=Breaks(DONE), tools=[], executor=ThreadExecutor(), host=host)
        result = agent.run("do", observers=[watcher])
    assert result.state == "failed"
    assert result.error.__cause__.partial
    assert retries.asked == []


@pytest.mark.parametrize("face", ["run", "arun"])
def test_a_run_that_is_told_to_stop_waits_no_longer(attempt, face):
    cancellation = Cancellation()
    timer = threading.Timer(0.1, cancellation.cancel, ("enough",))
    timer.start()
    began = time.monotonic()
    result, _, _, _ = attempt(Scripted(busy(), DONE), Retry(after=60), face=face, cancellation=cancellation)
    timer.join()
    assert result.state == "interrupted"
    assert time.monotonic() - began < 10
