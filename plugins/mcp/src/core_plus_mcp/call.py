"""One call of a server: on the connection's loop the SDK's request, in the run one step after another of it.

A step ends with the answer, or with a question of the server; each is an effect of the run, so that a journal keeps
what came of it and never has a write repeated in silence.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final

from core_plus import AgentToolExecutionError
from core_plus_mcp.connection import innermost
from core_plus_mcp.errors import ServerError

if TYPE_CHECKING:
    from mcp import Client

    from core_plus_mcp.connection import Connection

CURRENT: Final[contextvars.ContextVar[Call | None]] = contextvars.ContextVar("core_plus_mcp_call", default=None)
"""The call in whose name the SDK asks for input, where it asks in the call's own task."""
QUESTION: Final = "core_plus_mcp_question"
"""The key of what a step gives where the server asks something; no data of a server has it."""


class Asked:
    """The server wants to know something.

    Args:
        params: What, as the protocol has it.
    """

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.params = params
        self.reply: Future[Mapping[str, Any]] = Future()


class Ended:
    """The call is over.

    Args:
        value: What came of it.
        error: What went wrong, None if nothing did.
    """

    def __init__(self, value: Any = None, error: BaseException | None = None) -> None:
        self.value, self.error = value, error


class Call:
    """A request to a server in the name of a run.

    Args:
        connection: To which server.
        what: What is called, for errors.
        request: Makes the request: gets the client and a callback for progress.
        run: Tells the calls of one run from those of another, whose person must not be asked; "" is no run, and
            nobody is asked.
        emit: Shows progress.
    """

    def __init__(
        self,
        connection: Connection,
        what: str,
        request: Callable[[Client, Any], Awaitable[Any]],
        run: str = "",
        emit: Callable[[Any], None] | None = None,
    ) -> None:
        self.connection, self.what, self.run = connection, what, run
        self._request, self._emit = request, emit
        self._lock = threading.Lock()
        self._news = deque[Asked | Ended]()
        self._waiter: Future[Asked | Ended] | None = None
        self._work: Future[None] | None = None
        self._open: Asked | None = None
        self._limit: asyncio.Timeout | None = None
        self._asking = 0

    # ---- in the run, on whatever loop it is driven -----------------------------

    async def step(self, reply: Mapping[str, Any] | None = None) -> Any:
        """Begin, or answer the server's question; then wait for what comes next.

        Args:
            reply: The person's answer, as the protocol has it; None to begin.

        Returns:
            What came of the call; or `{QUESTION: …}`, where the server asks something.

        Raises:
            AgentToolExecutionError: It failed; the text says how, for the model.
        """
        name = self.connection.server.name
        if reply is None:
            try:
                _ = self.connection.client
            except ServerError as error:
                raise AgentToolExecutionError(f"{self.what}: {error}") from None
            self._work = self.connection.submit(self._working())
        elif self._open is None:
            raise AgentToolExecutionError(
                f"{self.what}: MCP server {name!r} asked in a process that is gone, and can't be answered any more; "
                "whether it did anything is unknown"
            )
        else:
            self._open.reply.set_result(reply)
        news = await self._next()
        if isinstance(news, Asked):
            self._open = news
            return {QUESTION: dict(news.params)}
        if news.error is not None:
            raise AgentToolExecutionError(f"{self.what}: {news.error}") from news.error
        return news.value

    def stop(self) -> None:
        """Give it up, if it isn't over; the server is told."""
        if self._work is not None:
            self._work.cancel()

    async def _next(self) -> Asked | Ended:
        """The next piece of news; on whatever loop the run is driven."""
        with self._lock:
            if self._news:
                return self._news.popleft()
            self._waiter = waiter = Future[Asked | Ended]()
        return await asyncio.wrap_future(waiter)

    def _tell(self, news: Asked | Ended) -> None:
        with self._lock:
            waiter, self._waiter = self._waiter, None
            if waiter is None or not waiter.set_running_or_notify_cancel():
                self._news.append(news)
                return
        waiter.set_result(news)

    # ---- on the connection's loop -------------------------------------------

    async def _working(self) -> None:
        CURRENT.set(self)
        try:
            self._tell(Ended(await self._answered()))
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._tell(Ended(error=error))

    async def _answered(self) -> Any:
        connection, seconds = self.connection, self.connection.server.timeout
        try:
            async with asyncio.timeout(seconds) as self._limit:
                return await self._request(connection.client, self._progress)
        except TimeoutError:
            raise ServerError(
                f"MCP server {connection.server.name!r} gave no sign of life for {seconds:g} s and was given up; "
                'a longer "timeout" in its settings waits longer'
            ) from None
        except ServerError:
            raise
        except Exception as error:
            raise await self._explained(innermost(error)) from None

    async def _explained(self, error: BaseException) -> ServerError:
        from mcp import MCPError
        from mcp_types import CONNECTION_CLOSED
        from pydantic import ValidationError

        server, text = self.connection.server, str(error) or type(error).__name__
        if isinstance(error, MCPError) and error.code == CONNECTION_CLOSED:
            how = await self.connection.ended() or f"closed the connection ({text})"
            self.connection.lost(how)
            text = f"MCP server {server.name!r} {how}, in the middle of it; whether it did what was asked is unknown"
        elif isinstance(error, MCPError) and "session terminated" in text.lower():
            self.connection.lost("has forgotten the session")
            text = "the server has forgotten the session; it is connected again, so try once more"
        elif isinstance(error, ValidationError):
            text = f"the server's answer is not what the protocol says: {text}"
        return ServerError(server.redacted(text))

    async def _progress(self, progress: float, total: float | None, message: str | None) -> None:
        """A sign of life: the run's watchers see it, and the clock begins anew."""
        self._rewind()
        if self._emit is not None:
            count = f"{progress:g}" + (f"/{total:g}" if total else "")
            self._emit(f"{message} ({count})" if message else count)

    async def ask(self, params: Any) -> Any:
        """Put a question of the server to the run; the clock stands still meanwhile.

        Args:
            params: What is asked, as the SDK has it.

        Returns:
            The SDK's `ElicitResult`.
        """
        from mcp_types import ElicitResult

        question = Asked(params.model_dump(mode="json", by_alias=True, exclude_none=True))
        self._asking += 1
        self._rewind()
        try:
            self._tell(question)
            return ElicitResult.model_validate(await asyncio.wrap_future(question.reply))
        finally:
            self._asking -= 1
            self._rewind()

    def _rewind(self) -> None:
        limit = self._limit
        if limit is not None and not limit.expired():
            now, seconds = asyncio.get_running_loop().time(), self.connection.server.timeout
            limit.reschedule(None if self._asking else now + seconds)


