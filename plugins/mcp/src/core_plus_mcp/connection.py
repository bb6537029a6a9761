"""A connection to one server, kept by one task on the host's event loop: opened, watched, opened again.

All that is async lives on that loop; what runs and their tools see of it are futures, which can be waited for in
a thread or on any loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from core_plus_mcp.errors import ServerError
from core_plus_mcp.process import Ending

if TYPE_CHECKING:
    from mcp import Client

    from core_plus_mcp.settings import Server

T = TypeVar("T")
BACK_OFF: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds before a server that ended is started again; the last holds from then on."""
STEADY: Final = 30.0
"""Seconds that it must have lived for the count to begin anew."""
PAGES: Final = 1000
"""Pages of a list that are read at most: a server that always has one more must not hold us for ever."""

LOG = logging.getLogger("core_plus.mcp")


class Submits(Protocol):
    """Where coroutines run: `host.workers`."""

    def submit_async(self, awaitable: Awaitable[T], timeout: float | None = None) -> Future[T]:
        """Run something on the host's event loop."""


class Connection:
    """One server of a host.

    Args:
        server: Which.
        workers: Where coroutines run.
        elicit: Answers the server's own questions: the SDK's `elicitation_callback`.

    Attributes:
        listing: The server's tools, as the SDK has them; a new list object where they changed.
        capabilities: What the server can, as the SDK has it; None before it was connected.
        readable: Whether it has resources.
        about: What the server says of itself, in words.
        problem: Why it can't be used now, "" if it can.
    """

    def __init__(self, server: Server, workers: Submits, elicit: Callable[..., Any]) -> None:
        self.server, self._workers, self._elicit = server, workers, elicit
        self.listing: list[Any] = []
        self.capabilities: Any = None
        self.readable = False
        self.about = ""
        self.problem = "isn't started yet"
        self._first: Future[None] = Future()
        self._client: Client | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._stale: asyncio.Event | None = None
        self._ending: Ending | None = None
        self._keeper: Future[None] | None = None

    # ---- from any thread ---------------------------------------------------

    @property
    def client(self) -> Client:
        """The SDK's client.

        Raises:
            ServerError: There is none now; the text says why and what happens next.
        """
        if self._client is None:
            closed = self._stop is not None and self._stop.is_set()
            later = "" if closed else "; a new attempt is made soon, so try later"
            raise ServerError(f"MCP server {self.server.name!r} can't be used now: it {self.problem}{later}")
        return self._client

    @property
    def begun(self) -> bool:
        """Whether there is anything to close."""
        return self._keeper is not None

    @property
    def pid(self) -> int | None:
        """The number of the server's process, where it is one of ours."""
        return self._ending.pid if self._ending is not None else None

    def start(self) -> Future[None]:
        """Begin to connect, if that wasn't done.

        Returns:
            Done when the server's tools are known, or with a `ServerError`.
        """
        load_sdk()
        if self._keeper is None or (self._first.done() and self._first.exception() is not None):
            self._first = Future()
            self._keeper = self._workers.submit_async(self._keep())
        return self._first

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run something on the connection's loop.

        Args:
            work: What.
        """
        with contextlib.suppress(RuntimeError):  # raised where no loop runs in this thread
            if asyncio.get_running_loop() is self._loop:
                return _as_future(self._loop.create_task(work))
        return self._workers.submit_async(work)

    def lost(self, why: str) -> None:
        """Connect anew: the server doesn't know this connection any more. On the connection's loop.

        Args:
            why: What the tools say meanwhile.
        """
        if self._client is not None and self._ending is not None:
            self._gone(why)
            self._ending.over.set()

    async def ended(self) -> str:
        """How the server's process ended, once that is known; "" if it didn't. On the connection's loop."""
        ending = self._ending
        if ending is None or self.server.kind != "stdio":
            return ""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ending.over.wait(), 2.0)
        return ending.why() if ending.over.is_set() else ""

    async def close(self) -> None:
        """End the connection and the server's process. On the connection's loop."""
        if self._stop is not None:
            self._stop.set()
        if self._keeper is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wrap_future(self._keeper)

    # ---- on the loop ---------------------------------------------------------

    async def _keep(self) -> None:
        """Connect; and again, with growing pauses, whenever the connection ends."""
        _quieten()
        self._loop, failures = asyncio.get_running_loop(), 0
        stop = self._stop = asyncio.Event()
        while not stop.is_set():
            began = self._loop.time()
            self._ending = ending = Ending(self.server)
            try:
                await self._connected(ending, stop)
            except Exception as error:
                self._gone(f"{_reason(error, self.server, ending)}")
            if not self._first.done():
                self._first.set_exception(ServerError(f"MCP server {self.server.name!r}: {self.problem}"))
                return
            if stop.is_set():
                return
            failures = 1 if self._loop.time() - began > STEADY else failures + 1
            pause = BACK_OFF[min(failures, len(BACK_OFF)) - 1]
            LOG.warning("MCP server %r %s; the next attempt is in %g s", self.server.name, self.problem, pause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)

    def _gone(self, why: str) -> None:
        self._client, self.problem = None, why

    async def _connected(self, ending: Ending, stop: asyncio.Event) -> None:
        """One connection, from its beginning to its end."""
        async with contextlib.AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(self.server.start_timeout):
                    client = await stack.enter_async_context(self._new_client(ending))
                    await self._list_tools(client)
                    self.readable = await self._has_resources(client)
            except TimeoutError:
                said = f"; it wrote what is no MCP message: {ending.garbage!r}" if ending.garbage else ""
                raise ServerError(f"did not say what it can within {self.server.start_timeout:g} s{said}") from None
            self._client, self.problem, self.capabilities = client, "", client.server_capabilities
            info = client.server_info
            described = info and (getattr(info, "description", None) or info.title)
            self.about = client.instructions or described or ""
            if not self._first.done():
                self._first.set_result(None)
            watching = asyncio.create_task(self._watch(client))
            try:
                await _either(stop, ending.over)
            finally:
                watching.cancel()
                if self._client is not None:
                    self._gone(ending.why() if ending.over.is_set() else "is closed")

    def _new_client(self, ending: Ending) -> Client:
        from mcp import Client
        from mcp_types import Implementation

        from core_plus_mcp.transport import reach

        self._stale = asyncio.Event()
        return Client(
            reach(self.server, ending),
            mode=self.server.protocol,
            client_info=Implementation(name="core-plus", version="0.1.0"),
            elicitation_callback=self._elicit,
            message_handler=self._heard,
        )

    async def _heard(self, message: Any) -> None:
        """What a server says unasked: that its tools changed (before 2026-07-28), or what can't be read."""
        import mcp_types

        if isinstance(message, mcp_types.ToolListChangedNotification) and self._stale is not None:
            self._stale.set()
        elif isinstance(message, Exception):
            LOG.debug("MCP server %r: %s", self.server.name, self.server.redacted(str(message), 200))

    async def _watch(self, client: Client) -> None:
        """Have the list of tools read again where it changed."""
        stale = self._stale
        assert stale is not None
        listening = asyncio.create_task(self._listen(client, stale))
        try:
            while await stale.wait():
                stale.clear()
                try:
                    async with asyncio.timeout(self.server.timeout):
                        await self._list_tools(client)
                except Exception as error:  # of any library below; the old list holds on
                    why = _reason(error, self.server, self._ending)
                    LOG.warning("MCP server %r: its new list of tools can't be read: %s", self.server.name, why)
        finally:
            listening.cancel()

    async def _listen(self, client: Client, stale: asyncio.Event) -> None:
        """Since 2026-07-28 a client asks for a stream of changes; one that is lost is asked for again."""
        from mcp_types.version import MODERN_PROTOCOL_VERSIONS

        changes = getattr(client.server_capabilities.tools, "list_changed", None)
        if client.protocol_version not in MODERN_PROTOCOL_VERSIONS or not changes:
            return
        for pause in BACK_OFF:
            try:
                async with client.listen(tools_list_changed=True) as events:
                    async for _ in events:
                        stale.set()
            except Exception as error:  # of any library below: without it, the list is read at the next start
                LOG.debug("MCP server %r: no stream of changes: %s", self.server.name, type(error).__name__)
            await asyncio.sleep(pause)
            stale.set()  # what happened meanwhile isn't told again

    async def _has_resources(self, client: Client) -> bool:
        """Whether there is anything to read: SDKs announce resources for servers that have none."""
        from mcp import MCPError

        if client.server_capabilities.resources is None:
            return False
        try:
            if (await client.list_resources()).resources:
                return True
            return bool((await client.list_resource_templates()).resource_templates)
        except MCPError:  # it announces what it hasn't
            return False

    async def _list_tools(self, client: Client) -> None:
        if client.server_capabilities.tools is None:
            self.listing = []
            return
        self.listing = await pages(lambda cursor: client.list_tools(cursor=cursor, cache_mode="refresh"), "tools")


