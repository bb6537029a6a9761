"""The kernel's end: calls of the host's functions by way of `input`, the one thing that a kernel can ask its client.

Each exchange is one `input`: what is to be said goes out as the prompt, what the host has to say comes back as the
line that was "typed". It blocks, so it says how long it may: while tasks or threads could go on without an answer
the host replies within a moment, with nothing if there is nothing.

The prompt is a JSON array: "core_plus", the snippet's number, the characters printed so far on either stream, the
seconds that the reply may take (null: any time) and the messages, each the JSON text that a worker would send. The
reply begins with "+" where more is to be fetched (by the prompt ["core_plus_more"]), else with "."; then comes a JSON
array of messages, each an array of its text and its blobs in base64.
"""

from __future__ import annotations

import base64
import contextvars
import json
import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from core_plus_jupyter.inside.around import Streams, Threads
from core_plus_worker.inside.pack import plain
from core_plus_worker.inside.records import CodecError
from core_plus_worker.inside.stops import Stop, ToolError, tool_error
from core_plus_worker.inside.waiting import LoopWaiter, Waiter

if TYPE_CHECKING:
    from collections.abc import Callable

    from core_plus_worker.inside.codec import Codec

LOOK = 20
"""Milliseconds that an exchange may take while something else could go on."""

CALM = 2
"""Looks at which other threads must have stood still before the last one."""

ENDED = "the code ended before this call was answered"


