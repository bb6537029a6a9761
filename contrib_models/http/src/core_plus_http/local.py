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
from core_plus.models import Collector, Delta, ModelRequest, ModelResponse
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


class LocalModel:
    """A model in this process: one thread works for it, and everybody waits in line. Providers inherit.

    Args:
        provider: The plugin's name.
        model_id: The model's.
    """

    def __init__(self, provider: str, model_id: str) -> None:
        self.model_id, self._name = model_id, f"{provider}:{model_id}"
        self._line = Line(self._name)

    def __repr__(self) -> str:
        return self._name

    def answer(self, request: ModelRequest, call: Call) -> None:
        """Write an answer, in the model's thread.

        Args:
            request: All that is asked.
            call: Takes the deltas; tells whether anybody still waits for them.
        """
        raise NotImplementedError

    def count(self, request: ModelRequest) -> int:
        """The tokens that the model would read, counted in its thread.

        Args:
            request: All that is asked.
        """
        raise NotImplementedError

    def ready(self) -> object:
        """Load the model, in its thread, where it isn't loaded."""
        raise NotImplementedError

    def forward(self, request: ModelRequest) -> ModelResponse:
        """Answer a request.

        Args:
            request: All that is asked.

        Raises:
            ModelError: There is no such model, it can't be loaded, or its template refuses the conversation.
            ConfigurationError: The settings don't fit, or the model doesn't take what is asked.
        """
        collector = Collector()
        for delta in self.stream(request):
            collector.add(delta)
        return collector.response()

    def stream(self, request: ModelRequest) -> Generator[Delta, None, None]:
        """Answer a request as it is written. Closing the iterator early stops the model at the next token.

        Args:
            request: All that is asked.
        """
        return self._line.stream(lambda call: self.answer(request, call), request.cancellation)

    async def aforward(self, request: ModelRequest) -> ModelResponse:
        """As `forward`, on the running event loop.

        Args:
            request: All that is asked.
        """
        collector = Collector()
        async with contextlib.aclosing(self.astream(request)) as deltas:
            async for delta in deltas:
                collector.add(delta)
        return collector.response()

    def astream(self, request: ModelRequest) -> AsyncGenerator[Delta, None]:
        """As `stream`, on the running event loop.

        Args:
            request: All that is asked.
        """
        return self._line.astream(lambda call: self.answer(request, call), request.cancellation)

    def count_tokens(self, request: ModelRequest) -> int:
        """The tokens that the model would read.

        Args:
            request: All that is asked.
        """
        with contextlib.closing(self._line.stream(lambda call: call.give(self.count(request)))) as found:
            return int(next(found))

    def load(self) -> None:
        """Fetch the model where it isn't here yet, and load it now, not at the first call.

        Raises:
            ModelError: There is no such model, or it can't be fetched or loaded.
            ConfigurationError: The name or the settings don't fit.
        """
        for _ in self._line.stream(lambda call: self.ready()):
            pass
