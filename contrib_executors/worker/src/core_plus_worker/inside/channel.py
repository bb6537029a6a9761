"""The worker's end of the wire: calls of the host's functions, from any thread and any event loop.

Whoever waits for an answer reads the stream and hands what is for others to them, so that a plain call costs one
write and one read and no second thread. Who reads holds `_reading`; who writes holds `_writing`.
"""

from __future__ import annotations

import json
import os
import select
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from core_plus_worker.inside import frames, heads
from core_plus_worker.inside.eager import Eager
from core_plus_worker.inside.pack import plain
from core_plus_worker.inside.places import line_of
from core_plus_worker.inside.records import CodecError
from core_plus_worker.inside.stops import Stop, ToolError, tool_error
from core_plus_worker.inside.waiting import LoopWaiter, Waiter, others_on_cpu, passive, sees_threads

if TYPE_CHECKING:
    from core_plus_worker.inside.codec import Codec

NO_LIMIT = 1 << 62
LOOK = 2
"""Milliseconds between two looks at what other threads do."""

CALM = 2
"""Looks at which they must have stood still before the last one."""

BLIND = 15
"""The same where the system doesn't tell which of them run: one that waits for a core looks as if it stood still."""

ENDED = "the code ended before this call was answered"


class Channel:
    """Sends and receives messages, and remembers which calls are open.

    Args:
        reader: Descriptor to read.
        writer: Descriptor to write; both block.
        codec: How values cross.
    """

    def __init__(self, reader: int, writer: int, codec: Codec) -> None:
        self.reader, self._writer, self._codec = reader, writer, codec
        self.orders: deque[tuple[Any, list[Any]]] = deque()
        self.stop: Stop | None = None
        self.snippet = 0
        self.is_child = False
        self.call_limit = self.value_limit = 0
        self.takes_msgpack = self.tells_lines = False
        self.dumps = heads.json_writer()
        self._last_size = 0
        self._packs: list[Any] = []
        self._loads = json.JSONDecoder().raw_decode
        self._inbox = frames.Inbox(reader, NO_LIMIT)
        self._ready = select.poll()
        self._ready.register(reader, select.POLLIN)
        self._eager = Eager(self._ready)
        self._reading, self._writing = threading.Lock(), threading.Lock()
        self._parked: dict[Waiter, Any] = {}
        self._open: dict[int, Waiter] = {}
        self._queue: list[tuple[bytes, list[Any]]] = []
        self._lingered = self._said_busy = False
        self._count = self._calm = self._heard = 0
        self._loops: dict[int, Any] = {}
        self._resting: set[int] = set()
        self._idle: Waiter | None = None

    # -- snippets

    def next_order(self) -> tuple[Any, list[Any]]:
        """Wait for the host's next order, such as to run a snippet."""
        while not self.orders:
            self._idle = waiter = Waiter()
            if self.orders:
                break
            self._wait(waiter)
        return self.orders.popleft()

    def begin(self, snippet: int) -> None:
        """Count calls anew.

        Args:
            snippet: Its number; a late word about an earlier one means nothing.
        """
        self.snippet, self.stop, self._count, self._heard, self._said_busy = snippet, None, 0, 0, False

    def end(self) -> None:
        """Give up the calls that are still open."""
        self.snippet = 0
        self._queue.clear()
        for number in list(self._open):
            waiter = self._open.pop(number, None)
            if waiter:
                self._settle(waiter, None, ToolError(ENDED))

    def send(self, message: list[Any], blobs: list[Any] | None = None) -> None:
        """Send a message.

        Args:
            message: JSON.
            blobs: What it mentions.
        """
        head = self.dumps(message).encode("ascii")
        with self._writing:
            self._flush()
            frames.write(self._writer, head, blobs or [])

    def send_done(self, value: str | bytes, rest: list[Any], blobs: list[Any]) -> None:
        """Say that a snippet has ended.

        Args:
            value: The last value, as `encode` gave it.
            rest: What else is said of it.
            blobs: What the value mentions.
        """
        if isinstance(value, bytes):
            head = heads.DONE + value + self._packs[0](rest)[1:]
        else:
            head = f'["done",{value},{self.dumps(rest)[1:]}'.encode("ascii")
        with self._writing:
            self._flush()
            frames.write(self._writer, head, blobs)

    def encode(self, values: Any) -> tuple[str | bytes, list[Any]]:
        """Something on its way out: JSON, or MessagePack as bytes; and its blobs.

        Args:
            values: A value, or a list of values.

        Raises:
            CodecError: It can't be sent, or is larger than the host takes.
        """
        tree, blobs = self._codec.encode(values)
        text = self._packed(tree) or self.dumps(tree)
        size = len(text) + sum(map(len, blobs)) if blobs else len(text)
        if type(tree) in (list, dict):
            self._last_size = len(text)
        if self.value_limit and size > self.value_limit:
            raise CodecError(f"it is {size:,} bytes as data; at most {self.value_limit:,} may leave")
        return text, blobs

    def _packed(self, tree: Any) -> bytes | None:
        """A tree in MessagePack, where the last one was large, the host takes it, and a library is there."""
        if self._last_size < heads.LARGE or not self.takes_msgpack or type(tree) not in (list, dict):
            return None
        if not self._packs:
            self._packs.append(heads.msgpack_writer())
        write = self._packs[0]
        if write is None:
            return None
        try:
            data: bytes = write(tree)
        except (UnicodeEncodeError, OverflowError, ValueError, TypeError):  # JSON has a way for lone surrogates
            return None
        return data if len(data) <= heads.MOST else None

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
        text, blobs = self._prepare(name, args, kwargs)
        with self._writing:
            number = self._enter(waiter)
            self._flush()
            busy = self._said_busy = threading.active_count() > 1
            frames.write(self._writer, self._framed(number, text, busy), blobs)
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
        text, blobs = self._prepare(name, args, kwargs)
        blobs = [bytes(blob) for blob in blobs]  # an array may change before it is sent; bytes are as they are
        with self._writing:
            number = self._enter(waiter)
            self._queue.append((self._framed(number, text, True), blobs))
            self._lingered, self._said_busy = False, True
            if self._loops.get(waiter.thread) is not loop:  # a foreign loop never says when it waits
                self._flush()
        loop.add_reader(self.reader, self._readable)
        try:
            return await waiter.future
        finally:
            self._open.pop(number, None)

    def _prepare(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str | bytes, list[Any]]:
        """The middle of a call's message."""
        if self.is_child:
            raise ToolError(f"{name}() can be called from the first process only, not from one that it started")
        if not self.snippet:
            raise ToolError(f"{name}() can't be called: no code is running")
        if not kwargs and plain(args) and len(args) < 10:  # ten times the longest plain text is no limit's concern
            return self.dumps([name, args, kwargs])[1:-1], []
        try:
            text, blobs = self.encode([name, list(args), kwargs])
        except CodecError as error:
            raise ValueError(f"the arguments of {name}() can't be sent: {error}") from None
        return text[1:] if isinstance(text, bytes) else text[1:-1], blobs

    def _framed(self, number: int, text: str | bytes, busy: bool) -> bytes:
        """The message of a call: its number, name and arguments, whether code may go on meanwhile, perhaps its line."""
        line = line_of() if self.tells_lines else 0
        return heads.call(number, text, busy, line, self._packs)

    def _enter(self, waiter: Waiter) -> int:
        """Give a call its number, under the lock: numbers go out in order."""
        if self.stop is None and self.call_limit and self._count >= self.call_limit:
            self.stop = Stop("CallLimit", f"more than {self.call_limit} calls of functions")
        if self.stop is not None:
            raise self.stop.again()
        self._count += 1
        self._open[self._count] = waiter
        return self._count

    def _flush(self) -> None:
        queue, self._queue = self._queue, []
        for head, blobs in queue:
            frames.write(self._writer, head, blobs)

    # -- waiting

    def _wait(self, waiter: Waiter) -> None:
        """Read, or let another thread read, until the waiter has what it waits for or the snippet is stopped."""
        while not self._is_over(waiter):
            if self._reading.acquire(False):
                try:
                    while not self._is_over(waiter):
                        if self._said_busy and self.snippet:
                            self._watch()
                        self.pump()
                finally:
                    self._reading.release()
                    if self._parked:
                        self._wake()
            else:
                lock = self._parked[waiter] = threading.Lock()
                lock.acquire()
                if self._reading.locked() and not waiter.done:
                    lock.acquire()
                self._parked.pop(waiter, None)

    def _is_over(self, waiter: Waiter) -> bool:
        return waiter.done or (self.stop is not None and waiter is not self._idle)

    def _watch(self) -> None:
        """Look now and then, while other threads run and nothing comes, whether they too only wait for answers."""
        while self._said_busy and not self._ready.poll(LOOK):
            self._look_around()

    def _look_around(self) -> None:
        """Tell the host that the code waits once the other threads have stood still at several looks.

        One look isn't enough: a thread that has just been given something to do still stands where it waited.
        """
        with self._writing:
            self._calm = 0 if self.others_busy() or others_on_cpu() else self._calm + 1
            if self._calm > (CALM if sees_threads() else BLIND) or threading.active_count() == 1:
                self._calm, self._said_busy = 0, False
                frames.write(self._writer, b'["waits",%d]' % self._heard)

    def _wake(self) -> None:
        """Let the parked threads look again: they have their answer, or one of them must read."""
        for waiter in list(self._parked):
            lock = self._parked.pop(waiter, None)
            if lock:
                lock.release()

    def pump(self) -> None:
        """Read once and hand out what came. The host's end closed means that nobody is left to work for."""
        self._eager.wait()
        if not self._inbox.read():
            os._exit(0)
        messages = self._inbox.messages
        while messages:
            frame, blobs = messages.popleft()
            self._dispatch(self._loads(str(frame, "utf-8"))[0], blobs)

    def _dispatch(self, message: list[Any], blobs: list[Any]) -> None:
        kind = message[0]
        if kind in ("answer", "raise"):
            self._heard += 1
            waiter = self._open.pop(message[1], None)
            self._said_busy = bool(self._open)  # with calls left open, the host hears when the code waits again
            if waiter is None:
                return
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
            if self._idle is not None:
                self._settle(self._idle, None)

    def _settle(self, waiter: Waiter, value: Any, error: BaseException | None = None) -> None:
        waiter.settle(value, error)
        lock = self._parked.pop(waiter, None) if self._parked else None
        if lock:
            lock.release()

    # -- event loops

    def loop_waits(self, timeout: float | None, others: int) -> bool:
        """Called before an event loop of ours looks for events: what its tasks asked for goes out at once.

        Args:
            timeout: How long it will wait; None: until something comes; 0: tasks are ready.
            others: Descriptors that it watches beside its own and ours.

        Returns:
            Whether to call again in a moment, if nothing comes: other threads are being watched.

        Raises:
            Stop: The snippet is over.
        """
        thread = threading.get_ident()
        self._loops[thread] = sys.modules["asyncio"].get_running_loop()
        if self.stop is not None:
            raise self.stop.again()
        idle = timeout is None and others <= 0
        if idle:
            self._resting.add(thread)
        if not (self._queue or (self._said_busy and self._open)):
            return False
        if timeout is not None and timeout <= 0 and not self._lingered:
            self._lingered = True  # tasks that are ready may ask for more: one round is waited for them
            return False
        with self._writing:
            self._flush()
        if idle:
            self._look_around()
        return idle and self._said_busy

    def loop_goes_on(self) -> None:
        """Called when an event loop of ours has waited."""
        self._resting.discard(threading.get_ident())

    def _readable(self) -> None:
        """What a loop does when something came, unless another thread is reading."""
        if self._reading.acquire(False):
            try:
                while self._ready.poll(0):
                    self.pump()
            finally:
                self._reading.release()
                self._wake()

    # -- other threads

    def others_busy(self) -> bool:
        """Whether a thread beside this one could go on without an answer."""
        if threading.active_count() == 1:
            return False
        quiet = {threading.get_ident(), *self._resting}
        current = sys._current_frames()  # noqa: SLF001  # documented, the underscore is a warning
        if threading.active_count() > len(current):  # one is being started
            return True
        return any(not passive(frame) for ident, frame in current.items() if ident not in quiet)
