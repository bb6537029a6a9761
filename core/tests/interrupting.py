"""Interrupting a run from another thread, and how long that took: for the tests of interrupts."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from core_plus import Cancellation, RunInterrupted

PROMPT = 0.5
"""Seconds in which a run must have ended: 0.1 is the promise, the rest is for a busy machine."""


class Begun(threading.Event):
    """Set by what is in progress; then somebody else interrupts, and the clock runs."""

    at = 0.0

    def stop(self, cancellation):
        """A thread that cancels as soon as this is set."""

        def work():
            assert self.wait(5)
            time.sleep(0.01)
            self.at = time.monotonic()
            cancellation.cancel()

        thread = threading.Thread(target=work)
        thread.start()
        return thread

    @property
    def late(self):
        """Seconds since the interrupt."""
        return time.monotonic() - self.at


FACES = pytest.mark.parametrize("face", ["run", "stream", "arun", "astream"])


def interrupted(face, agent, begun, **options):
    """Run an agent, interrupt it from another thread once something has begun; its result, and how late it came."""
    cancellation = Cancellation()
    thread = begun.stop(cancellation)
    options["cancellation"] = cancellation
    if face == "run":
        result = agent.run("Go.", **options)
    elif face == "stream":
        result = agent.stream("Go.", **options).finish()
    elif face == "arun":
        result = asyncio.run(agent.arun("Go.", **options))
    else:
        result = asyncio.run(agent.astream("Go.", **options).afinish())
    late = begun.late
    thread.join()
    return result, late


def check(result, steps):
    """The run was interrupted after these steps, at least, and everything is kept."""
    assert result.state == "interrupted"
    assert [type(step).__name__ for step in result.steps][: len(steps)] == steps
    assert not result.answered
    with pytest.raises(RunInterrupted, match="interrupted") as caught:
        _ = result.output
    assert caught.value.result is result


def wait_for(condition):
    """Whether something comes true within three seconds."""
    end = time.monotonic() + 3
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True