class Calls:
    """The calls of a server that are under way, so that its questions find the right person."""

    def __init__(self) -> None:
        self._open = dict[int, Call]()

    def begin(self, call: Call) -> Call:
        """Know of a call until `end`.

        Args:
            call: Fresh.
        """
        self._open[id(call)] = call
        return call

    def end(self, call: Call) -> None:
        """Forget a call, and give it up if it isn't over.

        Args:
            call: One that was begun.
        """
        self._open.pop(id(call), None)
        call.stop()

    async def once(self, call: Call) -> Any:
        """A call that nobody can be asked about, from beginning to end.

        Args:
            call: Fresh, of no run.
        """
        self.begin(call)
        try:
            return await call.step()
        finally:
            self.end(call)

    async def elicit(self, context: Any, params: Any) -> Any:
        """The SDK's callback for a server's question.

        Args:
            context: Of the request; it doesn't say which call it belongs to.
            params: What is asked.
        """
        from mcp_types import INVALID_REQUEST, ErrorData

        call = CURRENT.get()
        calls = [*self._open.values()] if call is None else [call]
        if len({one.run for one in calls}) != 1 or not calls[-1].run:
            # With several runs at work nobody knows whose question it is, and one person's must not reach another.
            why = "no run has called" if not any(one.run for one in calls) else "calls of several runs are under way"
            return ErrorData(code=INVALID_REQUEST, message=f"nobody can be asked: {why}")
        return await calls[-1].ask(params)