async def pages(ask: Callable[[str | None], Awaitable[Any]], field: str) -> list[Any]:
    """All of a list that a server gives page by page.

    Args:
        ask: Asks for the page that begins at a cursor, None for the first.
        field: Where its items stand.
    """
    found: list[Any] = []
    cursor: str | None = None
    for _ in range(PAGES):
        page = await ask(cursor)
        found += getattr(page, field)
        before, cursor = cursor, page.next_cursor
        if cursor is None or cursor == before:
            return found
    raise ServerError(f"has more than {PAGES} pages of {field}")


def load_sdk() -> None:
    """Import what the first connection would: a second's work, which must not hold up the loop and its clocks."""
    for name in ("mcp", "mcp.client.stdio", "mcp.client.streamable_http", "mcp.shared.message", "jsonschema"):
        import_module(name)


def _quieten() -> None:
    """Keep the SDK's complaints, which our errors hold, off the terminal of a program that has set up no logging.

    Who has handlers gets them as before.
    """
    for name in ("mcp", "client"):
        if not (logger := logging.getLogger(name)).handlers:
            logger.addHandler(logging.NullHandler())


async def _either(*events: asyncio.Event) -> None:
    tasks = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def _as_future(task: asyncio.Task[T]) -> Future[T]:
    future: Future[T] = Future()
    future.add_done_callback(lambda done: task.cancel() if done.cancelled() else None)

    def settle(done: asyncio.Task[T]) -> None:
        if done.cancelled():
            future.cancel()
        elif (error := done.exception()) is not None:
            future.set_exception(error)
        else:
            future.set_result(done.result())

    task.add_done_callback(settle)
    return future


def innermost(error: BaseException) -> BaseException:
    """What lies at the bottom of groups of errors, which task groups make of one.

    Args:
        error: Any error.
    """
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return error


def _reason(error: BaseException, server: Server, ending: Ending | None) -> str:
    """Why a connection failed, in a few words that hold no secret."""
    found = innermost(error)
    text = str(found) or type(found).__name__
    if isinstance(found, ServerError):
        return server.redacted(text.removeprefix(f"MCP server {server.name!r} "))
    if type(found).__name__ == "ValidationError":
        text = f"it answered what is no MCP: {text}"
    if ending is not None and ending.over.is_set() and server.kind == "stdio":
        return ending.why()
    if server.url is not None:
        text = f"{text} ({server.place})"
    return server.redacted(f"could not be reached: {text}" if server.url else text, 500)