class Channel:
    """Sends and receives messages, and remembers which calls are open.

    Args:
        codec: How values cross, with their bytes within the text.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self.orders: deque[tuple[Any, list[Any]]] = deque()
        self.stop: Stop | None = None
        self.snippet = 0
        self.is_child = False
        self.call_limit = self.value_limit = 0
        self._ask: Callable[[str], str] = input
        self._streams, self._threads = Streams(), Threads()
        self._dumps = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
        self._reading, self._writing = threading.Lock(), threading.Lock()
        self._parked: dict[Waiter, Any] = {}
        self._open: dict[int, Waiter] = {}
        self._queue: list[str] = []
        self._count = self._calm = 0
        self._asked_at = 0.0
        self._said_busy = self._lingered = False

    # -- snippets

    def connect(self, ask: Callable[[str], str], streams: list[Any]) -> None:
        """Use this cell's way to the host.

        Args:
            ask: The kernel's `input`.
            streams: Its standard output and standard error.
        """
        context = contextvars.copy_context()  # a kernel keeps there for whom a cell runs
        main = threading.get_ident()
        self._ask = lambda text: ask(text) if threading.get_ident() == main else context.copy().run(ask, text)
        self._streams.connect(streams)

    def begin(self, snippet: int) -> None:
        """Count calls anew.

        Args:
            snippet: Its number; a late word about an earlier one means nothing.
        """
        self.snippet, self.stop, self._count, self._said_busy = snippet, None, 0, False
        self._streams.begin()

    def end(self) -> None:
        """Give up the calls that are still open."""
        self.snippet = 0
        self._queue.clear()
        for number in list(self._open):
            waiter = self._open.pop(number, None)
            if waiter:
                self._settle(waiter, None, ToolError(ENDED))

    def send(self, message: list[Any]) -> None:
        """Send a message, and take what the host has to say at once.

        Args:
            message: JSON.
        """
        self.send_text(self._dumps(message))

    def send_text(self, text: str) -> None:
        """Send a message that is JSON already.

        Args:
            text: The message.
        """
        with self._reading:
            self._queue.append(text)
            self.exchange(0)

    def fetch(self) -> None:
        """Wait until the host has something to say."""
        with self._reading:
            self.exchange(None)

    def encode(self, values: Any) -> tuple[str, list[Any]]:
        """JSON of something on its way out.

        Args:
            values: A value, or a list of values.

        Raises:
            CodecError: It can't be sent, or is larger than the host takes.
        """
        tree, blobs = self._codec.encode(values)
        text = self._dumps(tree)
        if self.value_limit and len(text) > self.value_limit:
            raise CodecError(f"it is {len(text):,} bytes as data; at most {self.value_limit:,} may leave")
        return text, blobs

    def print(self, stream: int, text: str) -> None:
        """Print to the kernel's own stream.

        Args:
            stream: 1 or 2.
            text: What.

        Raises:
            Stop: The snippet is over.
        """
        self._streams.write(stream, text)
        if self.stop is not None and self.snippet:
            raise self.stop.again()

    # -- calls

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function of the host and wait for its answer, whatever thread this is.

        Args:
            name: The function.
            args: Its arguments.
            kwargs: Its named arguments.

        Raises:
            ToolError: The host's function raised, or nobody can answer any more.
            Stop: The snippet is over.
        """
        waiter = Waiter()
        text = self._prepare(name, args, kwargs)
        with self._writing:
            busy = self._said_busy = bool(self._threads.others())
            self._queue.append(framed(self._enter(waiter), text, busy))
        self._wait(waiter)
        if self.stop is not None:
            raise self.stop.again()
        if waiter.error is not None:
            raise waiter.error
        return waiter.value

    async def later(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The same for code that awaits: other tasks go on meanwhile.

        Args:
            name: The function.
            args: Its arguments.
            kwargs: Its named arguments.

        Raises:
            ToolError: The host's function raised, or nobody can answer any more.
        """
        loop = sys.modules["asyncio"].get_running_loop()
        waiter = LoopWaiter(loop)
        text = self._prepare(name, args, kwargs)
        with self._writing:
            number = self._enter(waiter)
            self._queue.append(framed(number, text, True))
            self._lingered, self._said_busy = False, True
        try:
            return await waiter.future
        finally:
            self._open.pop(number, None)

    def _prepare(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """The middle of a call's message."""
        if self.is_child:
            raise ToolError(f"{name}() can be called from the first process only, not from one that it started")
        if not self.snippet:
            raise ToolError(f"{name}() can't be called: no code is running")
        if not kwargs and plain(args) and len(args) < 10:
            return self._dumps([name, args, kwargs])[1:-1]
        try:
            return self.encode([name, list(args), kwargs])[0][1:-1]
        except CodecError as error:
            raise ValueError(f"the arguments of {name}() can't be sent: {error}") from None

    def _enter(self, waiter: Waiter) -> int:
        """Give a call its number, under the lock: numbers go out in order."""
        if self.stop is None and self.call_limit and self._count >= self.call_limit:
            self.stop = Stop("CallLimit", f"more than {self.call_limit} calls of functions")
        if self.stop is not None:
            raise self.stop.again()
        self._count += 1
        self._open[self._count] = waiter
        return self._count

    # -- waiting

    def exchange(self, seconds: float | None) -> bool:
        """Say what there is to say and hear what the host says; whoever calls it holds `_reading`.

        Args:
            seconds: How long the host may think; None: until it has something to say.

        Returns:
            Whether it said anything.
        """
        self._streams.flush()
        with self._writing:
            queue, self._queue = self._queue, []
            prompt = self._dumps(["core_plus", self.snippet, *self._streams.printed, seconds])
        self._asked_at = time.monotonic()
        reply = self._ask(f"{prompt[:-1]},[{','.join(map(self._dumps, queue))}]]")
        pieces = [reply[1:]]
        while reply[:1] == "+":
            reply = self._ask('["core_plus_more"]')
            pieces.append(reply[1:])
        messages = json.loads("".join(pieces) or "[]")
        for text, *blobs in messages:
            self._dispatch(json.loads(text), [base64.b64decode(blob) for blob in blobs])
        return bool(messages)

    def _wait(self, waiter: Waiter) -> None:
        """Ask the host, or let another thread ask, until the waiter has what it waits for or all is over."""
        while not self._is_over(waiter):
            if self._reading.acquire(False):
                try:
                    while not self._is_over(waiter):
                        self.pump()
                finally:
                    self._reading.release()
                    self._wake()
            else:
                lock = self._parked[waiter] = threading.Lock()
                lock.acquire()
                if self._reading.locked() and not self._is_over(waiter):
                    lock.acquire()
                self._parked.pop(waiter, None)

    def _is_over(self, waiter: Waiter) -> bool:
        return waiter.done or self.stop is not None

    def pump(self) -> None:
        """Ask once: patiently where nothing but an answer makes the code go on."""
        self.exchange(None if self._is_calm(0) else LOOK / 1000)

    def _wake(self) -> None:
        """Let the parked threads look again: they have their answer, or one of them must ask."""
        for waiter in list(self._parked):
            lock = self._parked.pop(waiter, None)
            if lock:
                lock.release()

    def _is_calm(self, watched: int) -> bool:
        """Whether only an answer makes the code go on; the host hears when it comes to that.

        One look at other threads isn't enough: one that has just been given something to do still stands where it
        waited.

        Args:
            watched: Descriptors that an event loop watches beside its own.
        """
        if not self._said_busy:
            return True
        others = self._threads.others()
        self._calm = 0 if watched or (others and self.others_busy()) else self._calm + 1
        if others and self._calm <= CALM:
            return False
        if watched:
            return False
        self._calm, self._said_busy = 0, False
        with self._writing:
            self._queue.append('["waits"]')
        return True

    def _dispatch(self, message: list[Any], blobs: list[Any]) -> None:
        kind = message[0]
        if kind in ("answer", "raise"):
            waiter = self._open.pop(message[1], None)
            if waiter is None:
                return
            self._said_busy = bool(self._open)  # with calls left open, the host hears when the code waits again
            if kind == "raise":
                self._settle(waiter, None, tool_error(message[2])(message[3]))
                return
            try:
                self._settle(waiter, self._codec.decode(message[2], blobs))
            except CodecError as error:
                self._settle(waiter, None, ToolError(f"the answer can't be read here: {error}"))
        elif kind == "stop":
            if message[1] == self.snippet:
                self.stop = Stop("Stopped")
                self._wake()
        else:
            self.orders.append((message, blobs))

    def _settle(self, waiter: Waiter, value: Any, error: BaseException | None = None) -> None:
        waiter.settle(value, error)
        lock = self._parked.pop(waiter, None) if self._parked else None
        if lock:
            lock.release()

    # -- event loops

    def select(self, base: Callable[[float | None], Any], timeout: float | None, others: int) -> Any:
        """Stands in for the wait of an event loop's selector while calls are open.

        Args:
            base: The selector's own wait.
            timeout: Seconds; None: until something comes.
            others: Descriptors that the loop watches beside its own.

        Raises:
            Stop: The snippet is over.
        """
        if self.stop is not None and self.snippet:
            raise self.stop.again()
        if not (self._open and self.snippet) or not self._reading.acquire(False):
            return base(timeout)  # another thread asks; it wakes this loop
        try:
            if timeout is not None and timeout <= 0:
                return self._between(base)
            deadline = None if timeout is None else time.monotonic() + timeout
            while True:
                events = base(0)
                left = None if deadline is None else deadline - time.monotonic()
                if events or (left is not None and left <= 0):
                    return events
                patient = timeout is None and self._is_calm(others)
                step = None if patient else LOOK / 1000
                if left is not None:
                    step = left if not others and not self._threads.others() else min(left, LOOK / 1000)
                heard = self.exchange(step)
                if self.stop is not None:
                    raise self.stop.again()
                if heard:
                    return base(0)
        finally:
            self._reading.release()
            self._wake()

    def _between(self, base: Callable[[float | None], Any]) -> Any:
        """Tasks are ready: they may ask for more, so one round is waited for them before their calls go out."""
        if self._queue and not self._lingered:
            self._lingered = True
        elif self._queue or time.monotonic() - self._asked_at > LOOK / 1000:
            self.exchange(0)
            if self.stop is not None:
                raise self.stop.again()
        return base(0)

    def others_busy(self) -> bool:
        """Whether a thread of the code beside this one could go on without an answer."""
        return self._threads.are_busy()


def framed(number: int, text: str, busy: bool) -> str:
    """The message of a call.

    Args:
        number: Which call of the snippet it is.
        text: Name, arguments and named arguments.
        busy: Whether code may go on without its answer.
    """
    return f'["call",{number},{text},{"true" if busy else "false"}]'
