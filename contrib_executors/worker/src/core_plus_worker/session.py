"""A session on a worker: the kernel's `Session`, whatever the worker stands behind."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from core_plus.errors import ExecutorError
from core_plus.executors import Answer, CodeError, CodeRequest, Done, Setup, Turn
from core_plus.messages import Audio, File, Image
from core_plus_worker import messages
from core_plus_worker.door import Door
from core_plus_worker.handshake import connect, encode_variables
from core_plus_worker.inside.codec import Codec
from core_plus_worker.inside.records import CodecError
from core_plus_worker.link import OUT_OF_MEMORY, Link, LinkError, Process, Waker
from core_plus_worker.snippet import ALL, Snippet, cpu_text, error_of

NO_MEMORY = "the code and its files needed more memory than they may have"


def media(media_type: str, data: bytes, name: str | None) -> Image | Audio | File:
    """What the host gets for a picture, a sound or a file; nothing of it is decoded.

    Args:
        media_type: Such as "image/png".
        data: The file's bytes.
        name: The file's name.
    """
    if media_type.startswith("image/"):
        return Image(data=data, media_type=media_type, name=name)
    if media_type.startswith("audio/"):
        return Audio(data=data, media_type=media_type, name=name)
    return File(data=data, media_type=media_type, name=name)


def carrier() -> dict[str, str]:
    """The trace that the host is in, as OpenTelemetry hands it on, for whoever traces in the code too.

    It is asked for only where the host has imported it.
    """
    propagate, found = sys.modules.get("opentelemetry.propagate"), dict[str, str]()
    if propagate is not None:
        propagate.inject(found)
    return found


def change(process: Process, how: str) -> None:
    """Stop a worker between two snippets, or let it go on, where it has a way.

    Args:
        process: The worker.
        how: "rest" or "rouse".
    """
    way = getattr(process, how, None)
    if way is not None:
        way()


class WorkerSession:
    """One interpreter with its variables, in a worker.

    A worker that is killed, by a limit or otherwise, is replaced when the next snippet starts: by a fresh one with
    the variables that the session was opened with.

    Args:
        process: The worker to begin with.
        setup: What the session starts with.
        restart: Starts another one, when this one is lost.
        on_close: Called once the session is closed.

    Raises:
        ExecutorError: The worker doesn't start or refuses the set-up; the text says what it said.
    """

    def __init__(
        self,
        process: Process,
        setup: Setup,
        *,
        restart: Callable[[], Process],
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self._setup, self._restart, self._on_close = setup, restart, on_close
        self._codec = Codec(media, views=True)
        self._waker = Waker()
        self._door = Door(self._waker.wake)
        self._count, self._interrupted = 0, False
        self._snippet: Snippet | None = None
        self._end: Done | None = None
        self._process: Process | None = process
        self._link: Link | None = None
        try:
            self._link = connect(process, self._waker, setup, self._codec)
        except BaseException:
            self.close()
            raise

    @property
    def process(self) -> Process | None:
        """The worker that it has now, for whoever knows what stands behind it."""
        return self._process

    # -- the Session protocol

    def start(self, code: str) -> Turn:
        with self._door:
            if self._snippet is not None:
                raise ExecutorError("a snippet is still running: resume it, or interrupt it first")
            self._interrupted, self._end = False, None
            self._count += 1
            snippet = self._snippet = self._send_run(messages.encoded(["run", self._count, code, carrier()]))
            return self._go_on(snippet)

    def resume(self, answers: Sequence[Answer]) -> Turn:
        with self._door:
            snippet = self._snippet
            if snippet is None:
                return self._ended()
            try:
                for answer in answers:
                    self._send_answer(snippet, answer)
            except LinkError as error:
                return self._lost(snippet, str(error))
            return self._go_on(snippet)

    def assign(self, variables: Mapping[str, Any]) -> None:
        with self._door:
            if self._snippet is not None:
                raise ExecutorError("a snippet is still running: resume it, or interrupt it first")
            added = msgspec.structs.replace(self._setup, variables=variables)
            tree, blobs = encode_variables(added, self._codec)
            merged = {**self._setup.variables, **variables}
            self._setup = msgspec.structs.replace(self._setup, variables=merged)
            # Where the worker is gone, the next start says so and gives a fresh one all variables.
            with contextlib.suppress(LinkError):
                if self._link is not None:
                    self._link.send(messages.encoded(["set", tree]), blobs)
                    self._link.own()

    def interrupt(self) -> None:
        if self._snippet is not None:
            self._interrupted = True
            self._waker.wake()

    def close(self) -> None:
        if not self._door.shut():
            return
        with self._door.inside, contextlib.ExitStack() as ends:  # each of them, whatever another one raises
            ends.callback(self._on_close)
            ends.callback(self._waker.close)
            if self._process is not None:
                self._process.close()

    def _ended(self) -> Done:
        """The end once more, for a thread that brings an answer when another one has just been told the end."""
        if self._end is None:
            raise ExecutorError("no snippet is running: start one first")
        return self._end

    # -- to the worker

    def _send_run(self, order: bytes) -> Snippet:
        """Send the order to run code, to a fresh worker where the last one is gone."""
        note = ""
        if self._link is not None:
            try:
                change(self._link.process, "rouse")
                self._link.send(order)
                return Snippet(self._count, self._link, self._setup)
            except LinkError as error:
                note = f"[the interpreter was lost before this code ran, and {ALL} with it: {error}]\n"
        if self._process is not None:
            self._process.close()
        self._process, self._link = self._restart(), None
        self._link = connect(self._process, self._waker, self._setup, self._codec)
        self._link.send(order)
        snippet = Snippet(self._count, self._link, self._setup)
        if note:
            snippet.print(2, note)
        return snippet

    def _send_answer(self, snippet: Snippet, answer: Answer) -> None:
        name = snippet.open.pop(answer.id, None)
        if name is None:
            raise ExecutorError(f"no request {answer.id} is open; open are: {list(snippet.open) or 'none'}")
        if self._interrupted:  # not one line more of the code shall run
            return
        snippet.running = True
        snippet.answered += 1
        kind, error = answer.kind, answer.error
        if error is None:
            try:
                tree, blobs = self._codec.encode(answer.value)
                snippet.link.send(messages.encoded(["answer", answer.id, tree]), blobs)
                return
            except CodecError as problem:
                kind, error = "ToolError", f"the result of {name}() can't be given to the code: {problem}"
        snippet.link.send(messages.encoded(["raise", answer.id, kind, error]))

    # -- from the worker

    def _go_on(self, snippet: Snippet) -> Turn:
        """Wait until there is something for the host to do."""
        left, began = snippet.time_left(), time.monotonic()
        deadline = None if left is None else began + left
        requests: list[CodeRequest] = []
        try:
            while True:
                turn = self._look(snippet, requests, deadline)
                if turn is not None:
                    return turn
                snippet.link.wait(snippet.patience(deadline))
        except (LinkError, CodecError) as error:
            return self._lost(snippet, str(error))
        finally:
            snippet.link.own()
            if deadline is not None:
                snippet.spend(time.monotonic() - began)

    def _look(self, snippet: Snippet, requests: list[CodeRequest], deadline: float | None) -> Turn | None:
        """What there is for the host to do now."""
        done = self._read(snippet, requests)
        if done is not None:
            return self._done(snippet, *done)
        if snippet.ending is None:
            if self._interrupted or self._door.is_closed:
                snippet.stop("Interrupted", "the code was interrupted")
            elif requests or self._door.visitors or snippet.changed:
                return snippet.paused(requests)
            elif deadline is not None and time.monotonic() >= deadline:
                snippet.stop("TimeLimit", f"the code ran longer than {self._setup.limits.seconds:g} s")
            elif snippet.is_show_due():
                return snippet.paused(requests)
        if snippet.ending is not None and snippet.press():
            return self._lost(snippet, "it didn't stop")
        return None

    def _read(self, snippet: Snippet, requests: list[CodeRequest]) -> tuple[messages.Done, list[Any]] | None:
        """Take what has come; the end of the snippet, if that has."""
        while (item := snippet.link.take()) is not None:
            message, blobs = item
            if isinstance(message, messages.Call):
                requests.append(snippet.take_call(message, self._codec, blobs))
            elif isinstance(message, messages.Done):
                return message, blobs
            elif isinstance(message, messages.Waits):
                if message.heard in (-1, snippet.answered):  # else it said so before it got the last answer
                    snippet.running, snippet.changed = False, bool(snippet.open)
            elif isinstance(message, messages.Print):
                snippet.print(message.stream, message.text)
            else:
                raise LinkError(f"it said {type(message).__name__} while code ran")
        return None

    def _done(self, snippet: Snippet, message: messages.Done, blobs: list[Any]) -> Done:
        snippet.link.drain_prints()
        value = self._codec.decode(message.value, blobs)
        error = error_of(message, snippet.ending, self._setup.limits)
        self._snippet = None
        snippet.leave()
        if error is not None and error.lost:
            snippet.link.process.kill()
            self._link = None
        else:
            change(snippet.link.process, "rest")
        stdout, stderr = snippet.printed(message.dropped)
        fresh = snippet.take_fresh()
        self._end = Done(value, message.is_final, stdout, stderr, error, message.has_value, fresh)
        return self._end

    def _lost(self, snippet: Snippet, text: str) -> Done:
        """The worker is gone, or must go."""
        snippet.link.process.kill()
        snippet.link.drain_prints()
        self._snippet = self._link = None
        snippet.leave()
        error = snippet.ending
        if error is None and "SIGXCPU" in text:
            error = CodeError("TimeLimit", cpu_text(self._setup.limits))
        elif error is None and OUT_OF_MEMORY in text:
            error = CodeError("MemoryLimit", NO_MEMORY)
        elif error is None:
            hint = "; the system may have been short of memory" if "SIGKILL" in text else ""
            error = CodeError("Lost", f"the interpreter was lost: {text}{hint}")
        stdout, stderr = snippet.printed((0, 0))
        error = msgspec.structs.replace(error, lost=ALL)
        self._end = Done(stdout=stdout, stderr=stderr, error=error, output=snippet.take_fresh())
        return self._end
