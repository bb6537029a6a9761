"""A worker behind anything that has a standard input and output: the SDK of a service, say."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import warnings
import weakref
from collections.abc import Callable

from core_plus.errors import ExecutorError
from core_plus_worker.ending import Killer, nothing
from core_plus_worker.source import payload

CHUNK = 1 << 16
PATIENCE = 0.2
"""How long to wait for the reason why a stream has ended, in seconds."""


class Pump:
    """The other ends of the descriptors, and the thread that passes on what the host writes.

    Args:
        write: Takes bytes to the worker's standard input; may block.
        killer: Ends the worker.
    """

    def __init__(self, write: Callable[[bytes], object], killer: Killer) -> None:
        self._write, self.killer = write, killer
        pairs = [socket.socketpair() for _ in range(3)]
        self.ours = [ours for ours, _ in pairs]
        self._theirs = [theirs for _, theirs in pairs]
        self._locks = [threading.Lock() for _ in pairs]
        for sock in self.ours:
            sock.setblocking(False)
        self.reason: str | None = None
        self.has_ended = threading.Event()
        self._is_closed, self._owner = False, os.getpid()
        self._thread = threading.Thread(target=self._run, name="core-plus-worker-stream", daemon=True)
        self._thread.start()

    def feed(self, place: int, data: bytes) -> bool:
        """Give the host bytes; waits while it takes none. False: it takes none any more."""
        with self._locks[place]:
            if self._is_closed:
                return False
            try:
                self._theirs[place].sendall(data)
            except OSError:  # it has closed its end, or the stream has ended
                return False
            return True

    def end(self, reason: str) -> None:
        """Let the host see the end of the stream, once it has read what was fed; the first reason counts."""
        if self.reason is None:
            self.reason = reason
        self.has_ended.set()
        for lock, sock in zip(self._locks, self._theirs, strict=True):
            with lock, contextlib.suppress(OSError):  # closed already
                sock.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        """End both directions at once, and every wait for them."""
        for sock in self._theirs:
            with contextlib.suppress(OSError):  # closed already
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the worker, the thread and the descriptors.

        Raises:
            ExecutorError: The worker couldn't be ended.
        """
        if self._is_closed or os.getpid() != self._owner:  # a fork of the host leaves it as it is
            return
        self._is_closed = True
        self.cut()
        try:
            self.killer.finish()
        finally:
            if self._thread is not threading.current_thread():
                self._thread.join(PATIENCE)  # it may stand in a write that never returns
            for lock, theirs, ours in zip(self._locks, self._theirs, self.ours, strict=True):
                with lock:
                    ours.close()
                    if theirs is not self._theirs[0] or not self._thread.is_alive():
                        theirs.close()

    def _run(self) -> None:
        stream = self._theirs[0]
        try:
            data = payload(compiled=False)
            while data:
                self._write(data)
                data = stream.recv(CHUNK)
        except OSError as error:
            if not self._is_closed:
                self.end(f"its stream can't be written: {error}")
        except Exception as error:  # whatever another's client raises: the stream is gone, and this says why
            self.end(f"its stream can't be written: {type(error).__name__}: {error}")
        finally:
            self._write = nothing_written  # what it holds needn't live as long as this


def nothing_written(data: bytes) -> None:
    """Where a stream has ended."""


class StreamProcess:
    """A worker that is reached by calls: whoever made it passes on what it says, as it comes.

    Start `worker_command()` where the worker shall live, then make this; it sends what the worker needs first. Its
    methods may be called from any thread. `feed` waits while the host takes nothing, which holds the worker back in
    its turn; call it in a thread that may wait, not in an event loop.

    Args:
        write: Takes bytes to the worker's standard input; called in a thread of this object's, one call at a time.
            It may block; if it raises, the worker is lost and the text is told.
        kill: Ends the worker and all that it started; called once, in a thread of its own. Whatever it raises is
            raised by `close` as an `ExecutorError`.
        nudge: Makes the worker look up from its code (SIGINT), where that is quick.
    """

    def __init__(
        self,
        write: Callable[[bytes], object],
        *,
        kill: Callable[[], object] = nothing,
        nudge: Callable[[], object] = nothing,
    ) -> None:
        self._pump, self._nudge = Pump(write, Killer(kill)), nudge
        self.reader = self.writer = self._pump.ours[0].fileno()
        self.outputs = {number: self._pump.ours[number].fileno() for number in (1, 2)}
        self._end = weakref.finalize(self, forget, self._pump)

    # -- for whoever made it

    def feed(self, data: bytes) -> bool:
        """Bytes that the worker wrote to its standard output.

        Args:
            data: As they came; cut anywhere.

        Returns:
            Whether anybody still wants them.
        """
        return self._pump.feed(0, data)

    def feed_print(self, number: int, data: bytes) -> bool:
        """Bytes that were printed past the stream.

        Args:
            number: 1 is standard output, 2 standard error.
            data: As they came; cut anywhere.

        Returns:
            Whether anybody still wants them.

        Raises:
            ValueError: There is no such output.
        """
        if number not in (1, 2):
            raise ValueError(f"there is no output {number}: 1 is standard output, 2 standard error")
        return self._pump.feed(number, data)

    def ended(self, reason: str) -> None:
        """The worker has ended, or can't be reached any more; the first call counts.

        Args:
            reason: Why, such as "exit status 1"; it is told after "it ended: ".
        """
        self._pump.end(reason)

    # -- the Process protocol

    def nudge(self) -> None:
        self._nudge()

    def kill(self) -> None:
        self._pump.cut()
        self._pump.killer.start()

    def ending(self) -> str:
        self._pump.has_ended.wait(PATIENCE)
        return self._pump.reason or "its stream was closed"

    def close(self) -> None:
        if self._end.detach() is not None:
            self._pump.close()


def forget(pump: Pump) -> None:
    """End a worker that nobody has closed; what can't be raised any more is a warning."""
    try:
        pump.close()
    except ExecutorError as error:
        warnings.warn(str(error), ResourceWarning, stacklevel=2)
