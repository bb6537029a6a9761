"""One thread for one model: calls wait in line, and what they give reaches sync and async callers alike."""

from __future__ import annotations

import contextlib
import queue
import threading
import weakref
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, Final, TypeAlias

from core_plus.cancellation import Cancellation
from core_plus.errors import ModelError
from core_plus_http.failures import Cancelled

END: Final = object()
PATIENCE: Final = 5.0
"""Seconds to wait for the thread's end; it stops at the next token."""


class Call:
    """A call in progress.

    Args:
        put: Hands a piece to the caller; from any thread.

    Attributes:
        stopped: Whether nobody waits for more: whoever works on it ends at the next token.
    """

    def __init__(self, put: Callable[[Any], object]) -> None:
        self._put, self.stopped = put, False

    def give(self, piece: Any) -> None:
        """Hand a piece to the caller.

        Args:
            piece: A delta, an error to raise, or `END`.
        """
        if not self.stopped:
            self._put(piece)

    def cancel(self) -> None:
        """Stop, and let the caller go at once."""
        self.give(Cancelled("the call was cancelled"))
        self.stopped = True


Work: TypeAlias = Callable[[Call], object]
Job: TypeAlias = tuple[Work, Call]


class _State:
    """What the thread shares with its `Line`, which it must not keep alive."""

    def __init__(self) -> None:
        self.jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self.lock = threading.Lock()
        self.thread: threading.Thread | None = None
        self.current: Call | None = None


class Line:
    """Does one piece of work after another, in a thread of its own that begins with the first and ends with `close`.

    Args:
        name: The thread's.
    """

    def __init__(self, name: str) -> None:
        self._name, self._state = name, _State()
        weakref.finalize(self, _close, self._state)

    def stream(self, work: Work, cancellation: Cancellation | None = None) -> Generator[Any, None, None]:
        """Have work done, and take its pieces as they come. Closing the iterator early stops it.

        Args:
            work: Gives pieces to the `Call` that it is called with.
            cancellation: Stops it too.

        Raises:
            ModelError: What the work raised.
        """
        pieces: queue.SimpleQueue[Any] = queue.SimpleQueue()
        with self._begun(work, pieces.put, cancellation):
            partial = False
            while (piece := pieces.get()) is not END:
                yield _taken(piece, partial)
                partial = True

    async def astream(self, work: Work, cancellation: Cancellation | None = None) -> AsyncGenerator[Any, None]:
        """As `stream`, on the running event loop.

        Args:
            work: As there.
            cancellation: As there.
        """
        import asyncio

        loop, pieces = asyncio.get_running_loop(), asyncio.Queue[Any]()

        def put(piece: Any) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(pieces.put_nowait, piece)

        with self._begun(work, put, cancellation):
            partial = False
            while (piece := await pieces.get()) is not END:
                yield _taken(piece, partial)
                partial = True

    def close(self, last: Callable[[], object] = object) -> None:
        """Stop what is being done, and end the thread; the next work begins another.

        Args:
            last: What the thread does at its end, such as to free memory, which nobody uses any more by then.
        """
        _close(self._state, last)

    @contextlib.contextmanager
    def _begun(
        self, work: Work, put: Callable[[Any], object], cancellation: Cancellation | None
    ) -> Generator[None, None, None]:
        state, call = self._state, Call(put)
        with state.lock:
            state.jobs.put((work, call))
            if state.thread is None:
                state.thread = threading.Thread(target=_serve, args=(state, state.jobs), name=self._name, daemon=True)
                state.thread.start()
        forget = cancellation.on_cancel(call.cancel) if cancellation else None
        try:
            yield
        finally:
            call.stopped = True
            if forget:
                forget()


def _taken(piece: Any, partial: bool) -> Any:
    if isinstance(piece, ModelError):
        piece.partial = partial
    if isinstance(piece, BaseException):
        raise piece
    return piece


def _serve(state: _State, jobs: queue.SimpleQueue[Job | None]) -> None:
    while (job := jobs.get()) is not None:
        work, call = job
        state.current = call
        try:
            if not call.stopped:
                work(call)
        except Exception as error:
            call.give(error)
        else:
            call.give(END)
        state.current = job = work = call = None  # type: ignore[assignment]  # keep nothing alive between calls


def _close(state: _State, last: Callable[[], object] = object) -> None:
    with state.lock:
        thread, state.thread = state.thread, None
        if thread is None:
            return
        if (current := state.current) is not None:
            current.cancel()
        state.jobs.put((lambda call: last(), Call(lambda piece: None)))
        state.jobs.put(None)
        state.jobs = queue.SimpleQueue()
    if thread is not threading.current_thread():
        thread.join(PATIENCE)
