"""What a session knows of the snippet that is running."""

from __future__ import annotations

import math
import time
from typing import Literal

from core_plus.executors import CodeError, CodeRequest, Limits, Output, Paused, Setup
from core_plus_worker import messages
from core_plus_worker.clip import Clip
from core_plus_worker.inside.codec import Codec
from core_plus_worker.link import Link, LinkError, ignore

GRACE = 0.06
"""Seconds in which code may end softly when its time is up; then the worker is killed."""

NUDGE = 0.02
"""Seconds between the nudges within them."""

SHOW = 0.05
"""Seconds between two pauses that only show output."""

MOST = 50_000
"""Characters of an error's text and traceback."""

ALL = "all variables"

STOPS = frozenset(["Stopped", "CpuLimit", "CallLimit"])
"""Kinds of errors by which a worker says that it was stopped."""

STREAMS: dict[int, Literal["stdout", "stderr"]] = {1: "stdout", 2: "stderr"}


NOTHING = Clip(None)
"""What was printed where nothing was."""


class Snippet:
    """One running snippet.

    Args:
        number: Which of the session.
        link: The worker that runs it.
        setup: What the session was opened with.
    """

    def __init__(self, number: int, link: Link, setup: Setup) -> None:
        self.number, self.link, self._setup = number, link, setup
        self.open: dict[int, str] = {}
        self.running = True
        self.answered = 0
        self.changed = False
        self.ending: CodeError | None = None
        self.kill_at = self.nudge_at = 0.0
        self._clips: dict[int, Clip] = {}
        self._fresh: list[Output] = []
        self._shown_at = 0.0
        self._calls = 0
        self._used = 0.0
        link.on_print = self.print

    def leave(self) -> None:
        """It has ended: what is printed from now on waits in its pipe for the next one."""
        self.link.on_print = ignore

    # -- calls

    def take_call(self, call: messages.Call, codec: Codec, blobs: list[bytes]) -> CodeRequest:
        """A call that the code makes.

        Args:
            call: What came.
            codec: How values cross.
            blobs: What came beside it.

        Raises:
            LinkError: No honest worker sends that.
        """
        limit = self._setup.limits.calls
        if call.id != self._calls + 1 or (limit is not None and call.id > limit):
            raise LinkError(f"it sent call {call.id} after call {self._calls}; at most {limit} may come")
        if call.name not in self._setup.functions:
            raise LinkError(f"it called {call.name[:100]!r}, which is none of the functions that it was given")
        args, kwargs = codec.decode(call.args, blobs), codec.decode(call.kwargs, blobs)
        if type(args) is not list or type(kwargs) is not dict or not all(type(name) is str for name in kwargs):
            raise LinkError(f"it called {call.name} with arguments that are none")
        self._calls = call.id
        self.open[call.id] = call.name
        self.running = call.busy
        return CodeRequest(call.id, call.name, tuple(args), kwargs, call.line or None)

    # -- output

    def print(self, stream: int, text: str) -> None:
        """Keep printed text.

        Args:
            stream: 1 or 2.
            text: What was printed.
        """
        clip = self._clips.get(stream)
        if clip is None:
            clip = self._clips[stream] = Clip(self._setup.limits.output)
        shown = clip.feed(text)
        if shown and self._setup.stream:
            self._fresh.append(Output(shown, STREAMS[stream]))

    def printed(self, dropped: tuple[int, int]) -> tuple[str, str]:
        """All that was printed to standard output and to standard error.

        Args:
            dropped: Characters of each that the worker left out.
        """
        if not self._clips and dropped == (0, 0):
            return "", ""
        texts = [self._clips.get(stream, NOTHING).text(count) for stream, count in zip(STREAMS, dropped, strict=True)]
        return texts[0], texts[1]

    def is_show_due(self) -> bool:
        """Whether output has waited long enough to be shown."""
        return bool(self._fresh) and time.monotonic() >= self._shown_at + SHOW

    def take_fresh(self) -> tuple[Output, ...]:
        """What was printed since the last look, to be shown now."""
        if not self._fresh:
            return ()
        fresh, self._fresh, self._shown_at = tuple(self._fresh), [], time.monotonic()
        return fresh

    def paused(self, requests: list[CodeRequest]) -> Paused:
        """The snippet as it stands, with the output since the last look.

        Args:
            requests: Calls newly opened.
        """
        self.changed = False
        return Paused(tuple(requests), self.take_fresh(), self.running)

    # -- time

    def time_left(self) -> float | None:
        """Seconds that the code may still run; None: the clock stands still, or there is no limit."""
        limit = self._setup.limits.seconds
        return None if limit is None or self.open else limit - self._used

    def spend(self, seconds: float) -> None:
        """Count time in which nothing but the code was waited for."""
        self._used += seconds

    def stop(self, kind: str, message: str) -> None:
        """Ask the code to end; from now on only that is waited for.

        Args:
            kind: As `CodeError.kind`.
            message: Why.
        """
        self.ending = CodeError(kind, message)
        self.nudge_at = time.monotonic()
        self.kill_at = self.nudge_at + getattr(self.link.process, "grace", GRACE)
        self.link.send(messages.encoded(["stop", self.number]))

    def patience(self, deadline: float | None) -> float | None:
        """How many seconds may be waited before something is to be done; None: until something comes.

        Args:
            deadline: When the code's time is up.
        """
        if self.ending is not None:
            due: float | None = min(self.kill_at, self.nudge_at)
        elif self._fresh:
            due = min(self._shown_at + SHOW, deadline or math.inf)
        else:
            due = deadline
        return None if due is None else due - time.monotonic()

    def press(self) -> bool:
        """Nudge the code that was asked to end, now and then; True: it had its time."""
        now = time.monotonic()
        if now >= self.kill_at:
            return True
        if now >= self.nudge_at:
            self.nudge_at = now + NUDGE
            self.link.process.nudge()
        return False


def error_of(done: messages.Done, ending: CodeError | None, limits: Limits) -> CodeError | None:
    """Why a snippet didn't end well, in the host's words.

    Args:
        done: What the worker says.
        ending: Why the host stopped it, if it did.
        limits: What it was allowed.
    """
    if done.error is None:
        return None
    kind, message, traceback, line = done.error
    kind, message, traceback = kind[:200], message[:MOST], traceback[:MOST]  # the worker has cut them more finely
    if kind == "Stopped":
        kind, message = (ending.kind, ending.message) if ending else ("Interrupted", "the code was stopped")
    elif kind == "CpuLimit":
        kind, message = "TimeLimit", cpu_text(limits)
    elif kind == "MemoryError" and limits.memory is not None:
        kind, message = "MemoryLimit", f"the code needed more than {limits.memory:,} bytes of memory"
    # Threads that run on would outlive the limit: the session kills the worker.
    lost = ALL if done.busy and done.error[0] in STOPS else ""
    return CodeError(kind, message, traceback, line, lost)


def cpu_text(limits: Limits) -> str:
    """What to say when the CPU time is used up."""
    return f"the code used more than {limits.cpu_seconds:g} s of CPU time"
